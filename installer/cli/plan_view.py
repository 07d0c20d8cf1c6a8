"""A plan on the screen, the same for all verbs that make one, and the way to carry it out.

Invariant: what is shown is the sealed plan; what is applied after the confirmation is that plan.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from installer.cli.confirm import confirm
from installer.cli.errors import FileNotWritten
from installer.cli.output import Column
from installer.cli.session import Session
from installer.language import translate as _

if TYPE_CHECKING:
    from champ_offline.appliance import Appliance
    from champ_offline.release.plan import Plan


def show(session: Session, plan: Plan) -> None:
    """The plan's actions with their reasons and its digest; with --json the whole plan."""
    if session.form != "table":
        session.output.document(plan)
        return
    columns = [
        Column("verb", _("ACTION")),
        Column("kind", _("KIND")),
        Column("name", _("NAME")),
        Column("reason", _("WHY")),
    ]
    session.output.rows(plan.actions, columns)
    session.output.text(_("plan {digest}").format(digest=plan.digest) + "\n")


def keep(plan: Plan, path: Path) -> None:
    """Write the plan to a file for `champ apply`; raises FileNotWritten."""
    from champ_offline.durable.write import write_atomic

    try:
        write_atomic(path, plan.to_bytes())
    except OSError as error:
        raise FileNotWritten(path=path, reason=error.strerror or str(error)) from error


def carry_out(
    session: Session, appliance: Appliance, plan: Plan, question: str, given: str | None
) -> None:
    """Confirm and apply; nothing is asked where nothing would change."""
    if plan.changes:
        confirm(question, plan.release, given)
    with session.watched() as notify:
        outcome = appliance.apply(plan, notify)
    session.output.record(
        outcome,
        [
            Column("release", _("release")),
            Column("revision", _("revision")),
            Column("state", _("state")),
        ],
    )
