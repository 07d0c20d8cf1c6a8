"""`champ --zone DIR apply PLANFILE`: carry out a plan, exactly."""

from __future__ import annotations

from pathlib import Path

import click

from installer.cli.options import FILE, Verb, confirmation, kubeconfig
from installer.cli.plan_view import carry_out, read
from installer.cli.session import Session
from installer.language import translate as _


@click.command(
    "apply", cls=Verb, help=_("Carry out the plan in PLANFILE, if the cluster is as it was then.")
)
@click.argument("planfile", type=FILE)
@confirmation
@kubeconfig
@click.pass_obj
def command(session: Session, planfile: Path, confirm: str | None, kubeconfig: Path | None) -> None:
    """Apply the sealed plan and show how it ended."""
    plan, question = read(planfile), _("This changes {name}.")
    carry_out(session, session.appliance(), plan, question, confirm, kubeconfig)
