"""What is set: the person's language and look, what the zone keeps, its clusters and registry."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Static

from champ_offline.appliance import Appliance
from champ_offline.errors import ChampError
from champ_offline.journal.process import current_user
from champ_offline.release.clusters import NamedCluster
from champ_offline.zone import ZoneSettings
from installer import own_settings
from installer.error_text import note, sentences
from installer.language import TONGUES, mark
from installer.language import translate as _
from installer.own_settings import LANGUAGE, LOOK
from installer.quantities import minute
from installer.settings_list import (
    ANONYMOUS,
    BACKUPS,
    CLUSTERS,
    MOST_KEPT,
    REGISTRY,
    REVISIONS,
    Setting,
    decided,
    name_of,
    of_zone,
    own,
    shown,
    variable,
)
from installer.terminal_text import printable_lines
from installer.tui.routes import KeepSetting, ShowRegistry, ShowSettings
from installer.tui.screens.review import TextScreen
from installer.tui.widgets.dialogs import ChoiceDialog, ErrorDialog, TextDialog
from installer.tui.widgets.page import Page
from installer.tui.widgets.rows import Rows

# What a row of the list is about: a setting, or one of the clusters.
_Row = Setting | NamedCluster


@dataclass(eq=False)
class SettingsRead(Message):
    """What the zone is set to; `trouble` says why the person's own settings are not followed.

    `minded` is what somebody has to see to about what was just done.
    """

    zone: ZoneSettings
    trouble: ChampError | None
    minded: ChampError | None = None


class SettingsScreen(Page):
    """A row for each setting; Enter changes it, or leads to where it is changed."""

    NAME = mark("Settings")
    PURPOSE = mark(
        "What is set, who decided it and what changes it: your language and look for every zone,"
        " the rest for this one. What is changed of the zone is recorded in its audit chain."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "add", mark("Add a cluster")),
        Binding("x", "remove", mark("Let go of the cluster's name")),
        Binding("r", "look", mark("Refresh")),
    ]

    rows: Sequence[_Row] = ()
    read: SettingsRead | None = None

    def body(self) -> ComposeResult:
        """The list; below, what changes the one that is marked."""
        yield Static(_("Reading the settings ..."), id="said", markup=False)
        yield Rows(id="settings", verb=mark("Change it"))
        yield Static("", id="how", classes="foot", markup=False)

    def on_screen_resume(self) -> None:
        """Look anew whenever this screen is seen again."""
        self.action_look()

    def action_look(self) -> None:
        """Read them."""
        self._do(lambda _appliance: None)

    def on_settings_read(self, message: SettingsRead) -> None:
        """Show them."""
        self.read = message
        found = [*own(), *of_zone(message.zone)]
        self.rows = [row for one in found for row in _with_clusters(one, message.zone)]
        self.say("said", note(message.trouble) if message.trouble else "")
        header = [_("SETTING"), _("VALUE"), _("DECIDED BY")]
        self.query_one(Rows).show(header, list(map(_cells, self.rows)))
        self.refresh_bindings()
        if message.minded is not None:
            self.app.push_screen(ErrorDialog(message.minded))

    def on_rows_moved(self, message: Rows.Moved) -> None:
        """Say what changes it."""
        self.say("how", printable_lines(_how(self.rows[message.index])))
        self.refresh_bindings()

    def on_rows_chosen(self, message: Rows.Chosen) -> None:
        """Change it here, or go where that is done."""
        match self.rows[message.index]:
            case Setting(name=name) if name in {LANGUAGE, LOOK}:
                self._ask_own(name)
            case Setting(name=name, value=int(kept)):
                self._ask_number(name, kept)
            case Setting(name=name) if name == CLUSTERS:
                self.action_add()
            case Setting(name=name) if name in {REGISTRY, ANONYMOUS}:
                self.post_message(ShowRegistry())
            case Setting(name=name):
                self.app.push_screen(TextScreen(name_of(name), self._policy()))
            case NamedCluster() as cluster:
                self.app.push_screen(TextScreen(cluster.name, _told(cluster)))

    def check_action(self, action: str, _parameters: tuple[object, ...]) -> bool | None:
        """A name can be let go of where a cluster is marked."""
        return action != "remove" or self._marked() is not None

    def _ask_own(self, name: str) -> None:
        """Let the person choose; the system is the first choice."""
        values: list[str | None] = [None, *own_settings.VALUES[name]]
        if name == LANGUAGE:
            question = _("Which language, in every zone? The screens start over in it.")
            choices = [_("as the system's locale says"), *TONGUES.values()]
        else:
            question = _("How shall texts be drawn, in every zone? The screens start over.")
            choices = [
                _("as each terminal is measured, from the next start on"),
                _("plain characters: right on every terminal"),
                _("all characters: where a terminal has them, unmeasured"),
            ]

        def take(choice: int | None) -> None:
            if choice is not None:
                self.post_message(KeepSetting(name, values[choice], ShowSettings()))

        self.app.push_screen(ChoiceDialog(question, choices), take)

    def _ask_number(self, name: str, kept: int) -> None:
        question = {
            REVISIONS: _("How many revisions of each release are kept, to be returned to?"),
            BACKUPS: _("How many whole backups of each release's data are kept?"),
        }[name]
        told = _("What no longer counts goes with the next `champ store gc --apply`.")
        dialog = TextDialog(f"{question}\n{told}", str(kept), _refuse_number)
        self.app.push_screen(dialog, partial(self._retain, name.removeprefix("retention.")))

    def _retain(self, which: str, text: str | None) -> None:
        if text is None:
            return

        def retain(appliance: Appliance) -> None:
            records = appliance.upkeep.records
            records.retain(replace(records.retention(), **{which: int(text)}))

        self._do(retain)

    def action_add(self) -> None:
        """Ask for a name and a file, and name the cluster that the file leads to."""
        question = _("What shall the cluster be called here, for example main?")

        def named(name: str | None) -> None:
            if name is not None:
                self._ask_file(name)

        self.app.push_screen(TextDialog(question, refuse=_refuse_empty), named)

    def _ask_file(self, name: str) -> None:
        question = _("Where is the kubeconfig file of {name}? Only its place is remembered.")

        def add(text: str | None) -> None:
            if text is not None:
                path = Path(text).expanduser()
                self._do(lambda appliance: appliance.releases.add_cluster(name, path).exposed)

        dialog = TextDialog(question.format(name=name), refuse=_refuse_empty)
        self.app.push_screen(dialog, add)

    def action_remove(self) -> None:
        """Ask, then let go of the name that is marked."""
        cluster = self._marked()
        if cluster is None:
            return
        text = _("Let go of the name {name}? The cluster and all that runs there stay as they are.")
        choices = [_("Keep it"), _("Let go of it")]

        def remove(appliance: Appliance) -> None:
            appliance.releases.clusters.remove(cluster.name, current_user())

        def take(choice: int | None) -> None:
            if choice == 1:
                self._do(remove)

        self.app.push_screen(ChoiceDialog(text.format(name=cluster.name), choices), take)

    def _do(self, act: Callable[[Appliance], ChampError | None]) -> None:
        """Do it in a worker, then read everything anew; `act` gives what is to be minded."""
        opened = self.desk.appliance

        def done() -> SettingsRead:
            appliance = opened()
            minded = act(appliance)
            return SettingsRead(appliance.settings(), own_settings.followed()[1], minded)

        self.start(done)

    def _marked(self) -> NamedCluster | None:
        cursor = self.query_one(Rows).cursor
        row = self.rows[cursor] if cursor < len(self.rows) else None
        return row if isinstance(row, NamedCluster) else None

    def _policy(self) -> str:
        lines = [
            _(
                "A policy is a file that says what may be changed without a person. It is given to"
                " each run; the zone keeps none, but records under which one a run changed"
                " something."
            )
        ]
        if self.read is not None and self.read.zone.policy:
            text = _("The last run that changed anything ended on {time} UTC, under {digest}.")
            zone = self.read.zone
            lines.append(text.format(time=minute(zone.ran), digest=zone.policy))
        else:
            lines.append(_("No run changed anything in this zone yet."))
        commands = ("champ policy check FILE", "champ run --policy FILE MEDIA", "champ policy unit")
        return "\n\n".join([*lines, "\n".join(commands)])


def _with_clusters(setting: Setting, zone: ZoneSettings) -> list[_Row]:
    """The setting's row; the clusters stand below theirs."""
    return [setting, *zone.clusters] if setting.name == CLUSTERS else [setting]


