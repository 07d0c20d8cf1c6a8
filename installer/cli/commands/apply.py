"""`champ --zone DIR apply PLANFILE`: carry out a plan, exactly."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from champ_offline.errors import ExitCode
from installer.cli.diagnostics import say
from installer.cli.interrupted import foretell
from installer.cli.options import FILE, Verb, confirmation, kubeconfig, workers
from installer.cli.plan_view import approved, carry_out, named
from installer.cli.session import Session
from installer.cli.site_view import carry_out_site
from installer.language import translate as _


@click.command(
    "apply",
    cls=Verb,
    help=_(
        "Carry out the plan in PLANFILE, if the cluster is as it was then. A plan that was made in"
        " this zone may be named by its digest instead, which confirms it too."
    ),
)
@click.argument("planfile", type=FILE)
@confirmation
@click.option(
    "--plan-digest", "digest", metavar="DIGEST",
    help=_("Confirm by the digest under which the plan was approved; any other plan is refused."),
)  # fmt: skip
@workers
@kubeconfig
@click.pass_obj
def command(
    session: Session,
    planfile: Path,
    confirm: str | None,
    digest: str | None,
    workers: int,
    kubeconfig: Path | None,
) -> int:
    """Apply the sealed plan and show how it ended."""
    from champ_offline.site.carried import Carried
    from champ_offline.site.plan import SitePlan

    found, approved_so = named(session, planfile)
    asks = digest is None and not approved_so
    plan = found.plan if isinstance(found, Carried) else found
    if digest is not None:
        approved(plan, digest)
    foretell(session)
    with _naming(planfile):
        if isinstance(plan, SitePlan):
            return carry_out_site(session, plan, confirm, workers, asks=asks)
        question = _("This changes {name}.")
        carry_out(session, session.appliance(), plan, question, confirm, kubeconfig, asks=asks)
    return int(ExitCode.OK)


@contextmanager
def _naming(planfile: Path) -> Iterator[None]:
    """Say of a plan that is not the zone's which file it came from."""
    from champ_offline.operations import PlanNotOurs

    try:
        yield
    except PlanNotOurs:
        say(_("This plan is in {file}.").format(file=planfile))
        raise
