"""`champ --zone DIR status [RELEASE]`: what runs, at which version, and how it is."""

from __future__ import annotations

from pathlib import Path

import click

from installer.cli.options import Verb, kubeconfig, namespace
from installer.cli.output import Column
from installer.cli.session import Session
from installer.language import translate as _
from installer.words import word


@click.command("status", cls=Verb, help=_("Show the releases of this zone, or RELEASE alone."))
@click.argument("release", required=False)
@namespace
@kubeconfig
@click.pass_obj
def command(
    session: Session, release: str | None, namespace: str | None, kubeconfig: Path | None
) -> None:
    """One row for each release."""
    session.output.rows(
        session.appliance().releases.status(release, namespace, kubeconfig),
        [
            Column("release", _("RELEASE")),
            Column("namespace", _("NAMESPACE")),
            Column("app", _("APP")),
            Column("version", _("VERSION")),
            Column("number", _("REVISION"), right=True),
            Column("outcome", _("STATE"), word),
            Column("health", _("HEALTH"), word),
        ],
    )
