"""`champ verify MEDIA --root ROOT.json`: check a bundle without a zone."""

from __future__ import annotations

from pathlib import Path

import click

from installer.cli.bundle_view import bundle_summary, columns
from installer.cli.options import DIRECTORY, FILE, Verb, overrides
from installer.cli.session import Session
from installer.language import translate as _


@click.command(
    "verify",
    cls=Verb,
    help=_("Check the bundle on MEDIA by signature and checksum against the public root."),
)
@click.argument("media", type=DIRECTORY, nargs=-1, required=True)
@click.option("--root", type=FILE, required=True, metavar="ROOT.json", help=_("The public root."))
@overrides
@click.pass_obj
def command(
    session: Session,
    media: tuple[Path, ...],
    root: Path,
    accept_expired: str | None,
    accept_clock: str | None,
) -> None:
    """Verify every byte and show what the bundle is."""
    from champ_offline.trust.dates import Overrides
    from champ_offline.workshop import Workshop

    accepted = Overrides(accept_expired, accept_clock)
    with session.watched() as notify:
        summary = Workshop().verify(media, root, notify, accepted)
    overridden = len(summary.bundle.trusted.overridden)
    session.output.record(bundle_summary(summary.bundle), columns(overridden))
