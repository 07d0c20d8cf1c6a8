"""Every setting with its value, who decided it, and what changes it: for the verb and the screen.

Invariant: a setting is changed in one way only; those of the zone by their own verbs, which record
it. Nothing is decided here.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from installer import language, look
from installer.decided import DecidedBy
from installer.language import TONGUES, mark
from installer.language import translate as _
from installer.own_settings import LANGUAGE, LOOK

if TYPE_CHECKING:
    from champ_offline.zone import ZoneSettings

REVISIONS, BACKUPS = "retention.revisions", "retention.backups"
CLUSTERS, REGISTRY, ANONYMOUS = "clusters", "registry", "registry.anonymous"
POLICY = "policy"
# The most that can be kept of each release.
MOST_KEPT: Final = 1000

_NAMES = {
    LANGUAGE: mark("Language"),
    LOOK: mark("How texts are drawn"),
    REVISIONS: mark("Revisions kept of each release"),
    BACKUPS: mark("Backups kept of each release"),
    CLUSTERS: mark("Clusters"),
    REGISTRY: mark("Nodes pull from"),
    ANONYMOUS: mark("Everybody may, in the registry"),
    POLICY: mark("Policy of the last change"),
}
_DECIDED = {
    DecidedBy.OPTION: mark("option"),
    DecidedBy.ENVIRONMENT: mark("environment"),
    DecidedBy.ANSWER: mark("your answer"),
    DecidedBy.OWN: mark("your setting"),
    DecidedBy.LOCALE: mark("locale"),
    DecidedBy.TERMINAL: mark("terminal"),
    DecidedBy.ZONE: mark("the zone"),
    DecidedBy.DEFAULT: mark("built in"),
}


@dataclass(frozen=True)
class Setting:
    """`value` is as JSON has it, None where nothing decided yet; `change` the command for it."""

    name: str
    value: str | int | tuple[str, ...] | None
    source: DecidedBy
    change: str


def own() -> list[Setting]:
    """Whoever runs this: the language and the look in use."""
    drawn = look.active()
    return [
        Setting(
            LANGUAGE, language.active(), language.decided_by(), f"champ settings set {LANGUAGE}"
        ),
        Setting(LOOK, drawn and drawn.value, look.decided_by(), f"champ settings set {LOOK}"),
    ]


def of_zone(found: ZoneSettings) -> list[Setting]:
    """What the zone is set to."""
    kept = DecidedBy.ZONE if found.retained else DecidedBy.DEFAULT
    names = tuple(one.name for one in found.clusters)
    retain = "champ zone retention --"
    return [
        Setting(REVISIONS, found.retention.revisions, kept, f"{retain}revisions"),
        Setting(BACKUPS, found.retention.backups, kept, f"{retain}backups"),
        Setting(CLUSTERS, names, _if(bool(names)), "champ cluster add"),
        Setting(
            REGISTRY, found.registry or None, _if(bool(found.registry)),
            "champ registry external set",
        ),
        Setting(
            ANONYMOUS, found.anonymous.value, _if(found.anonymous != "pull"),
            "champ registry access",
        ),
        Setting(POLICY, found.policy or None, _if(bool(found.policy)), "champ run --policy"),
    ]  # fmt: skip


def name_of(name: str) -> str:
    """What a setting is called in the user's language."""
    return _(_NAMES[name])


def decided(source: DecidedBy) -> str:
    """Who decided it, in the user's language; with the variable where it is one."""
    return _(_DECIDED[source])


def variable(setting: Setting) -> str:
    """The environment's variable that decided it; empty where none did."""
    if setting.source is DecidedBy.ENVIRONMENT:
        return "CHAMP_LANG" if setting.name == LANGUAGE else "CHAMP_LOOK"
    if setting.source is DecidedBy.LOCALE:
        return next((name for name in language.VARIABLES[1:] if os.environ.get(name)), "")
    return ""


def shown(setting: Setting) -> str:
    """The value, in the user's language."""
    from installer.words import word

    match setting.name, setting.value:
        case (name, None):
            return _(_UNSET[name])
        case ("language", str(value)):
            return TONGUES[value]
        case ("look", str(value)):
            return _(_LOOKS[value])
        case ("registry.anonymous", str(value)):
            return word(value)
        case (_name, tuple(names)):
            return ", ".join(names) or _("none")
    return str(setting.value)


_UNSET = {
    LOOK: mark("as the terminal is measured"),
    REGISTRY: mark("the zone's registry"),
    POLICY: mark("none"),
}
_LOOKS = {"ascii": mark("plain characters"), "rich": mark("all characters")}


def _if(set_here: bool) -> DecidedBy:  # noqa: FBT001 - a step of its own
    return DecidedBy.ZONE if set_here else DecidedBy.DEFAULT
