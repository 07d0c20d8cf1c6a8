"""What a run under a policy decided and did: an object, lines, a receipt.

Invariant: programs get the whole result with English words; of reasons people get the sentences.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from champ_offline.errors import ChampError, system_said
from installer.cli.diagnostics import error_document, say
from installer.cli.errors import FileNotWritten
from installer.cli.output import Column, as_plain
from installer.cli.session import Session
from installer.error_text import sentences
from installer.language import translate as _
from installer.terminal_text import printable
from installer.words import word

if TYPE_CHECKING:
    from champ_offline.policy.result import BundleRow, ReleaseRow, Result


def show(session: Session, result: Result) -> None:
    """The result as one object, or as a table with the reasons below it."""
    if session.output.form != "table":
        session.output.document(document(result))
        return
    session.output.rows(
        _rows(result),
        [
            Column("what", _("WHAT")),
            Column("found", _("FROM")),
            Column("wanted", _("TO")),
            Column("verdict", _("DECISION"), word),
        ],
    )
    say_why(result)


def lines(result: Result) -> Iterator[str]:
    """The same rows, each as one line."""
    for row in _rows(result):
        cells = (row["what"], row["found"], row["wanted"])
        told = "  ".join(printable(cell) for cell in cells if cell)
        yield f"{told}  {word(row['verdict'])}"


def say_why(result: Result) -> None:
    """Tell people why, each reason with the bundle or `namespace/release` that it is about."""
    for row, line in zip(result.rows, _rows(result), strict=True):
        say_reasons(row.reasons, line["what"])


def say_reasons(reasons: Sequence[ChampError], about: str) -> None:
    """Tell people why, on standard error."""
    for reason in reasons:
        told = "\n  ".join((*sentences(reason), f"[{reason.id}]"))
        say(f"{printable(about)}: {told}")


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


def keep(result: Result, folder: Path) -> None:
    """Write a receipt; none that is there is written over. Raises FileNotWritten."""
    from champ_offline.durable.write import write_atomic

    stamp = "".join(sign for sign in result.began if sign.isalnum())[:15]
    data = json.dumps(as_plain(document(result)), ensure_ascii=False, indent=2).encode() + b"\n"
    path = folder / f"champ-run-{stamp}Z-{hashlib.sha256(data).hexdigest()[:8]}.json"
    try:
        write_atomic(path, data)
    except OSError as error:
        raise FileNotWritten(path=path, reason=system_said(error)) from error


def _rows(result: Result) -> list[dict[str, Any]]:
    return [*map(_bundle_line, result.bundles), *map(_release_line, result.releases)]


def _row(row: BundleRow | ReleaseRow) -> dict[str, Any]:
    reasons = [error_document(one, *sentences(one)) for one in row.reasons]
    return {**vars(row), "reasons": reasons}


def _bundle_line(row: BundleRow) -> dict[str, Any]:
    return {"what": row.bundle, "found": "", "wanted": row.version, "verdict": row.verdict}


def _release_line(row: ReleaseRow) -> dict[str, Any]:
    what = f"{row.namespace}/{row.release}" if row.release else row.app
    return {"what": what, "found": row.found, "wanted": row.wanted, "verdict": row.verdict}
