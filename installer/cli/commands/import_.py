"""`champ --zone DIR import MEDIA...`: take a verified bundle into the zone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from champ_offline.errors import ChampError, ExitCode
from installer.cli.diagnostics import say
from installer.cli.options import DIRECTORY, Verb, every_bundle, kept_overrides
from installer.cli.output import Column
from installer.cli.session import Session
from installer.cli.turns_view import show_turns
from installer.error_text import sentences
from installer.language import translate as _
from installer.quantities import size
from installer.task_text import labels

if TYPE_CHECKING:
    from champ_offline.bundle.intake import Imported


@click.command(
    "import", cls=Verb, help=_("Verify the bundle on MEDIA and take it into the zone's store.")
)
@click.argument("media", type=DIRECTORY, nargs=-1, required=True)
@click.option(
    "--wait", is_flag=True, help=_("Wait for the next medium when volumes are missing, and go on.")
)
@every_bundle
@kept_overrides
@click.pass_obj
def command(
    session: Session,
    media: tuple[Path, ...],
    accept_expired: str | None,
    accept_clock: str | None,
    *,
    wait: bool,
    every: bool,
) -> None:
    """Import and show what was new."""
    if wait and every:
        raise click.UsageError(_("--wait waits for the rest of one bundle; leave --all out."))
    from champ_offline.trust.overrides import Overrides

    accepted = Overrides(accept_expired, accept_clock)
    appliance = session.appliance()
    if every:
        with session.watched() as notify:
            turns = appliance.import_all(media, notify, accepted)
        show_turns(
            session,
            turns,
            lambda imported: imported,
            [
                Column("", _("IMPORTED"), _taken),
                Column("done.new_blobs", _("NEW BLOBS"), right=True),
                Column("done.new_bytes", _("NEW BYTES"), size, right=True),
            ],
        )
        return

    def take(at_hand: Sequence[Path]) -> Imported:
        with session.watched() as notify:
            return appliance.import_media(at_hand, notify, accepted)

    def which(at_hand: Sequence[Path]) -> str:
        return str(appliance.inspect(at_hand, accepted).trusted.digest)

    imported = _waiting(media, take, which) if wait else take(media)
    _show(session, imported)


def _show(session: Session, imported: Imported) -> None:
    restored, gone = imported.restored, imported.displaced
    session.output.record(
        imported,
        [
            Column("bundle", _("bundle")),
            Column("version", _("version")),
            Column("changed", _("changed"), _changed),
            Column("new_blobs", _("new blobs")),
            Column("new_bytes", _("new bytes"), size),
            Column("known_blobs", _("blobs already held")),
            *([Column("restored", _("names made current again"), ", ".join)] if restored else []),
            *([Column("displaced", _("pushed content displaced"), _displaced)] if gone else []),
            Column("damaged", _("damaged places made good")),
        ],
    )


def _waiting(
    media: Sequence[Path],
    take: Callable[[Sequence[Path]], Imported],
    which: Callable[[Sequence[Path]], str],
) -> Imported:
    """Take what each medium brings until all of the bundle has come."""
    from installer.next_medium import NextMedium

    coming, at_hand = NextMedium(media, which), _there(media)

    def stranger() -> None:
        for error in coming.refused:
            say(sentences(error)[0])
        say(_("No part of this bundle is there; still waiting."))

    while True:
        coming.begin(at_hand)
        try:
            return take(at_hand)
        except ChampError as error:
            if error.exit_code is not ExitCode.MEDIUM_MISSING:
                raise
            message, _remedy = sentences(error)
            say(message)
            say(_("Waiting for the next medium; Ctrl-C ends this, and the next run goes on here."))
        at_hand = coming.wait(stranger)


def _there(media: Sequence[Path]) -> list[Path]:
    """Those of the media that can be read from now; of the others it is said that they are not."""
    from champ_offline.bundle.errors import MediumUnreadable
    from champ_offline.bundle.media import is_there

    there = []
    for path in media:
        try:
            if is_there(path):
                there.append(path)
            else:
                say(_("{path} does not exist.").format(path=path))
        except MediumUnreadable as error:
            say(sentences(error)[0])
    return there or list(media)


def _changed(changed: object) -> str:
    return _("yes") if changed else _("nothing, the zone has it all")


def _taken(turn: dict[str, Any]) -> str:
    return _changed(turn["done"]["changed"]) if turn["done"] else _("no")


def _displaced(repositories: list[dict[str, Any]]) -> str:
    """Of each repository the tags that clients had pushed, and how much went."""
    return "; ".join(map(_gone, repositories))


def _gone(one: dict[str, Any]) -> str:
    counts = _("manifests: {manifests}, without a tag: {untagged}, blobs: {blobs}")
    return f"{', '.join(labels(one))} ({counts.format(**one)})"
