"""`champ --zone DIR registry serve`: the zone's images for its nodes, over TLS; and its clients."""

from __future__ import annotations

import click

from installer.cli.commands.registry_clients import access, client
from installer.cli.diagnostics import show_log
from installer.cli.options import Verb
from installer.cli.output import Column
from installer.cli.session import Session
from installer.language import translate as _

DEFAULT_PORT = 5443
ACCESS_LOG = "champ.registry.access"


@click.group("registry", help=_("Serve the zone's images to its nodes."))
def command() -> None:
    """Group the acts on the registry."""


command.add_command(client)
command.add_command(access)


@command.command("serve", cls=Verb, help=_("Serve the zone's images over TLS until interrupted."))
@click.option("--host", default="127.0.0.1", show_default=True, help=_("Address to listen on."))
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    default=DEFAULT_PORT,
    show_default=True,
    help=_("Port to listen on."),
)
@click.option(
    "--name",
    "names",
    multiple=True,
    metavar="NAME",
    help=_("A name or address nodes use, for the certificate; may be repeated."),
)
@click.pass_obj
def serve(session: Session, host: str, port: int, names: tuple[str, ...]) -> None:
    """Serve, and show where as soon as requests are answered; each request is a line on stderr."""
    if session.progress != "none":
        show_log(ACCESS_LOG)
    appliance = session.appliance()

    def ready() -> None:
        session.output.record(
            {"address": host, "port": port, "authority": appliance.paths.pki / "ca.crt"},
            [
                Column("address", _("address")),
                Column("port", _("port")),
                Column("authority", _("certificate authority")),
            ],
        )

    from champ_offline.registry.start import Address

    appliance.serve_registry(Address(host, port, names or (host,)), ready)
