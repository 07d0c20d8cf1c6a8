"""Findings as every doctor shows them: a row for each check, and an exit code for all.

Invariant: JSON has the check's and the error's fixed words; a table has the user's language.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from champ_offline.errors import ExitCode
from installer.cli.output import Column
from installer.cli.session import Session
from installer.error_text import sentences
from installer.language import translate as _
from installer.words import word

if TYPE_CHECKING:
    from champ_offline.findings import Finding

_STOPS = "bad"


def show(session: Session, findings: Iterable[Finding]) -> int:
    """One row for each; 4 when one of them would stop an installation."""
    found = list(findings)
    session.output.rows(
        [row(finding) for finding in found],
        [
            Column("state", _("STATE"), word),
            Column("", _("CHECK"), _check),
            Column("message", _("FINDING")),
            Column("remedy", _("WHAT TO DO")),
        ],
    )
    stopped = any(finding.state == _STOPS for finding in found)
    return int(ExitCode.PREFLIGHT if stopped else ExitCode.OK)


def _check(shown: dict[str, str]) -> str:
    check = word(shown["check"])
    return f"{shown['where']}: {check}" if shown["where"] else check


def row(finding: Finding) -> dict[str, object]:
    """A finding as JSON has it."""
    error = finding.error
    message, remedy = sentences(error) if error else (finding.note, "")
    return {
        "check": finding.check,
        "where": finding.where,
        "state": finding.state,
        "id": error.id if error else None,
        "message": message,
        "remedy": remedy,
    }
