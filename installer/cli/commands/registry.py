"""`champ --zone DIR registry`: the zone's images for its nodes, over TLS; and its clients."""

from __future__ import annotations

import click

from installer.cli.commands.registry_clients import access, client
from installer.cli.commands.registry_serve import serve, unit
from installer.language import translate as _


@click.group("registry", help=_("Serve the zone's images to its nodes."))
def command() -> None:
    """Group the acts on the registry."""


for _act in (serve, unit, client, access):
    command.add_command(_act)
