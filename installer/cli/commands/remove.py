"""`champ --zone DIR remove RELEASE`: take a release off its cluster."""

from __future__ import annotations

from pathlib import Path

import click

from installer.cli.interrupted import foretell
from installer.cli.names import releases
from installer.cli.options import Verb, confirmation, kubeconfig, namespace
from installer.cli.plan_view import carry_out, show
from installer.cli.session import Session
from installer.language import translate as _


@click.command("remove", cls=Verb, help=_("Remove RELEASE from its cluster; its data stays."))
@click.argument("release", shell_complete=releases)
@click.option("--dry-run", is_flag=True, help=_("Only show the plan."))
@namespace
@confirmation
@kubeconfig
@click.pass_obj
def command(
    session: Session,
    release: str,
    dry_run: bool,  # noqa: FBT001 - a flag of the command line
    namespace: str | None,
    confirm: str | None,
    kubeconfig: Path | None,
) -> None:
    """Plan the removal, show it, and carry it out once confirmed."""
    appliance = session.appliance()
    foretell(session)
    plan = appliance.releases.plan_remove(release, namespace or release, kubeconfig)
    if dry_run:
        show(session, plan)
    else:
        carry_out(session, appliance, plan, _("This removes {name}."), confirm, kubeconfig)
