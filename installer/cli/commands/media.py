"""`champ media list|repair`: the bundles that are plugged in; mend a bundle's medium in place."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from installer.cli.diagnostics import error_document, say
from installer.cli.options import (
    DIRECTORY,
    FILE,
    GIVEN_DIRECTORY,
    GIVEN_FILE,
    Verb,
    overrides,
)
from installer.cli.output import Column
from installer.cli.session import Session
from installer.error_text import sentences
from installer.language import translate as _

if TYPE_CHECKING:
    from installer.media_facts import Facts


@click.group("media", help=_("See which bundles are plugged in; mend media that were damaged."))
def command() -> None:
    """Group the acts on media."""


@command.command(
    "list",
    cls=Verb,
    help=_(
        "List the bundles on the media that are mounted, and in the folders given: whether the "
        "zone accepts each, and if not, why; what is new in it, whether it fits and how long it "
        "takes. Reads signed documents and a few MiB of each; `champ verify` reads all of it."
    ),
)
@click.argument("media", type=GIVEN_DIRECTORY, nargs=-1)
@click.pass_obj
def list_(session: Session, media: tuple[Path, ...]) -> None:
    """A row for each; why one is refused stands below, and in JSON beside it."""
    from installer import media_facts
    from installer.sticks import bundles_at, search

    appliance = session.appliance()
    found = {one.folder: one for path in media for one in bundles_at(path)}
    found |= {one.folder: one for one in search(None) if one.folder not in found}
    known = [media_facts.facts(lambda: appliance, one) for one in found.values()]
    if session.form != "table":
        session.output.document([_document(one) for one in known])
        return
    rows = [
        {
            "bundle": one.name,
            "state": media_facts.state(one),
            "new": media_facts.new_here(one),
            "room": media_facts.room(one),
            "time": media_facts.time(one),
            "folder": one.found.folder,
        }
        for one in known
    ]
    columns = {
        "bundle": _("BUNDLE"),
        "state": _("STATE"),
        "new": _("NEW HERE"),
        "room": _("ROOM"),
        "time": _("TIME"),
        "folder": _("WHERE"),
    }
    session.output.rows(rows, [Column(name, label) for name, label in columns.items()])
    for one in known:
        say(
            f"\n{one.name}\n" + "\n".join(f"  {line}" for line in media_facts.told(one).split("\n"))
        )


def _document(known: Facts) -> dict[str, Any]:
    from installer.media_facts import document

    refused = known.refusal and error_document(known.refusal, *sentences(known.refusal))
    return {**document(known), "refusal": refused}


@command.command(
    "repair",
    cls=Verb,
    help=_(
        "Mend the bundle on MEDIA in place: read every byte and put right what parity, other "
        "copies, loose blobs or the zone (its store, and the papers of bundles it holds) give "
        "back. Only bytes that were signed are written. Signatures are checked under the root of "
        "the zone, or the one given."
    ),
)
@click.argument("media", type=DIRECTORY)
@click.option(
    "--from", "sources", type=DIRECTORY, multiple=True, metavar="OTHER",
    help=_("Another copy, or a patch made by `champ pack --only`; may be given several times."),
)  # fmt: skip
@click.option("--root", type=GIVEN_FILE, metavar="ROOT.json", help=_("The public root."))
@click.option(
    "--list", "list_to", type=FILE, metavar="FILE",
    help=_("Write the list of what cannot be had, to be sent to whoever packed the bundle."),
)  # fmt: skip
@click.option(
    "--check",
    is_flag=True,
    help=_("Only look; nothing is written to MEDIA. Ends with 11 where it is damaged."),
)
@click.option(
    "--whole", is_flag=True, help=_("MEDIA is to carry every volume, not only its share.")
)
@overrides
@click.pass_obj
def repair(
    session: Session,
    media: Path,
    sources: tuple[Path, ...],
    root: Path | None,
    list_to: Path | None,
    accept_expired: str | None,
    accept_clock: str | None,
    *,
    check: bool,
    whole: bool,
) -> None:
    """Mend, show what was mended, and end with 11 where something could not be."""
    if root is None and session.zone is None:
        raise click.UsageError(_("Name the public root with --root, or a zone with --zone."))
    from champ_offline.bundle.repair import RepairOrder
    from champ_offline.trust.overrides import Overrides
    from champ_offline.workshop import Workshop

    order = RepairOrder(media, sources, whole, check, list_to)
    accepted = Overrides(accept_expired, accept_clock)
    with session.watched() as notify:
        if root is None:
            done = session.appliance().repair(order, notify, accepted)
        else:
            done = Workshop().repair(order, root, notify, accepted)
    session.output.record(
        done,
        [
            Column("bundle", _("bundle")),
            Column("version", _("version")),
            Column("folder", _("folder")),
            Column("documents", _("damaged documents"), ", ".join),
            Column("volumes", _("damaged volumes"), _volumes),
            *([Column("misnamed", _("to be renamed"), _misnamed)] if done.misnamed else []),
            *([Column("", _("part of a bundle"), _part)] if done.elsewhere else []),
            Column("elsewhere", _("not here"), _elsewhere),
            Column("missing", _("known to be lost"), _missing),
            *([Column("check", _("written"), _nothing)] if check else []),
        ],
    )
    if done.fault is not None:
        raise done.fault


def _volumes(volumes: list[dict[str, Any]]) -> str:
    return ", ".join(_volume(volume) for volume in volumes)


def _volume(volume: dict[str, Any]) -> str:
    if volume["built"]:
        text = _("{name}: rebuilt")
    elif volume["absent"]:
        text = _("{name}: missing")
    else:
        text = _("{name}: damaged places: {places}")
    more = _(", {lost} not to be had") if volume["lost"] else ""
    return (text + more).format(**volume)


def _misnamed(files: list[dict[str, Any]]) -> str:
    return ", ".join(f"{one['file']} → {one['holds']}" for one in files)


def _part(done: dict[str, Any]) -> str:
    from champ_offline.bundle.at_hand import spans

    here = spans(done["share"]) or "0"
    return _("volumes {here} of {total}").format(here=here, total=done["total"])


def _elsewhere(names: list[str]) -> str:
    return _("{names} (on other media, or lost)").format(names=", ".join(names)) if names else ""


def _nothing(_check: object) -> str:
    return _("nothing, this was only a look")


def _missing(missing: dict[str, Any]) -> str:
    return str(len(missing["members"]) + len(missing["indexes"]))
