"""`champ --zone DIR plan APP`: what an install or upgrade would change, sealed for `apply`.

With `--site FILE`: what making the zone as a site's document says would change.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from champ_offline.errors import ExitCode
from installer.cli.interrupted import foretell
from installer.cli.names import apps
from installer.cli.options import (
    FILE,
    GIVEN_FILE,
    Verb,
    accepting,
    differences,
    kubeconfig,
    namespace,
    workers,
)
from installer.cli.plan_view import keep, show
from installer.cli.session import Session
from installer.cli.site_view import plan_site, show_site
from installer.language import translate as _

if TYPE_CHECKING:
    from champ_offline.release.plan import Plan
    from champ_offline.site.plan import SitePlan


@click.command(
    "plan",
    cls=Verb,
    help=_(
        "Work out what installing APP, or upgrading the release it runs as, would change; or, with "
        "--site, what it takes to make the whole zone as a document says (docs/site.md)."
    ),
)
@click.argument("app", required=False, shell_complete=apps)
@click.option(
    "--site",
    type=GIVEN_FILE,
    metavar="FILE",
    help=_("Plan all that this document says of the zone."),
)
@click.option("--version", metavar="VERSION", help=_("The newest that the zone holds otherwise."))
@click.option("--release", metavar="NAME", help=_("The release's name; the app's otherwise."))
@namespace
@click.option(
    "--answers", type=GIVEN_FILE, metavar="FILE", help=_("The answers to the app's form.")
)
@click.option(
    "--no-data-backup",
    is_flag=True,
    help=_("Do not save the release's data before another version of its app comes."),
)
@click.option("--out", type=FILE, metavar="FILE", help=_("Keep the plan in FILE for apply."))
@click.option("--exit-code", is_flag=True, help=_("End with 10 when the plan has changes."))
@differences
@accepting
@workers
@kubeconfig
@click.pass_obj
def command(
    session: Session,
    app: str | None,
    site: Path | None,
    version: str | None,
    release: str | None,
    namespace: str | None,
    answers: Path | None,
    no_data_backup: bool,  # noqa: FBT001 - a flag of the command line
    out: Path | None,
    exit_code: bool,  # noqa: FBT001 - a flag of the command line
    differences: bool,  # noqa: FBT001 - a flag of the command line
    accept: tuple[str, ...],
    workers: int,
    kubeconfig: Path | None,
) -> int:
    """Show the plan; nothing is changed."""
    if site is not None:
        if any((app, version, release, namespace, answers)):
            raise click.UsageError(_("With --site the document says it all; leave the rest out."))
        foretell(session)
        planned = plan_site(session, site, workers, accept)
        if out is not None:
            keep(planned, out)
        show_site(session, planned, differences=differences)
        return _code(planned.plan, exit_code=exit_code)
    if app is None:
        raise click.UsageError(_("Name an APP of the catalog, or a document with --site FILE."))
    name = release or app
    foretell(session)
    releases = session.appliance().releases
    about = (app, version, name, namespace or name, answers, kubeconfig)
    made = releases.plan_install(*about, save=not no_data_backup)
    made = releases.accept(made, accept) if accept else made
    if out is not None:
        keep(made, out)
    show(session, made, differences=differences)
    return _code(made, exit_code=exit_code)


def _code(made: Plan | SitePlan, *, exit_code: bool) -> int:
    if made.blocked:
        return int(ExitCode.PREFLIGHT)
    return int(ExitCode.PLAN_HAS_CHANGES if exit_code and made.has_changes else ExitCode.OK)
