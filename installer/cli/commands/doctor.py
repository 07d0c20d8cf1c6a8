"""`champ --zone DIR doctor`: look for what would stand in the way."""

from __future__ import annotations

from pathlib import Path

import click

from installer.cli.findings_view import show
from installer.cli.options import Verb, kubeconfig
from installer.cli.session import Session
from installer.language import translate as _


@click.command(
    "doctor",
    cls=Verb,
    help=_("Check the zone, and its clusters: the one that is meant, else each that has a name."),
)
@kubeconfig
@click.pass_obj
def command(session: Session, kubeconfig: Path | None) -> int:
    """One row for each finding; ends with 4 when one of them would stop an installation."""
    return show(session, session.appliance().doctor(kubeconfig))
