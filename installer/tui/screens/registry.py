"""The registry that nodes pull from: whether it serves, its certificates, what can be pulled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Static

from champ_offline.errors import ChampError
from champ_offline.journal.process import current_user
from champ_offline.registry.clients import Anonymous
from champ_offline.serving import Serving
from champ_offline.store.refs import Ref
from installer.error_text import note
from installer.language import mark
from installer.language import translate as _
from installer.terminal_text import printable_lines
from installer.tui.routes import BrowseClients, CarryOut
from installer.tui.screens.review import TextScreen
from installer.tui.widgets.dialogs import ChoiceDialog
from installer.tui.widgets.page import Page
from installer.tui.widgets.rows import Rows
from installer.words import word

# Loaded when somebody looks here: it takes a while, and the overview comes first.
if TYPE_CHECKING:
    from champ_offline.external.verbs import ExternalView
    from champ_offline.registry.authority import Standing


@dataclass(frozen=True)
class Repository:
    """A name and what its tags lead to."""

    name: str
    tags: tuple[Ref, ...]


@dataclass(eq=False)
class RegistryRead(Message):
    """How the registry stands; `trouble` says what is wrong with its authority."""

    served: bool
    standing: Standing
    anonymous: Anonymous
    clients: int
    external: ExternalView | None
    repositories: Sequence[Repository]
    trouble: str = ""


class RegistryScreen(Page):
    """A row for each repository; Enter shows what its tags lead to."""

    NAME = mark("Registry")
    PURPOSE = mark(
        "What nodes pull, from where, and who may push. Enter shows what the tags of a name are."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "clients", mark("Clients")),
        Binding("a", "anonymous", mark("What everybody may")),
        Binding("p", "push", mark("Push to the site's registry")),
        Binding("r", "look", mark("Refresh")),
    ]

    read: RegistryRead | None = None

    def body(self) -> ComposeResult:
        """Facts, then the repositories."""
        yield Static(_("Looking at the registry ..."), id="facts", markup=False)
        yield Static("", id="trouble", classes="gap", markup=False)
        none = _("nothing can be pulled: import a bundle first")
        yield Rows(id="repositories", empty=none, verb=mark("What its tags are"), numbered=False)

    def on_screen_resume(self) -> None:
        """Look anew whenever this screen is seen again."""
        self.action_look()

    def action_look(self) -> None:
        """Read how it stands."""
        opened = self.desk.appliance
        self.start(lambda: look(opened().registry))

    def on_registry_read(self, message: RegistryRead) -> None:
        """Show it."""
        self.read = message
        self.say("facts", facts(message))
        self.say("trouble", message.trouble)
        rows = [[one.name, str(len(one.tags))] for one in message.repositories]
        self.query_one(Rows).show([_("REPOSITORY"), _("TAGS")] if rows else [], rows)
        self.refresh_bindings()

    def on_rows_chosen(self, message: Rows.Chosen) -> None:
        """Show the repository's tags."""
        if self.read is not None:
            chosen = self.read.repositories[message.index]
            lines = [f"{ref.tag}\n  {ref.descriptor.digest}" for ref in chosen.tags]
            self.app.push_screen(TextScreen(chosen.name, "\n".join(lines)))

    def check_action(self, action: str, _parameters: tuple[object, ...]) -> bool | None:
        """There is something to push to only where the site has a registry."""
        if action == "push":
            return self.read is not None and self.read.external is not None
        return action != "anonymous" or self.read is not None

    def action_clients(self) -> None:
        """Who may push, pull and delete."""
        self.post_message(BrowseClients())

    def action_anonymous(self) -> None:
        """Say what everybody may without a name."""
        question = _("What may everybody do without saying who it is?")
        choices = [_("pull"), _("nothing")]
        self.app.push_screen(ChoiceDialog(question, choices), self._allow)

    def _allow(self, choice: int | None) -> None:
        if choice is None:
            return
        opened, allowed = self.desk.appliance, (Anonymous.PULL, Anonymous.NONE)[choice]

        def allow() -> RegistryRead:
            registry = opened().registry
            registry.clients.allow(allowed, current_user())
            return look(registry)

        self.start(allow)

    def action_push(self) -> None:
        """Bring everything to the site's registry, as a task."""
        self.post_message(CarryOut(("registry", "push")))


def look(registry: Serving) -> RegistryRead:
    """How it stands; for a worker."""
    trouble = ""
    try:
        registry.authority.check()
    except ChampError as error:
        trouble = note(error)
    access = registry.clients.view()
    return RegistryRead(
        served=registry.served,
        standing=registry.authority.standing(),
        anonymous=access.anonymous,
        clients=access.clients,
        external=registry.external.view() if registry.elsewhere else None,
        repositories=repositories(registry.names),
        trouble=trouble,
    )


def repositories(names: Sequence[Ref]) -> tuple[Repository, ...]:
    """What can be pulled, by repository."""
    ordered = sorted(names, key=lambda ref: (ref.name, ref.tag))
    grouped = groupby(ordered, key=lambda ref: ref.name)
    return tuple(Repository(name, tuple(refs)) for name, refs in grouped)


def facts(read: RegistryRead) -> str:
    """Served or not, the authority, who may what, where nodes pull from instead."""
    if read.served:
        lines = [_("It is served by a process of this machine.")]
    else:
        lines = [_("Nobody serves it here now: `champ registry serve` does.")]
    standing = read.standing
    if standing.fingerprint or standing.found:
        lines.append(_("Fingerprint of its authority, to be compared on nodes:"))
        lines += _halves(standing.fingerprint or standing.found)
    if standing.not_after is not None:
        text = _("Its authority is valid until {day}")
        lines.append(text.format(day=standing.not_after.date().isoformat()))
    text = _("Without a name everybody may: {what}; clients with a name: {count}")
    lines.append(text.format(what=word(read.anonymous), count=read.clients))
    if read.external is not None:
        text = _("Nodes pull from {address} instead: {pushed} names are there, {waiting} wait")
        seen = read.external
        lines.append(text.format(address=seen.address, pushed=seen.pushed, waiting=seen.waiting))
    return printable_lines("\n".join(lines))


def _halves(fingerprint: str) -> list[str]:
    middle = fingerprint.find(":", len(fingerprint) // 2)
    return [f"  {fingerprint[: middle + 1]}", f"  {fingerprint[middle + 1 :]}"]
