"""`champ --zone DIR history RELEASE`: the revisions that a release can be put back to."""

from __future__ import annotations

import click

from installer.cli.options import Verb
from installer.cli.output import Column
from installer.cli.session import Session
from installer.language import translate as _


@click.command("history", cls=Verb, help=_("List the revisions of RELEASE, oldest first."))
@click.argument("release")
@click.pass_obj
def command(session: Session, release: str) -> None:
    """One row for each revision."""
    session.output.rows(
        session.appliance().history(release),
        [
            Column("revision", _("REVISION"), right=True),
            Column("version", _("VERSION")),
            Column("state", _("STATE")),
            Column("applied", _("APPLIED")),
            Column("plan", _("PLAN")),
        ],
    )
