"""What was saved of a release's data: read again, brought back, let go of; and saved anew."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Static

from champ_offline.appliance import Appliance
from champ_offline.release.data.backups import Backup, State
from installer.language import mark
from installer.language import translate as _
from installer.quantities import minute, size
from installer.terminal_text import printable
from installer.tui.routes import CarryOut, ShowBackups
from installer.tui.screens.review import TextScreen
from installer.tui.widgets.dialogs import TextDialog
from installer.tui.widgets.page import Page
from installer.tui.widgets.rows import Rows
from installer.words import word


@dataclass(eq=False)
class BackupsRead(Message):
    """The release's backups, the newest first."""

    backups: Sequence[Backup]


class BackupsScreen(Page):
    """A row for each backup; what takes long is a task."""

    NAME = mark("Saved data")
    PURPOSE = mark(
        "What was saved of what a release keeps, by the commands that its app declares. What is"
        " there now is saved before an older backup is brought back."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "save", mark("Save now")),
        Binding("b", "restore", mark("Bring the marked one back")),
        Binding("v", "verify", mark("Read it again")),
        Binding("x", "remove", mark("Delete it")),
        Binding("r", "look", mark("Refresh")),
    ]

    backups: Sequence[Backup] = ()

    def __init__(self, wanted: ShowBackups) -> None:
        super().__init__()
        self.wanted = wanted

    def title_text(self) -> str:
        """Whose data."""
        return f"{_(self.NAME)} {printable(self.wanted.release)}"

    def body(self) -> ComposeResult:
        """How many, then each."""
        yield Static("", id="facts", markup=False)
        none = _("none: press s to save what the release keeps now")
        yield Rows(id="backups", empty=none, verb=mark("Details"), numbered=False)

    def on_screen_resume(self) -> None:
        """Read them whenever this screen is seen again."""
        self.action_look()

    def action_look(self) -> None:
        """Read them."""
        opened, wanted = self.desk.appliance, self.wanted
        self.start(lambda: look(opened(), wanted.release, wanted.space))

    def on_backups_read(self, message: BackupsRead) -> None:
        """Show them."""
        self.backups = message.backups
        told = _("Backups: {count}, {size} in all; the newest first").format(
            count=len(self.backups), size=size(sum(one.size for one in self.backups))
        )
        self.say("facts", told if self.backups else "")
        header = [_("BACKUP"), _("VERSION"), _("BEGAN"), _("WHY"), _("STATE"), _("SIZE")]
        rows = [
            [str(one.number), one.subject.version, minute(one.began), word(one.why),
             word(one.state), size(one.size)]
            for one in self.backups
        ]  # fmt: skip
        self.query_one(Rows).show(header if rows else [], rows)
        self.refresh_bindings()

    def on_rows_chosen(self, message: Rows.Chosen) -> None:
        """Show all that is known of a backup."""
        one = self.backups[message.index]
        self.app.push_screen(TextScreen(f"{_('BACKUP')} {one.number}", record(one)))

    def on_rows_moved(self, _message: Rows.Moved) -> None:
        """Only a whole one can be brought back."""
        self.refresh_bindings()

    def check_action(self, action: str, _parameters: tuple[object, ...]) -> bool | None:
        """Something must be marked; only what is whole is worth reading."""
        if action in {"restore", "verify"}:
            return bool(self.backups) and self._marked().state is State.WHOLE
        return action != "remove" or bool(self.backups)

    def action_save(self) -> None:
        """Save what is there now, as a task."""
        self.post_message(CarryOut(("data", "save", self.wanted.release, *self._place())))

    def action_verify(self) -> None:
        """Read every byte again, as a task."""
        self.post_message(CarryOut(("data", "verify", str(self._marked().number))))

    def action_restore(self) -> None:
        """Ask for the release's name, then bring it back as a task."""
        one, release = self._marked(), self.wanted.release
        told = _("This replaces the data of {name} by what was saved.").format(name=release)
        more = _("It stands still meanwhile; what is there now is saved before.")
        words = ("data", "restore", release, str(one.number), "--confirm", release)
        self._confirmed(f"{told} {more}", lambda: self._carry_out(*words, *self._place()))

    def action_remove(self) -> None:
        """Ask for the release's name, then let go of it."""
        opened, wanted, number = self.desk.appliance, self.wanted, self._marked().number

        def remove() -> BackupsRead:
            appliance = opened()
            appliance.releases.backups.remove(number)
            return look(appliance, wanted.release, wanted.space)

        told = _("This lets go of saved data of {name}.").format(name=wanted.release)
        self._confirmed(told, lambda: self.start(remove))

    def _confirmed(self, told: str, act: Callable[[], object]) -> None:
        name = self.wanted.release

        def refuse(text: str) -> str:
            wrong = _("That is not the name: {name}").format(name=name)
            return "" if text == name else wrong

        def take(text: str | None) -> None:
            if text is not None:
                act()

        question = f"{told}\n{_('Type the release name to confirm:')}"
        self.app.push_screen(TextDialog(question, "", refuse), take)

    def _carry_out(self, *words: str) -> None:
        self.post_message(CarryOut(words))

    def _marked(self) -> Backup:
        return self.backups[self.query_one(Rows).cursor]

    def _place(self) -> list[str]:
        """Where the release is, as options of a command."""
        way: Path | None = self.desk.kubeconfig
        cluster = [] if way is None else ["--kubeconfig", str(way.absolute())]
        return ["--namespace", self.wanted.space, *cluster]


def look(appliance: Appliance, release: str, namespace: str) -> BackupsRead:
    """The release's backups; for a worker."""
    return BackupsRead(appliance.releases.backups.listed(release, namespace)[::-1])


def record(one: Backup) -> str:
    """All that is known of a backup, with the digest of each part."""
    pairs = (
        (_("WHAT"), f"{one.subject.app} {one.subject.version}"),
        (_("REVISION"), str(one.subject.revision)),
        (_("BEGAN"), one.began),
        (_("ENDED"), one.ended or "-"),
        (_("WHY"), word(one.why)),
        (_("WHO"), one.actor),
        (_("STATE"), word(one.state)),
    )
    lines = [f"{label}: {value}" for label, value in pairs]
    for part in one.parts:
        lines += ["", f"{part.name}  {size(part.size)}", f"  {part.digest}"]
    return "\n".join(lines)
