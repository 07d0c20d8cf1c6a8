"""`champ trust image-key`: the public key to verify images with, for cosign and policy engines."""

from __future__ import annotations

from pathlib import Path

import click

from installer.cli.options import DIRECTORY, GIVEN_FILE, Verb
from installer.cli.session import Session
from installer.language import translate as _


@click.command(
    "image-key",
    cls=Verb,
    help=_(
        "Print the public key that images and apps were signed with, for cosign and policy"
        " engines: the zone's, newest first, or with --root that of the bundle on MEDIA."
    ),
)
@click.argument("media", type=DIRECTORY, required=False)
@click.option("--root", type=GIVEN_FILE, metavar="ROOT.json", help=_("The public root."))
@click.pass_obj
def image_key(session: Session, media: Path | None, root: Path | None) -> None:
    """Write the key as PEM, or as JSON with the bundles it belongs to."""
    if (media is None) != (root is None):
        raise click.UsageError(_("MEDIA and --root belong together."))
    if media is not None and root is not None:
        from champ_offline.workshop import Workshop

        found = Workshop().image_keys(media, root)
    else:
        found = session.appliance().image_keys()
    if session.form == "table":
        session.output.text("".join(key.pem for key in found))
    else:
        session.output.document(found)
