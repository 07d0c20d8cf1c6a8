"""A site plan on the screen and in a file, and the way to carry it out.

Invariant: what is shown is the sealed site plan; what is applied after the confirmation is that.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from installer.cli.confirm import confirm
from installer.cli.diagnostics import say
from installer.cli.output import Column
from installer.cli.session import Session
from installer.error_text import sentences
from installer.language import translate as _
from installer.words import word

if TYPE_CHECKING:
    from champ_offline.site.carried import Carried
    from champ_offline.site.execute import Ended
    from champ_offline.site.plan import SitePlan


def plan_site(
    session: Session, document: Path, workers: int, accepted: Sequence[str] = ()
) -> Carried:
    """Plan, with progress."""
    sites = session.sites()
    with session.watched() as notify:
        return sites.carried(sites.plan(document, notify, workers, accepted))


def carry_out_site(
    session: Session, plan: SitePlan, given: str | None, workers: int, *, asks: bool = True
) -> int:
    """Confirm by the zone's name and apply; a row for each member, and the exit code."""
    from champ_offline.site.execute import exit_code

    sites = session.sites()
    if asks and plan.has_changes:
        confirm(_("This changes {name}."), plan.zone, given)
    with session.watched() as notify:
        ended = sites.apply(plan, notify, workers)
    _show_ended(session, ended)
    return int(exit_code(ended))


def show_site(
    session: Session, carried: Carried, *, reviews: bool = False, differences: bool = False
) -> None:
    """Its members in waves; with `reviews` that of each plan in it, with `differences` whole.

    With --json all of it always: `plans` has them in the order of the members.
    """
    plan = carried.plan
    if session.form != "table":
        plans = [json.loads(line) for line in carried.lines]
        document = {**json.loads(plan.to_bytes()), "digest": plan.digest, "plans": plans}
        session.output.document(document)
        return
    rows = [
        {"wave": number, **vars(member)}
        for number, wave in enumerate(plan.waves, start=1)
        for member in wave
    ]
    session.output.rows(
        rows,
        [
            Column("wave", _("WAVE"), right=True),
            Column("name", _("NAME")),
            Column("operation", _("WHAT"), lambda what: word(what) if what else _("planned later")),
            Column("", _("VERSION"), _versions),
            Column("objects", _("OBJECTS"), right=True),
            Column("needs", _("AFTER"), ", ".join),
        ],
    )
    told = _("unchanged: {count}").format(count=len(plan.unchanged))
    session.output.text(f"{told}\n" + _("plan {digest}").format(digest=plan.digest) + "\n")
    for one in plan.members:
        if one.later:
            text = _("{name} is planned when its turn comes; now it cannot be: {reason}")
            say(text.format(name=one.name, reason=one.later))
        if one.stops:
            text = _("{name} would not go well: {reason}")
            say(text.format(name=one.name, reason=", ".join(one.stops)))
    if reviews or differences:
        from installer.plan_text import review

        for made in carried.plans():
            session.output.text("\n" + review(made, differences=differences))
        told = _("The whole of it is plan {digest}").format(digest=plan.digest)
        session.output.text(f"\n{told}\n")


def _versions(row: dict[str, str]) -> str:
    before, after = row["from_version"], row["to_version"]
    return f"{before} → {after}" if before and after and before != after else after or before


def _show_ended(session: Session, ended: Sequence[Ended]) -> None:
    session.output.rows(
        ended,
        [
            Column("name", _("NAME")),
            Column("version", _("VERSION")),
            Column("ending", _("OUTCOME"), word),
            Column("number", _("REVISION"), lambda number: str(number or "—"), right=True),
        ],
    )
    for one in ended:
        if one.error is not None:
            say(f"{one.name}: {' '.join(sentences(one.error))} [{one.error.id}]")
