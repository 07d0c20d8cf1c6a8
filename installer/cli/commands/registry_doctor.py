"""`champ registry doctor`: a node's whole way to the registry, looked at from the node."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import click

from installer.cli.findings_view import show
from installer.cli.node_options import authority_in, containerd_config, place_of, places
from installer.cli.options import GIVEN_FILE, Verb
from installer.cli.session import Session
from installer.language import translate as _


@click.command(
    "doctor",
    cls=Verb,
    help=_(
        "Look along a node's way to the registry: mirror file, containerd, proxy, name, port, TLS, "
        "authority, certificate, clock, and a read of an image. Run it on the node; it changes "
        "nothing. Without HOST:PORT it is the registry that the node was taught."
    ),
)
@click.argument("address", metavar="[HOST:PORT]", required=False)
@click.option(
    "--ca", type=GIVEN_FILE, metavar="ca.crt",
    help=_("Verify by this authority instead of the one that the mirror file names."),
)  # fmt: skip
@click.option("--image", metavar="NAME", help=_("Read this image; else one that is served."))
@places
@containerd_config
@click.pass_obj
def doctor(
    session: Session,
    address: str | None,
    ca: Path | None,
    image: str | None,
    root: Path,
    certs_dir: PurePosixPath,
    config: PurePosixPath,
) -> int:
    """One row for each step; ends with 4 when one of them would stop a pull."""
    from champ_offline.clock import now_utc
    from champ_offline.node.address import Address
    from champ_offline.node.examine import Question, examine, taught

    place = place_of(root, certs_dir)
    registry = Address.parse(address) if address else taught(place)
    authority = authority_in(ca).pem.decode("ascii") if ca else None
    return show(session, examine(Question(place, registry, authority, image, config), now_utc))
