"""`champ show PLANFILE`: the review of a plan that was carried here, without zone and cluster."""

from __future__ import annotations

from pathlib import Path

import click

from installer.cli.options import GIVEN_FILE, Verb, differences
from installer.cli.plan_view import read, show
from installer.cli.session import Session
from installer.cli.site_view import show_site
from installer.language import translate as _


@click.command(
    "show",
    cls=Verb,
    help=_(
        "Show the plan in PLANFILE for a review, ending with the digest by which it can be"
        " approved. Needs neither the zone nor its cluster."
    ),
)
@click.argument("planfile", type=GIVEN_FILE)
@differences
@click.pass_obj
def command(session: Session, planfile: Path, differences: bool) -> None:  # noqa: FBT001 - a flag
    """Show the plan; nothing is looked up."""
    from champ_offline.site.carried import Carried

    found = read(planfile)
    if isinstance(found, Carried):
        show_site(session, found, reviews=True, differences=differences)
    else:
        show(session, found, differences=differences)
