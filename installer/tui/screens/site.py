"""A site's document in this zone: what making the zone so would change, and to do it.

Invariant: what is applied is the plan that was shown, named by its digest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Static

from champ_offline.appliance import Appliance
from champ_offline.errors import ChampError
from champ_offline.events import ignore
from champ_offline.oci.digest import Digest
from champ_offline.release.plan import Plan
from champ_offline.site.check import Problem
from champ_offline.site.plan import Member, SitePlan
from champ_offline.site.verbs import WORKERS, Sites
from installer.error_text import sentences
from installer.language import mark
from installer.language import translate as _
from installer.plan_text import review
from installer.terminal_text import printable, printable_lines
from installer.tui.routes import CarryOut
from installer.tui.screens.concerns import ConcernsScreen
from installer.tui.screens.review import TextScreen
from installer.tui.widgets.dialogs import TextDialog
from installer.tui.widgets.page import Page
from installer.tui.widgets.rows import Rows
from installer.words import word

# A line of a text with its scroll bar and margins.
_COLUMNS = 76


@dataclass(eq=False)
class SitePlanned(Message):
    """The plan of the site, and those of its members by their digest."""

    plan: SitePlan
    plans: Mapping[Digest, bytes]


@dataclass(eq=False)
class SiteRefused(Message):
    """The document cannot be planned: everything that is wrong with it."""

    problems: Sequence[Problem]


class SiteScreen(Page):
    """A row for each release that changes, in the order in which it would."""

    NAME = mark("Site plan")
    PURPOSE = mark(
        "What making this zone as the site's document says would change, release by release, in"
        " waves. Applying does this and nothing else, and wants the zone's name typed."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "apply", mark("Apply")),
        Binding("c", "concerns", mark("Concerns")),
        Binding("o", "document", mark("Another document")),
        Binding("r", "look", mark("Plan again")),
    ]

    plan: SitePlan | None = None
    plans: Mapping[Digest, bytes] = MappingProxyType({})
    members: Sequence[Member] = ()
    accepted: tuple[str, ...] = ()

    def body(self) -> ComposeResult:
        """Which document, its members, what is to be known of the one that is meant."""
        yield Static("", id="facts", markup=False)
        yield Rows(id="members", verb=mark("Read its plan"), numbered=False)
        yield Static("", id="about", classes="foot", markup=False)

    def on_mount(self) -> None:
        """Plan the document that was planned last, or ask for one."""
        self.say("about", "")
        if self.desk.site is None:
            self.action_document()
        else:
            self.action_look()

    def action_document(self) -> None:
        """Ask where the document is."""

        def refuse(text: str) -> str:
            there = Path(text).expanduser().is_file()
            return "" if there else _("There is no file {path}.").format(path=text)

        def take(text: str | None) -> None:
            if text is not None:
                self.desk.site, self.accepted = Path(text).expanduser().absolute(), ()
                self.action_look()

        question = _("Where is the site's document (docs/site.md)?")
        self.app.push_screen(TextDialog(question, str(self.desk.site or ""), refuse), take)

    def action_look(self) -> None:
        """Read the document and plan it; nothing is changed."""
        document, opened, accepted = self.desk.site, self.desk.appliance, self.accepted
        if document is None:
            return
        self.plan, self.members = None, ()
        told = _("Working out the plan; nothing is changed ...")
        self.say("facts", f"{printable(str(document))}\n{told}")
        self._show()
        self.start(lambda: planned(opened(), document, accepted))

    def on_site_planned(self, message: SitePlanned) -> None:
        """Show what would be done."""
        plan = self.plan = message.plan
        self.plans = message.plans
        members = self.members = tuple(plan.members)
        told = _("Releases that change: {changed}; unchanged: {same}; in the way: {stops}")
        stops = sum(bool(one.stops) for one in members)
        counted = told.format(changed=len(members), same=len(plan.unchanged), stops=stops)
        lines = [printable(str(self.desk.site)), counted, str(plan.digest)]
        self.say("facts", "\n".join(lines))
        self._show()

    def on_site_refused(self, message: SiteRefused) -> None:
        """Show everything that is wrong."""
        count = _("Problems of the document: {count}; nothing can be planned.")
        told = count.format(count=len(message.problems))
        self.say("facts", f"{printable(str(self.desk.site))}\n{told}")
        text = "\n\n".join(map(problem, message.problems))
        self.app.push_screen(TextScreen(_("Problems"), text))

    def on_rows_moved(self, _message: Rows.Moved) -> None:
        """Say what is to be known of a member."""
        if self.members:
            self.say("about", about(self._marked()))
        self.refresh_bindings()

    def on_rows_chosen(self, _message: Rows.Chosen) -> None:
        """Show the plan of a member, differences too."""
        one = self._marked()
        if one.plan is None:
            self.app.push_screen(TextScreen(one.name, about(one)))
            return
        text = review(self._plan_of(one.plan), _COLUMNS, differences=True)
        self.app.push_screen(TextScreen(one.name, text))

    def check_action(self, action: str, _parameters: tuple[object, ...]) -> bool | None:
        """What can be done to the plan, as far as there is one."""
        plan = self.plan
        if action == "apply":
            return plan is not None and plan.has_changes and not plan.blocked
        if action == "concerns":
            found = self._marked().plan if self.members else None
            return found is not None and bool(self._plan_of(found).concerns)
        return action != "look" or self.desk.site is not None

    def action_concerns(self) -> None:
        """What stands in the way of a member; what blocks can be accepted for the whole site."""
        found = self._marked().plan
        if found is not None:
            self.app.push_screen(ConcernsScreen(self._plan_of(found), self._accept))

    def _accept(self, concern: str) -> None:
        self.accepted = (*self.accepted, concern)
        self.action_look()

    def action_apply(self) -> None:
        """Ask for the zone's name, then carry out exactly this plan."""
        plan = self.plan
        if plan is None:
            return

        def refuse(text: str) -> str:
            wrong = _("That is not the name: {name}").format(name=plan.zone)
            return "" if text == plan.zone else wrong

        def take(text: str | None) -> None:
            if text is not None:
                self.post_message(CarryOut(("apply", str(plan.digest))))

        told = _("This changes releases of the zone {name}: {count}.")
        told = told.format(name=plan.zone, count=len(self.members))
        question = f"{told}\n{_('Type the name of the zone to confirm:')}"
        self.app.push_screen(TextDialog(question, "", refuse), take)

    def failed(self, error: ChampError) -> None:
        """Without a plan there is nothing to see."""
        told = _("There is no plan. Nothing was changed.")
        self.say("facts", f"{printable(str(self.desk.site))}\n{told}")
        super().failed(error)

    def _show(self) -> None:
        waves = self.plan.waves if self.plan else ()
        header = [_("WAVE"), _("NAME"), _("WHAT"), _("VERSION"), _("OBJECTS"), _("IN THE WAY")]
        rows = [
            [str(number), one.name, word(one.operation) if one.operation else _("planned later"),
             one.to_version or one.from_version, str(one.objects), ", ".join(one.stops)]
            for number, wave in enumerate(waves, start=1)
            for one in wave
        ]  # fmt: skip
        self.query_one(Rows).show(header if rows else [], rows)
        if not rows:
            self.say("about", "")
        self.refresh_bindings()

    def _marked(self) -> Member:
        return self.members[self.query_one(Rows).cursor]

    def _plan_of(self, digest: Digest) -> Plan:
        return Plan.from_bytes(self.plans[digest])


