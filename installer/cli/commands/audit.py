"""`champ --zone DIR audit show|check`: who changed the zone, and whether that record stands."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING

import click

from installer.cli.options import Verb
from installer.cli.output import Column
from installer.cli.session import Session
from installer.language import translate as _

if TYPE_CHECKING:
    from champ_offline.journal.audit import Row

_NEWEST = 100
_FORMS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]


@click.group("audit", help=_("See who changed the zone and its registry, and check that record."))
def command() -> None:
    """Group the acts on the audit chain."""


@command.command(
    "show",
    cls=Verb,
    help=_(
        "Show what was changed in the zone, by whom, and who was refused: the newest 100 rows"
        " unless --since says from when. Note the head somewhere else: rows that are cut off later"
        " are missed by it."
    ),
)
@click.option(
    "--since", type=click.DateTime(_FORMS), metavar="TIME",
    help=_("From this day or second on, in UTC: 2026-05-01 or 2026-05-01T10:00:00."),
)  # fmt: skip
@click.pass_obj
def show(session: Session, since: datetime | None) -> None:
    """The rows, oldest first, and the head of the chain."""
    audit = session.appliance().audit
    rows = audit.rows(since.strftime(_FORMS[1]) if since else "", -1 if since else _NEWEST)
    head, output = audit.head(), session.output
    shown = [_shown(row) for row in rows]
    if output.form != "table":
        output.document({"head": str(head), "rows": shown})
        return
    output.rows(
        shown,
        [
            Column("seq", _("ROW"), right=True),
            Column("time", _("TIME")),
            Column("actor", _("WHO")),
            Column("act", _("WHAT")),
            Column("subject", _("SUBJECT")),
            Column("detail", _("DETAIL"), _told),
        ],
    )
    output.record({"head": str(head)}, [Column("head", _("head"))])


@command.command(
    "check",
    cls=Verb,
    help=_("Hash every row again: one that was edited, removed or moved is found."),
)
@click.option(
    "--head", metavar="HEAD", help=_("A head that was noted before; refuse a chain without it.")
)
@click.pass_obj
def check(session: Session, head: str | None) -> None:
    """Show the head of a chain that stands."""
    audit = session.appliance().audit
    from champ_offline.journal.audit import Head

    found = audit.check(Head.parse(head) if head else None)
    session.output.record(
        {"rows": found.seq, "head": str(found)},
        [Column("rows", _("rows")), Column("head", _("head"))],
    )


def _shown(row: Row) -> dict[str, object]:
    return {**vars(row), "detail": json.loads(row.detail)}


def _told(detail: dict[str, object]) -> str:
    return " ".join(f"{key}={_text(value)}" for key, value in detail.items())


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
