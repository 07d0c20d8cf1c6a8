"""The registry's clients: who may pull, push and delete, and where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Static

from champ_offline.journal.process import current_user
from champ_offline.registry.clients import Account
from installer.language import mark
from installer.language import translate as _
from installer.terminal_text import printable_lines
from installer.tui.widgets.dialogs import ChoiceDialog
from installer.tui.widgets.page import Page
from installer.tui.widgets.rows import Rows
from installer.words import word


@dataclass(eq=False)
class ClientsRead(Message):
    """Every client, by name."""

    accounts: Sequence[Account]


class ClientsScreen(Page):
    """A row for each client; a new one is added where its password can be typed unseen."""

    NAME = mark("Clients of the registry")
    PURPOSE = mark(
        "Who has a name in the registry, and what each may. One that is removed is out at once."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("x", "remove", mark("Remove the marked one")),
        Binding("r", "look", mark("Refresh")),
    ]

    accounts: Sequence[Account] = ()

    def body(self) -> ComposeResult:
        """The list, and how one is added."""
        none = _("none: nobody has a name here")
        yield Rows(id="clients", empty=none, verb=mark("Choose"), numbered=False)
        yield Static(self._how(), id="how", classes="foot", markup=False)

    def on_mount(self) -> None:
        """Read them."""
        self.action_look()

    def action_look(self) -> None:
        """Read them."""
        opened = self.desk.appliance
        self.start(lambda: ClientsRead(opened().registry.clients.all()))

    def on_clients_read(self, message: ClientsRead) -> None:
        """Show them."""
        self.accounts = message.accounts
        rows = [[one.name, may(one), one.added[:10]] for one in message.accounts]
        header = [_("CLIENT"), _("MAY"), _("ADDED")] if rows else []
        self.query_one(Rows).show(header, rows, choices=0)
        self.refresh_bindings()

    def check_action(self, action: str, _parameters: tuple[object, ...]) -> bool | None:
        """One that is there can be removed."""
        return action != "remove" or bool(self.accounts)

    def action_remove(self) -> None:
        """Ask, then remove the one that is marked."""
        name = self.accounts[self.query_one(Rows).cursor].name
        question = _("Remove the client {name}? Its password and tokens end at once.")
        choices = [_("Keep it"), _("Remove it")]

        def take(choice: int | None) -> None:
            if choice == 1:
                self._remove(name)

        self.app.push_screen(ChoiceDialog(question.format(name=name), choices), take)

    def _remove(self, name: str) -> None:
        opened = self.desk.appliance

        def remove() -> ClientsRead:
            clients = opened().registry.clients
            clients.remove(name, current_user())
            return ClientsRead(clients.all())

        self.start(remove)

    def _how(self) -> str:
        told = _("A client is added with its password at a prompt:")
        return f"{told}\n  champ registry client add NAME --push 'team/*'"


def may(account: Account) -> str:
    """`pull,push team/*`, for each of its roles."""
    told = (f"{','.join(map(word, sorted(role.actions)))} {role.pattern}" for role in account.roles)
    return printable_lines("; ".join(told))
