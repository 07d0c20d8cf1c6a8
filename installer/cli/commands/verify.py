"""`champ verify MEDIA --root ROOT.json`: check a bundle without a zone."""

from __future__ import annotations

from pathlib import Path

import click

from installer.cli.options import DIRECTORY, FILE, Verb
from installer.cli.output import Column
from installer.cli.session import Session
from installer.language import translate as _
from installer.quantities import size


@click.command(
    "verify",
    cls=Verb,
    help=_("Check the bundle on MEDIA by signature and checksum against the public root."),
)
@click.argument("media", type=DIRECTORY)
@click.option("--root", type=FILE, required=True, metavar="ROOT.json", help=_("The public root."))
@click.pass_obj
def command(session: Session, media: Path, root: Path) -> None:
    """Verify every byte and show what the bundle is."""
    from champ_offline.appliance import Workshop

    with session.watched() as notify:
        summary = Workshop().verify(media, root, notify)
    session.output.record(
        summary,
        [
            Column("bundle", _("bundle")),
            Column("version", _("version")),
            Column("zones", _("for zones"), lambda zones: ", ".join(zones) or _("any")),
            Column("created", _("signed on")),
            Column("signers", _("signed by"), ", ".join),
            Column("volumes", _("volumes")),
            Column("size", _("size"), size),
        ],
    )
