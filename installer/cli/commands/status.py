"""`champ --zone DIR status [RELEASE]`: what runs, at which version, and how it is."""

from __future__ import annotations

import click

from installer.cli.options import Verb
from installer.cli.output import Column
from installer.cli.session import Session
from installer.language import translate as _


@click.command("status", cls=Verb, help=_("Show the releases of this zone, or RELEASE alone."))
@click.argument("release", required=False)
@click.pass_obj
def command(session: Session, release: str | None) -> None:
    """One row for each release."""
    session.output.rows(
        session.appliance().status(release),
        [
            Column("name", _("RELEASE")),
            Column("namespace", _("NAMESPACE")),
            Column("app", _("APP")),
            Column("version", _("VERSION")),
            Column("revision", _("REVISION"), right=True),
            Column("state", _("STATE")),
            Column("health", _("HEALTH")),
        ],
    )
