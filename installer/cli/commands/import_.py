"""`champ --zone DIR import MEDIA...`: take a verified bundle into the zone."""

from __future__ import annotations

from pathlib import Path

import click

from installer.cli.options import DIRECTORY, Verb, overrides
from installer.cli.output import Column
from installer.cli.session import Session
from installer.language import translate as _
from installer.quantities import size


@click.command(
    "import", cls=Verb, help=_("Verify the bundle on MEDIA and take it into the zone's store.")
)
@click.argument("media", type=DIRECTORY, nargs=-1, required=True)
@overrides
@click.pass_obj
def command(
    session: Session, media: tuple[Path, ...], accept_expired: str | None, accept_clock: str | None
) -> None:
    """Import and show what was new."""
    from champ_offline.trust.dates import Overrides

    accepted = Overrides(accept_expired, accept_clock)
    appliance = session.appliance()
    with session.watched() as notify:
        imported = appliance.import_media(media, notify, accepted)
    session.output.record(
        imported,
        [
            Column("bundle", _("bundle")),
            Column("version", _("version")),
            Column("changed", _("changed"), _changed),
            Column("new_blobs", _("new blobs")),
            Column("new_bytes", _("new bytes"), size),
            Column("known_blobs", _("blobs already held")),
            Column("damaged", _("damaged places made good")),
        ],
    )


def _changed(changed: object) -> str:
    return _("yes") if changed else _("nothing, the zone has it all")
