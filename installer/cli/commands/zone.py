"""`champ --zone DIR zone init --name NAME --root ROOT.json`: commission a zone."""

from __future__ import annotations

from pathlib import Path

import click

from installer.cli.options import FILE, Verb
from installer.cli.output import Column
from installer.cli.session import Session
from installer.language import translate as _


@click.group("zone", help=_("Commission a zone."))
def command() -> None:
    """Group the acts on the zone itself."""


@command.command(
    "init", cls=Verb, help=_("Make the folder of a new zone, which trusts one root from now on.")
)
@click.option("--name", required=True, metavar="NAME", help=_("The zone's name in bundles."))
@click.option("--root", type=FILE, required=True, metavar="ROOT.json", help=_("The public root."))
@click.option(
    "--fingerprint", metavar="DIGITS", help=_("Refuse any root but the one with this fingerprint.")
)
@click.pass_obj
def init(session: Session, name: str, root: Path, fingerprint: str | None) -> None:
    """Commission the zone and show what it trusts."""
    from champ_offline.appliance import Appliance

    session.output.record(
        Appliance.create(session.zone_folder(), name, root, fingerprint).summary(),
        [
            Column("name", _("zone")),
            Column("commissioned", _("commissioned")),
            Column("root_fingerprint", _("fingerprint of the root")),
        ],
    )
