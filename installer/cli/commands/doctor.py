"""`champ --zone DIR doctor`: look for what would stand in the way."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from champ_offline.errors import ExitCode
from installer.cli.options import Verb, kubeconfig
from installer.cli.output import Column
from installer.cli.session import Session
from installer.error_text import sentences
from installer.language import translate as _
from installer.words import word

if TYPE_CHECKING:
    from champ_offline.doctor import Finding

_STOPS = "bad"


@click.command(
    "doctor", cls=Verb, help=_("Check the zone, and the cluster too where a kubeconfig is given.")
)
@kubeconfig
@click.pass_obj
def command(session: Session, kubeconfig: Path | None) -> int:
    """One row for each finding; ends with 4 when one of them would stop an installation."""
    findings = session.appliance().doctor(kubeconfig)
    session.output.rows(
        [_row(finding) for finding in findings],
        [
            Column("state", _("STATE"), word),
            Column("check", _("CHECK"), word),
            Column("message", _("FINDING")),
            Column("remedy", _("WHAT TO DO")),
        ],
    )
    stopped = any(finding.state == _STOPS for finding in findings)
    return int(ExitCode.PREFLIGHT if stopped else ExitCode.OK)


def _row(finding: Finding) -> dict[str, object]:
    error = finding.error
    message, remedy = sentences(error) if error else (finding.note, "")
    return {
        "check": finding.check,
        "state": finding.state,
        "id": error.id if error else None,
        "message": message,
        "remedy": remedy,
    }
