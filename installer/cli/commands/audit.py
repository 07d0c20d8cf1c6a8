"""`champ --zone DIR audit ...`: who changed the zone; that record checked, signed for others."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from installer.cli.key_options import algorithm, locking
from installer.cli.options import DIRECTORY, FILE, GIVEN_DIRECTORY, GIVEN_FILE, MOMENT, Verb
from installer.cli.output import Column
from installer.cli.passphrases import NewPassphrase, Passphrases
from installer.cli.session import Session
from installer.language import translate as _

if TYPE_CHECKING:
    from champ_offline.journal.audit import Row

_NEWEST = 100


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
    "--since", type=click.DateTime(MOMENT), metavar="TIME",
    help=_("From this day or second on, in UTC: 2026-05-01 or 2026-05-01T10:00:00."),
)  # fmt: skip
@click.pass_obj
def show(session: Session, since: datetime | None) -> None:
    """The rows, oldest first, and the head of the chain."""
    audit = session.appliance().audit
    rows = audit.rows(since.strftime(MOMENT[1]) if since else "", -1 if since else _NEWEST)
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
    "verify",
    cls=Verb,
    help=_(
        "Hash every row again: one that was edited, removed or moved is found. With FILE, which"
        " `champ audit export` wrote, and --key; no zone is needed then."
    ),
)
@click.argument("file", type=GIVEN_FILE, required=False)
@click.option(
    "--key", type=GIVEN_FILE, metavar="PUB", help=_("The public key that FILE is signed with.")
)
@click.option(
    "--head", metavar="HEAD", help=_("A head that was noted before; refuse a chain without it.")
)
@click.pass_obj
def verify(session: Session, file: Path | None, key: Path | None, head: str | None) -> None:
    """Show the head of a chain that stands."""
    from champ_offline.journal.acts import Act
    from champ_offline.journal.audit import Head

    if (file is None) != (key is None):
        raise click.UsageError(_("FILE and --key belong together."))
    known = Head.parse(head) if head else None
    if file is not None and key is not None:
        from champ_offline import evidence

        session.output.record(evidence.verify(file, key, known), _evidence_columns())
        return
    found = session.appliance().audit.check(known, Act.INIT)
    session.output.record(
        {"rows": found.seq, "head": str(found)},
        [Column("rows", _("rows")), Column("head", _("head"))],
    )


@command.command(
    "export",
    cls=Verb,
    help=_(
        "Write the record, signed, to a file that `champ audit verify FILE --key PUB` checks"
        " anywhere. The next export may begin where this one ended: --after with its head."
    ),
)
@click.option("--out", type=FILE, required=True, metavar="FILE", help=_("Where to write it."))
@click.option(
    "--sign", "signing", type=GIVEN_DIRECTORY, required=True, metavar="FOLDER",
    help=_("The folder with the key that `champ audit key` made."),
)  # fmt: skip
@click.option("--after", metavar="HEAD", help=_("Only the rows behind this one; else all."))
@click.option(
    "--passphrase-file", type=FILE, metavar="FILE",
    help=_("Read the passphrase from a file that only its owner may read."),
)  # fmt: skip
@click.pass_obj
def export(
    session: Session, out: Path, signing: Path, after: str | None, passphrase_file: Path | None
) -> None:
    """Export, and show how far the file leads."""
    appliance = session.appliance()
    from champ_offline import evidence
    from champ_offline.clock import now_utc
    from champ_offline.journal.audit import Head

    unlock = Passphrases([signing], [passphrase_file] if passphrase_file else [])
    begin = Head.parse(after) if after else Head()
    found = evidence.export(appliance.audit, appliance.name, out, signing, unlock, begin, now_utc)
    session.output.record(found, _evidence_columns())


@command.command(
    "key",
    cls=Verb,
    help=_(
        "Make the key for exported records in FOLDER, and audit.pub there to hand over. Where"
        " keys/audit.command.yaml names a signer program, its key is taken."
    ),
)
@click.argument("folder", type=DIRECTORY)
@algorithm
@locking
@click.pass_obj
def key(
    session: Session,
    folder: Path,
    algorithm: str,
    passphrase_file: Path | None,
    unencrypted: bool,  # noqa: FBT001 - click passes by keyword
) -> None:
    """Make the key and show where its public half lies."""
    from champ_offline import evidence

    lock = NewPassphrase(folder, passphrase_file, unencrypted=unencrypted)
    session.output.record(
        evidence.new_key(folder, algorithm, lock),
        [Column("public", _("to hand over")), Column("key", _("key"))],
    )


def _evidence_columns() -> list[Column]:
    return [
        Column("file", _("file")),
        Column("zone", _("zone")),
        Column("rows", _("rows")),
        Column("after", _("after")),
        Column("head", _("head")),
        Column("time", _("exported")),
        Column("key", _("key")),
    ]


def _shown(row: Row) -> dict[str, object]:
    """As it is; the detail of a row that was tampered with stays the text that is there."""
    detail = row.told()
    damaged = detail is None or not row.sound
    return {**vars(row), "detail": row.detail if damaged else detail, "damaged": damaged}


def _told(detail: dict[str, object] | str) -> str:
    if isinstance(detail, str):
        return _("! damaged, as `champ audit verify` will say: {raw}").format(raw=detail)
    return " ".join(f"{key}={_text(value)}" for key, value in detail.items())


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
