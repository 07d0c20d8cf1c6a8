"""A plan on the screen and in a file, and the way to carry it out, the same for all verbs.

Invariant: what is shown is the sealed plan; what is applied after the confirmation is that plan.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from installer.cli.confirm import confirm
from installer.cli.errors import FileNotRead, FileNotWritten
from installer.cli.output import Column
from installer.cli.session import Session
from installer.language import translate as _
from installer.words import word

if TYPE_CHECKING:
    from champ_offline.appliance import Appliance
    from champ_offline.release.plan import Plan


def show(session: Session, plan: Plan) -> None:
    """The plan's actions with their reasons and its digest; with --json the whole plan."""
    if session.form != "table":
        session.output.document({**json.loads(plan.to_bytes()), "digest": plan.digest})
        return
    columns = [
        Column("change", _("CHANGE"), word),
        Column("kind", _("KIND")),
        Column("name", _("NAME")),
        Column("reason", _("WHY"), word),
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


def read(path: Path) -> Plan:
    """The plan that `keep` wrote; raises FileNotRead, PlanUnreadable."""
    from champ_offline.release.plan import Plan

    try:
        data = path.read_bytes()
    except OSError as error:
        raise FileNotRead(path=path, reason=error.strerror or str(error)) from error
    return Plan.from_bytes(data)


def carry_out(
    session: Session,
    appliance: Appliance,
    plan: Plan,
    question: str,
    given: str | None,
    kubeconfig: Path | None,
) -> None:
    """Confirm and apply; nothing is asked where nothing would change."""
    if plan.has_changes:
        confirm(question, plan.release, given)
    with session.watched() as notify:
        outcome = appliance.releases.apply(plan, kubeconfig, notify)
    session.output.record(
        outcome,
        [
            Column("release", _("release")),
            Column("namespace", _("namespace")),
            Column("number", _("revision")),
            Column("version", _("version")),
            Column("outcome", _("outcome"), word),
        ],
    )
