"""`champ verify MEDIA --root ROOT.json`: check a bundle without a zone."""

from __future__ import annotations

from pathlib import Path

import click

from installer.cli.bundle_view import bundle_summary, columns
from installer.cli.options import DIRECTORY, GIVEN_FILE, Verb, every_bundle, overrides
from installer.cli.output import Column
from installer.cli.session import Session
from installer.cli.turns_view import show_turns
from installer.language import translate as _
from installer.quantities import size


@click.command(
    "verify",
    cls=Verb,
    help=_("Check the bundle on MEDIA by signature and checksum against the public root."),
)
@click.argument("media", type=DIRECTORY, nargs=-1, required=True)
@click.option(
    "--root", type=GIVEN_FILE, required=True, metavar="ROOT.json", help=_("The public root.")
)
@every_bundle
@overrides
@click.pass_obj
def command(
    session: Session,
    media: tuple[Path, ...],
    root: Path,
    accept_expired: str | None,
    accept_clock: str | None,
    *,
    every: bool,
) -> None:
    """Verify every byte and show what the bundle is."""
    from champ_offline.trust.overrides import Overrides
    from champ_offline.workshop import Workshop

    accepted = Overrides(accept_expired, accept_clock)
    if every:
        with session.watched() as notify:
            turns = Workshop().verify_all(media, root, notify, accepted)
        show_turns(session, turns, lambda summary: bundle_summary(summary.bundle), _columns())
        return
    with session.watched() as notify:
        summary = Workshop().verify(media, root, notify, accepted)
    overridden = len(summary.bundle.trusted.overridden)
    session.output.record(bundle_summary(summary.bundle), columns(overridden))


def _columns() -> list[Column]:
    return [
        Column("", _("AS SIGNED"), lambda turn: _("yes") if turn["done"] else _("no")),
        Column("done.size", _("SIZE"), size, right=True),
    ]
