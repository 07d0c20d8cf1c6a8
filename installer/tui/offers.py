"""What the list of commands offers: the keys of the current screen, then what can be done anywhere.

Invariant: what needs a zone where none is open is not offered.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from installer import language
from installer.language import TONGUES, mark
from installer.language import translate as _
from installer.tui.widgets.commands import Command
from installer.tui.widgets.page import is_home

if TYPE_CHECKING:
    from installer.tui.app import Screens

_PLACES = (
    ("overview", mark("To the overview")),
    ("catalog", mark("To the catalog")),
    ("media", mark("Import from a stick")),
    ("check", mark("Check the zone")),
    ("registry", mark("Registry")),
    ("audit", mark("Audit")),
    ("tasks", mark("Tasks")),
    ("settings", mark("Settings")),
    ("site", mark("Site plan")),
    ("report", mark("Hand-over report")),
)


def commands(app: Screens) -> list[Command]:
    """All that can be done now."""
    found: dict[str, Command] = {}
    for one in [*_of_screen(app), *_anywhere(app)]:
        found.setdefault(one.name, one)
    return [*found.values()]


def _of_screen(app: Screens) -> Iterator[Command]:
    for one in app.screen.active_bindings.values():
        binding = one.binding
        if one.enabled and binding.show and binding.action != "commands":
            key = app.get_key_display(binding)
            yield Command(key, _(binding.description), binding.action, one.node)


def _anywhere(app: Screens) -> Iterator[Command]:
    if any(is_home(screen) for screen in app.screen_stack):
        for place, name in _PLACES:
            yield Command("", _(name), f"go('{place}')", app)
    # Each in its own language, so that whoever reads only that one finds it.
    for tongue, name in TONGUES.items():
        if tongue != language.active():
            yield Command("", _("Language: {name}").format(name=name), f"speak('{tongue}')", app)
