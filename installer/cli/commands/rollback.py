"""`champ --zone DIR rollback RELEASE [--to N]`: put a release back to an earlier revision."""

from __future__ import annotations

from pathlib import Path

import click

from installer.cli.options import Verb, accepting, confirmation, kubeconfig, namespace
from installer.cli.plan_view import carry_out, show
from installer.cli.session import Session
from installer.language import translate as _


@click.command("rollback", cls=Verb, help=_("Put RELEASE back to an earlier revision."))
@click.argument("release")
@click.option(
    "--to",
    "revision",
    type=click.IntRange(1),
    metavar="N",
    help=_("The revision to go back to; the one before the present one otherwise."),
)
@click.option("--dry-run", is_flag=True, help=_("Only show the plan."))
@namespace
@accepting
@confirmation
@kubeconfig
@click.pass_obj
def command(
    session: Session,
    release: str,
    revision: int | None,
    dry_run: bool,  # noqa: FBT001 - a flag of the command line
    namespace: str | None,
    accept: tuple[str, ...],
    confirm: str | None,
    kubeconfig: Path | None,
) -> None:
    """Plan the way back, show it, and carry it out once confirmed."""
    appliance = session.appliance()
    plan = appliance.releases.plan_rollback(release, namespace or release, revision, kubeconfig)
    plan = appliance.releases.accept(plan, accept) if accept else plan
    if dry_run:
        show(session, plan)
    else:
        carry_out(session, appliance, plan, _("This puts {name} back."), confirm, kubeconfig)