def _cells(row: _Row) -> list[str]:
    if isinstance(row, NamedCluster):
        return [f"  {row.name}", row.address, ""]
    if isinstance(row.value, tuple):
        return [name_of(row.name), str(len(row.value)), ""]
    return [
        name_of(row.name),
        shown(row),
        " ".join(filter(None, (decided(row.source), variable(row)))),
    ]


def _how(row: _Row) -> str:
    """The command that does the same."""
    if isinstance(row, NamedCluster):
        return f"{row.kubeconfig}\n" + _("By a command: {command}").format(
            command=f"champ cluster remove {row.name}"
        )
    lines = [_("By a command: {command}").format(command=row.change)]
    if row.name in {LANGUAGE, LOOK}:
        order = _("An option or {variable} comes before your setting, that before the system.")
        lines.append(order.format(variable=f"CHAMP_{'LANG' if row.name == LANGUAGE else 'LOOK'}"))
    return "\n".join(lines)


def _told(cluster: NamedCluster) -> str:
    """All that is known of a cluster here."""
    pairs = (
        (_("identity"), cluster.identity),
        (_("address"), cluster.address),
        (_("kubeconfig"), str(cluster.kubeconfig)),
        (_("added"), minute(cluster.added)),
    )
    lines = [f"{label}: {value}" for label, value in pairs]
    exposed = cluster.exposed
    return "\n".join([*lines, *(["", "\n".join(sentences(exposed))] if exposed else [])])


def _refuse_number(text: str) -> str:
    if text.isdecimal() and text.isascii() and 1 <= int(text[:9]) <= MOST_KEPT:
        return ""
    return _("A whole number from 1 to {most}, please.").format(most=MOST_KEPT)


def _refuse_empty(text: str) -> str:
    return "" if text else _("An empty text names nothing.")
