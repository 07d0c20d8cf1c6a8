"""`champ registry`: the zone's images for its nodes, over TLS; its clients; a node's way to it."""

from __future__ import annotations

import click

from installer.cli.commands.registry_authority import authority
from installer.cli.commands.registry_clients import access, client
from installer.cli.commands.registry_doctor import doctor
from installer.cli.commands.registry_external import external, push
from installer.cli.commands.registry_serve import serve, unit
from installer.language import translate as _


@click.group("registry", help=_("Serve the zone's images to its nodes."))
def command() -> None:
    """Group the acts on the registry."""


for _act in (serve, unit, client, access, authority, external, push, doctor):
    command.add_command(_act)
