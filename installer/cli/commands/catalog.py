"""`champ --zone DIR catalog`: the apps that the zone holds."""

from __future__ import annotations

from typing import Any

import click

from installer.cli.options import Verb
from installer.cli.output import Column
from installer.cli.session import Session
from installer.language import active
from installer.language import translate as _


@click.command("catalog", cls=Verb, help=_("List the apps that the zone's bundles brought."))
@click.pass_obj
def command(session: Session) -> None:
    """One row for each version of each app."""
    session.output.rows(
        session.appliance().catalog.apps(),
        [
            Column("name", _("APP")),
            Column("version", _("VERSION")),
            Column("title", _("TITLE"), _local),
            Column("summary", _("SUMMARY"), _local),
        ],
    )


def _local(texts: dict[str, Any]) -> str:
    return str(texts.get(active()) or texts.get("en") or "")
