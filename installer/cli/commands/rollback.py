"""`champ --zone DIR rollback RELEASE [--to N] [--with-data]`: put a release back."""

from __future__ import annotations

from pathlib import Path

import click

from champ_offline.errors import ExitCode
from installer.cli.interrupted import foretell
from installer.cli.names import releases
from installer.cli.options import Verb, Whole, accepting, confirmation, kubeconfig, namespace
from installer.cli.plan_view import carry_out, show
from installer.cli.session import Session
from installer.language import translate as _


@click.command("rollback", cls=Verb, help=_("Put RELEASE back to an earlier revision."))
@click.argument("release", shell_complete=releases)
@click.option(
    "--to",
    "revision",
    type=Whole(1),
    metavar="N",
    help=_("The revision to go back to; the one before the present one otherwise."),
)
@click.option(
    "--with-data",
    "with_data",
    is_flag=True,
    help=_(
        "Bring back too the data that was saved of that version, the newest unless --backup names "
        "one. What is there now is saved before."
    ),
)
@click.option(
    "--backup",
    type=Whole(1),
    metavar="NUMBER",
    help=_("The backup to bring back (`champ data list`)."),
)
@click.option(
    "--no-data-backup",
    is_flag=True,
    help=_("Do not save the release's data before another version of its app comes."),
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
    with_data: bool,  # noqa: FBT001 - a flag of the command line
    backup: int | None,
    no_data_backup: bool,  # noqa: FBT001 - a flag of the command line
    dry_run: bool,  # noqa: FBT001 - a flag of the command line
    namespace: str | None,
    accept: tuple[str, ...],
    confirm: str | None,
    kubeconfig: Path | None,
) -> int:
    """Plan the way back, show it, and carry it out once confirmed."""
    from champ_offline.release.data.planning import WayBack

    appliance = session.appliance()
    if with_data and no_data_backup:
        raise click.UsageError(_("With --with-data what is there now is always saved before."))
    way = WayBack(not no_data_backup, with_data or backup is not None, backup)
    about = (release, namespace or release, revision, kubeconfig)
    foretell(session)
    plan = appliance.releases.plan_rollback(*about, way)
    plan = appliance.releases.accept(plan, accept) if accept else plan
    if dry_run:
        show(session, plan)
        return int(ExitCode.PREFLIGHT if plan.blocked else ExitCode.OK)
    carry_out(session, appliance, plan, _("This puts {name} back."), confirm, kubeconfig)
    return int(ExitCode.OK)