def planned(appliance: Appliance, document: Path, accepted: Sequence[str]) -> Message:
    """The plan, or everything that is wrong with the document; for a worker."""
    sites = Sites(appliance.releases)
    found = sites.check(document)
    if found.problems:
        return SiteRefused(found.problems)
    carried = sites.carried(sites.plan(document, ignore, WORKERS, accepted))
    return SitePlanned(carried.plan, {Digest.of(line): line for line in carried.lines})


def about(one: Member) -> str:
    """What comes before a member, why it is planned later, what is in its way."""
    before, after = one.from_version, one.to_version
    moved = f"{before} → {after}" if before and after and before != after else after or before
    lines = [f"{one.name}: {one.app} {moved}"]
    if one.needs:
        lines.append(_("It comes after: {names}").format(names=", ".join(one.needs)))
    if one.later:
        text = _("{name} is planned when its turn comes; now it cannot be: {reason}")
        lines.append(text.format(name=one.name, reason=one.later))
    if one.stops:
        text = _("{name} would not go well: {reason}")
        lines.append(text.format(name=one.name, reason=", ".join(one.stops)))
    return printable_lines("\n".join(lines))


def problem(one: Problem) -> str:
    """Where it is, unless the sentence says so itself; what, what to do, and the id."""
    message, remedy = sentences(one.error)
    where = "" if one.file in message else f"{one.file}:{one.line}: "
    return printable_lines(f"{where}{message}\n{remedy} [{one.error.id}]")
