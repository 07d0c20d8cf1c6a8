"""`champ --zone DIR plan APP`: what an install or upgrade would change, sealed for `apply`."""

from __future__ import annotations

from pathlib import Path

import click

from champ_offline.errors import ExitCode
from installer.cli.options import FILE, Verb, kubeconfig, namespace
from installer.cli.plan_view import keep, show
from installer.cli.session import Session
from installer.language import translate as _


@click.command(
    "plan",
    cls=Verb,
    help=_("Work out what installing APP, or upgrading the release it runs as, would change."),
)
@click.argument("app")
@click.option("--version", metavar="VERSION", help=_("The newest that the zone holds otherwise."))
@click.option("--release", metavar="NAME", help=_("The release's name; the app's otherwise."))
@namespace
@click.option("--answers", type=FILE, metavar="FILE", help=_("The answers to the app's form."))
@click.option("--out", type=FILE, metavar="FILE", help=_("Keep the plan in FILE for apply."))
@click.option("--exit-code", is_flag=True, help=_("End with 10 when the plan has changes."))
@kubeconfig
@click.pass_obj
def command(
    session: Session,
    app: str,
    version: str | None,
    release: str | None,
    namespace: str | None,
    answers: Path | None,
    out: Path | None,
    exit_code: bool,  # noqa: FBT001 - a flag of the command line
    kubeconfig: Path | None,
) -> int:
    """Show the plan; nothing is changed."""
    name = release or app
    made = session.appliance().releases.plan_install(
        app, version, name, namespace or name, answers, kubeconfig
    )
    if out is not None:
        keep(made, out)
    show(session, made)
    return int(ExitCode.PLAN_HAS_CHANGES if exit_code and made.has_changes else ExitCode.OK)
