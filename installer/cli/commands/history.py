"""`champ --zone DIR history RELEASE`: the revisions that a release can be put back to."""

from __future__ import annotations

import click

from installer.cli.options import Verb, namespace
from installer.cli.output import Column
from installer.cli.session import Session
from installer.language import translate as _
from installer.words import word


@click.command("history", cls=Verb, help=_("List the revisions of RELEASE, oldest first."))
@click.argument("release")
@namespace
@click.pass_obj
def command(session: Session, release: str, namespace: str | None) -> None:
    """One row for each revision."""
    session.output.rows(
        session.appliance().releases.history(release, namespace or release),
        [
            Column("number", _("REVISION"), right=True),
            Column("operation", _("WHAT"), word),
            Column("app", _("APP")),
            Column("version", _("VERSION")),
            Column("outcome", _("OUTCOME"), word),
            Column("started", _("WHEN")),
            Column("actor", _("WHO")),
        ],
    )
