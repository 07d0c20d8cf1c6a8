"""`champ --zone DIR store check|gc`: read everything again; free what nothing needs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from champ_offline.errors import ExitCode
from installer.cli.confirm import confirm as ask
from installer.cli.options import Verb, Whole
from installer.cli.output import Column
from installer.cli.session import Session
from installer.language import translate as _
from installer.quantities import size
from installer.words import word

if TYPE_CHECKING:
    from champ_offline.store.collect import CollectionPlan, Staying
    from champ_offline.upkeep.owners import Damaged

_MEGABYTE = 1000 * 1000


@click.group("store", help=_("Check what the zone stores; free what nothing needs."))
def command() -> None:
    """Group the acts on the store."""


@command.command(
    "check",
    cls=Verb,
    help=_(
        "Read every blob again and compare it with its digest. Damaged ones are set aside, so that "
        "they are not served, and named with what they belong to and what gives them back: a "
        "bundle to import again, or another push; the command then ends with 11. A check that was "
        "ended goes on where it was. Imports, pulls and pushes go on meanwhile. On a full disk "
        "everything is read and named too, but nothing recorded or set aside."
    ),
)
@click.option("--all", "anew", is_flag=True, help=_("Begin with the first blob again."))
@click.option(
    "--mbps",
    type=Whole(min=1),
    metavar="N",
    help=_("Read at most N megabytes a second; as fast as the disk can otherwise."),
)
@click.pass_obj
def check(session: Session, mbps: int | None, *, anew: bool) -> int:
    """Check, and show what was damaged."""
    from champ_offline.store.scrub import Pace

    pace = Pace(None if mbps is None else mbps * _MEGABYTE)
    upkeep = session.appliance().upkeep
    with session.watched() as notify:
        found = upkeep.check(notify, pace, anew=anew)
    session.output.record(
        found,
        [
            Column("begun", _("begun")),
            Column("ended", _("ended")),
            Column("blobs", _("blobs")),
            Column("size", _("size"), size),
            Column("damaged", _("damaged"), lambda damaged: str(len(damaged))),
            Column("recorded", _("recorded"), _recorded),
            *([Column("left", _("not set aside"), _left)] if found.left else []),
        ],
    )
    if found.damaged and session.form == "table":
        session.output.rows(
            list(_damaged(found.damaged)),
            [
                Column("digest", _("BLOB")),
                Column("names", _("BELONGS TO")),
                Column("apps", _("APPS"), ", ".join),
                Column("what", _("WHAT TO DO")),
            ],
        )
    return int(ExitCode.CORRUPT if found.damaged else ExitCode.OK)


@command.command(
    "gc",
    cls=Verb,
    help=_(
        "Show what of the store nothing needs any more, why, and what stays; with --apply free it. "
        "Works on a full disk. What came to be needed since the plan was made stays."
    ),
)
@click.option("--apply", "applied", is_flag=True, help=_("Carry out the plan."))
@click.option(
    "--confirm", metavar="ZONE", help=_("Confirm by naming the zone; else you are asked.")
)
@click.pass_obj
def collect(session: Session, confirm: str | None, *, applied: bool) -> None:
    """Show the plan, and carry it out where that was asked for."""
    appliance = session.appliance()
    upkeep = appliance.upkeep
    plan = upkeep.collection()
    if not applied:
        _show(session, plan)
        return
    if plan.has_changes or confirm is not None:
        ask(_("This frees what nothing needs in zone {name}."), plan.zone, confirm)
    with session.watched() as notify:
        done = upkeep.collect(plan, notify)
    session.output.record(
        done,
        [
            Column("zone", _("zone")),
            Column("blobs", _("files removed")),
            Column("size", _("freed"), size),
            Column("records", _("records forgotten")),
            Column("needed_again", _("needed again, so they stay"), lambda some: str(len(some))),
        ],
    )


def _recorded(recorded: bool) -> str:  # noqa: FBT001 - the value of a column
    if recorded:
        return _("yes")
    return _("no: the disk takes nothing; the next check reads all of it again")


def _left(left: Sequence[object]) -> str:
    return _("{count}: the disk takes nothing; they may be served until that is done").format(
        count=len(left)
    )


def _show(session: Session, plan: CollectionPlan) -> None:
    if session.form != "table":
        session.output.document(plan)
        return
    columns = [
        Column("does", "", word),
        Column("why", _("WHY"), word),
        Column("blobs", _("BLOBS"), right=True),
        Column("size", _("SIZE"), size, right=True),
        Column("was", _("WHAT IT WAS"), ", ".join),
    ]
    session.output.rows(list(_rows(plan)), columns)


def _rows(plan: CollectionPlan) -> Iterator[dict[str, Any]]:
    """A row for each reason."""
    for staying in plan.staying:
        row = {"does": "stays", "blobs": staying.blobs, "size": staying.size, "was": []}
        yield {**row, "why": _why(staying)}
    for why, blobs, freed in plan.causes:
        row = {"does": "goes", "why": why, "blobs": blobs, "size": freed}
        yield {**row, "was": plan.was(why)}


def _why(staying: Staying) -> str:
    """The reason, and which runs under way are it."""
    told = [
        _("{what} since {time} UTC").format(
            what=word(run.reader), time=run.since[:19].replace("T", " ")
        )
        for run in staying.runs
    ]
    return f"{word(staying.why)} ({', '.join(told)})" if told else staying.why


def _damaged(found: Sequence[Damaged]) -> Iterator[dict[str, Any]]:
    """A row for each blob; what leads to one below a damaged manifest is not known."""
    certain = not any(one.names for one in found)
    for one in found:
        names, what = ", ".join(one.names), "—"
        if one.bundles:
            what = _("import again: {bundles}").format(bundles=", ".join(one.bundles))
        elif one.pushed:
            what = _("push it again from where it came")
        elif one.saved:
            what = _("save the data of the release anew")
        elif not names and certain:
            names, what = _("nothing leads to it"), "champ store gc"
        elif not names:
            names, what = _("not known while the others are damaged"), _("check again afterwards")
        yield {**asdict(one), "digest": str(one.digest), "names": names, "what": what}
