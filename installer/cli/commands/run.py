"""`champ --zone DIR run MEDIA... --policy FILE`: what a policy allows, done without a person."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from installer.cli.diagnostics import error_document, say
from installer.cli.errors import FileNotWritten
from installer.cli.options import DIRECTORY, FILE, Verb, kubeconfig
from installer.cli.output import Column, as_plain
from installer.cli.session import Session
from installer.error_text import sentences
from installer.language import translate as _
from installer.words import word

if TYPE_CHECKING:
    from champ_offline.policy.result import BundleRow, ReleaseRow, Result


@click.command(
    "run",
    cls=Verb,
    help=_(
        "Verify and import the bundles on MEDIA and bring the releases they are about to the newest"
        " version, as far as a policy allows it; the same run again goes on, or changes nothing."
    ),
)
@click.argument("media", type=DIRECTORY, nargs=-1, required=True)
@click.option(
    "--policy", type=FILE, required=True, metavar="FILE",
    help=_("What may be done without a person: a policy.yaml."),
)  # fmt: skip
@click.option(
    "--dry-run", "rehearsal", is_flag=True, help=_("Change nothing; only say what would be done.")
)
@click.option(
    "--receipt",
    "receipts",
    type=DIRECTORY,
    metavar="DIR",
    help=_("Write the result into a folder too, as a JSON file named after the time."),
)
@kubeconfig
@click.pass_obj
def command(
    session: Session,
    media: tuple[Path, ...],
    policy: Path,
    receipts: Path | None,
    kubeconfig: Path | None,
    *,
    rehearsal: bool,
) -> int:
    """Run, show what was decided and done, and end with the code of the worst of it."""
    from champ_offline.policy.document import Policy
    from champ_offline.policy.run import Runner

    runner = Runner(session.appliance(), Policy.from_file(policy), kubeconfig)
    with session.watched() as notify:
        result = runner.run(media, notify, rehearsal=rehearsal)
    show(session, result)
    if receipts is not None:
        _keep(result, receipts)
    return int(result.exit_code)


def _keep(result: Result, folder: Path) -> None:
    """Write a receipt; none that is there is written over. Raises FileNotWritten."""
    from champ_offline.durable.write import make_directory, write_atomic

    stamp = "".join(sign for sign in result.began if sign.isalnum())[:15]
    data = json.dumps(as_plain(document(result)), ensure_ascii=False, indent=2).encode() + b"\n"
    path = folder / f"champ-run-{stamp}Z-{hashlib.sha256(data).hexdigest()[:8]}.json"
    try:
        make_directory(folder)
        write_atomic(path, data)
    except OSError as error:
        raise FileNotWritten(path=path, reason=error.strerror or str(error)) from error


def show(session: Session, result: Result) -> None:
    """The result as one object, or as a table with the reasons below it."""
    if session.output.form != "table":
        session.output.document(document(result))
        return
    rows = [*map(_bundle_line, result.bundles), *map(_release_line, result.releases)]
    session.output.rows(
        rows,
        [
            Column("what", _("WHAT")),
            Column("found", _("FROM")),
            Column("wanted", _("TO")),
            Column("verdict", _("DECISION"), word),
        ],
    )
    for row in result.rows:
        for reason in row.reasons:
            say("\n  ".join((*sentences(reason), f"[{reason.id}]")))


def document(result: Result) -> dict[str, Any]:
    """The result for programs; a reason as errors are told."""
    return {
        "zone": result.zone,
        "policy": result.policy,
        "began": result.began,
        "ended": result.ended,
        "dry_run": result.rehearsal,
        "exit_code": int(result.exit_code),
        "bundles": [_row(row) for row in result.bundles],
        "releases": [_row(row) for row in result.releases],
    }


def _row(row: BundleRow | ReleaseRow) -> dict[str, Any]:
    reasons = [error_document(one, *sentences(one)) for one in row.reasons]
    return {**vars(row), "reasons": reasons}


def _bundle_line(row: BundleRow) -> dict[str, Any]:
    return {"what": row.bundle, "found": "", "wanted": row.version, "verdict": row.verdict}


def _release_line(row: ReleaseRow) -> dict[str, Any]:
    what = f"{row.namespace}/{row.release}" if row.release else row.app
    return {"what": what, "found": row.found, "wanted": row.wanted, "verdict": row.verdict}
