"""The plan before anything is changed: what happens to each object, why, and exactly how."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.message import Message
from textual.widgets import Static

from champ_offline.errors import ChampError
from champ_offline.release.plan import Action, Operation, Plan
from champ_offline.release.prospect import PlanBlocked, refuse_blocked
from installer.language import mark
from installer.language import translate as _
from installer.plan_text import images, in_order, review, summary, why
from installer.plan_words import restart_text
from installer.terminal_text import printable, printable_lines
from installer.tui.proposals import Proposal
from installer.tui.routes import ApplyPlan
from installer.tui.screens.concerns import ConcernsScreen
from installer.tui.widgets.dialogs import ErrorDialog, TextDialog
from installer.tui.widgets.page import Page
from installer.tui.widgets.rows import Rows
from installer.words import word

# A line of a text with its scroll bar and margins.
_COLUMNS = 76
_QUESTIONS = {
    Operation.INSTALL: mark("This installs {release} in namespace {namespace}."),
    Operation.UPGRADE: mark("This changes {release} in namespace {namespace}."),
    Operation.ROLLBACK: mark("This puts {release} in namespace {namespace} back."),
    Operation.REMOVE: mark("This removes {release} from namespace {namespace}; its data stays."),
}


@dataclass(eq=False)
class Planned(Message):
    """The plan is made."""

    plan: Plan


class ReviewScreen(Page):
    """Actions with reasons; differences and images on demand; the name confirms."""

    NAME = mark("Review the plan")
    PURPOSE = mark(
        "What would happen to each object, why, and exactly how. Applying does this and"
        " nothing else, and wants the release's name typed."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "apply", mark("Apply")),
        Binding("w", "whole", mark("Whole plan")),
        Binding("m", "images", mark("Images")),
        Binding("c", "concerns", mark("Concerns")),
        Binding("escape", "leave", mark("Back, change nothing"), key_display="Esc"),
    ]

    def __init__(self, proposal: Proposal) -> None:
        super().__init__()
        self.proposal = proposal
        self.plan: Plan | None = None
        self.actions: list[Action] = []

    def body(self) -> ComposeResult:
        """Summary, actions, the reason of the one that is meant."""
        yield Static(_("Working out the plan; nothing is changed ..."), id="said", markup=False)
        yield Rows(id="actions", verb=mark("Show the difference"))
        yield Static("", id="reason", classes="foot", markup=False)

    def on_mount(self) -> None:
        """Plan."""
        proposal, opened = self.proposal, self.desk.appliance
        self.start(lambda: Planned(proposal.plan(opened())))

    def on_planned(self, message: Planned) -> None:
        """Show the plan."""
        plan = self.plan = message.plan
        self.actions = in_order(plan.actions)
        self.say("said", "\n".join([*summary(plan, _COLUMNS), str(plan.digest)]))
        rows = [
            [word(action.change), action.kind, action.name, why(action)] for action in self.actions
        ]
        self.query_one(Rows).show([_("CHANGE"), _("KIND"), _("NAME"), _("WHY")], rows)
        self.refresh_bindings()

    def on_rows_moved(self, message: Rows.Moved) -> None:
        """Show the whole reason."""
        self.say("reason", reason(self.actions[message.index]))

    def on_rows_chosen(self, message: Rows.Chosen) -> None:
        """Show the difference."""
        action = self.actions[message.index]
        title = f"{action.kind} {action.name}"
        self.app.push_screen(TextScreen(title, action.diff or _("There is no difference.")))

    def check_action(self, action: str, _parameters: tuple[object, ...]) -> bool | None:
        """Nothing can be applied or looked at before the plan is there."""
        if action == "concerns":
            return self.plan is not None and bool(self.plan.concerns)
        return action not in {"apply", "images", "whole"} or self.plan is not None

    def action_whole(self) -> None:
        """Everything that the plan says, differences too."""
        if self.plan is not None:
            text = review(self.plan, _COLUMNS, differences=True)
            self.app.push_screen(TextScreen(_("Whole plan"), text))

    def action_images(self) -> None:
        """Which images run afterwards."""
        if self.plan is not None:
            lines = [f"{image.name}\n  {image.digest}" for image in self.plan.images]
            shown = [*images(self.plan, _COLUMNS), *(["", *lines] if lines else [])]
            self.app.push_screen(TextScreen(_("Images"), "\n".join(shown) or _("none")))

    def action_concerns(self) -> None:
        """What was found beforehand; those that block can be accepted."""
        if self.plan is not None:
            self.app.push_screen(ConcernsScreen(self.plan, self._accept))

    def _accept(self, concern: str) -> None:
        """The same plan in spite of the concern, which is another plan."""
        plan, opened = self.plan, self.desk.appliance
        if plan is None:
            return
        self.plan = None
        self.proposal = self.proposal.accepting(concern)
        self.say("said", _("Accepting {concern} ...").format(concern=concern))
        self.start(lambda: Planned(opened().releases.accept(plan, [concern])))

    def action_apply(self) -> None:
        """Ask for the release's name, then carry out exactly this plan."""
        plan = self.plan
        if plan is None:
            return
        if not plan.has_changes:
            self.say("reason", _("Nothing would change, so there is nothing to apply."))
            return
        try:
            refuse_blocked(plan)
        except PlanBlocked as error:
            self.app.push_screen(ErrorDialog(error))
            return

        def refuse(text: str) -> str:
            wrong = _("That is not the name: {name}").format(name=plan.release)
            return "" if text == plan.release else wrong

        def take(text: str | None) -> None:
            if text is not None:
                self.post_message(ApplyPlan(plan, self.proposal))

        told = _(_QUESTIONS[plan.operation]).format(release=plan.release, namespace=plan.namespace)
        question = f"{told}\n{_('Type the release name to confirm:')}"
        self.app.push_screen(TextDialog(question, "", refuse), take)

    def failed(self, error: ChampError) -> None:
        """Without a plan there is nothing to see."""
        self.say("said", _("There is no plan. Nothing was changed."))
        self.app.push_screen(ErrorDialog(error))


class TextScreen(Page):
    """A text to scroll through."""

    NAME = mark("Details")
    PURPOSE = mark("A text to read. It scrolls by the arrows and the page keys.")

    def __init__(self, title: str, text: str) -> None:
        super().__init__()
        self.title_of_text, self.text = title, text

    def title_text(self) -> str:
        """What the text is about."""
        return printable(self.title_of_text)

    def body(self) -> ComposeResult:
        """The text as it is."""
        text = printable_lines(self.text.expandtabs(4))
        with VerticalScroll(can_focus=True):
            yield Static(text, markup=False)


def reason(action: Action) -> str:
    """All that is known of an action, for below the list."""
    pods = "".join(f"\n{restart_text(restart)}" for restart in action.restarts)
    told = f"{word(action.change)} {action.kind} {action.name}: {why(action)}"
    return printable_lines(f"{told}{pods}")
