"""`champ --zone DIR export --for ZONE MEDIA...`: write media for the next zone.

With `--gitops argocd|flux PLANFILE --out FOLDER`: write a plan's manifests for another tool.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from installer.cli.diagnostics import say
from installer.cli.gitops_view import export_plan
from installer.cli.options import DIRECTORY, Verb
from installer.cli.output import Column
from installer.cli.session import Session
from installer.cli.sizes import Size
from installer.language import translate as _
from installer.quantities import size
from installer.words import about

if TYPE_CHECKING:
    from champ_offline.bundle.export import Exported

# Folders of media, or the file of a plan.
_PLACE = click.Path(path_type=Path)


@click.command(
    "export",
    cls=Verb,
    help=_(
        "Write media for another zone from this zone's store: every bundle that was signed for it, "
        "the newest of each name, with the signatures it came with. Every byte is hashed on its "
        "way. A run that was ended goes on where it was. With --gitops instead: write the sealed "
        "manifests of the plan in PLANFILE as files for Argo CD or Flux, without any secret "
        "(docs/gitops.md)."
    ),
)
@click.argument("media", type=_PLACE, nargs=-1, required=True, metavar="MEDIA... | PLANFILE")
@click.option(
    "--for",
    "destination",
    metavar="ZONE",
    help=_("The name of the zone they are for."),
)
@click.option(
    "--bundle", "bundles", multiple=True, metavar="NAME[:VERSION]",
    help=_("Only this bundle, else its newest version; may be given several times."),
)  # fmt: skip
@click.option(
    "--stick",
    type=Size(),
    metavar="SIZE",
    help=_(
        "MEDIA is one folder on a disk: divide over folders in it for sticks of this size, for "
        "example 32GB: stick-01, stick-02, … Otherwise the media are filled in their order."
    ),
)
@click.option(
    "--gitops",
    "tool",
    type=click.Choice(("argocd", "flux")),
    help=_("Write what the plan in PLANFILE makes of its clusters, for this tool."),
)
@click.option(
    "--out", type=DIRECTORY, metavar="FOLDER", help=_("With --gitops: the folder for the files.")
)
@click.option(
    "--source",
    metavar="NAME",
    help=_(
        "With --gitops: what the tool knows the files' repository by; its URL for argocd, the name"
        " of its GitRepository for flux (flux-system)."
    ),
)
@click.pass_obj
def command(
    session: Session,
    media: tuple[Path, ...],
    destination: str | None,
    bundles: tuple[str, ...],
    stick: int | None,
    tool: str | None,
    out: Path | None,
    source: str | None,
) -> None:
    """Export, and show what lies where."""
    if tool is not None:
        if destination or bundles or stick is not None or len(media) != 1 or out is None:
            raise click.UsageError(_("With --gitops name one PLANFILE, --out and --source alone."))
        if source is None and tool == "argocd":
            raise click.UsageError(_("Argo CD needs the URL of the repository: --source URL."))
        export_plan(session, media[0], tool, source or "flux-system", out)
        return
    if destination is None:
        raise click.UsageError(_("Name the zone they are for, with --for ZONE."))
    if out is not None or source is not None:
        raise click.UsageError(_("--out and --source go with --gitops."))
    if stick is not None and len(media) > 1:
        raise click.UsageError(
            _("With --stick name one folder; the sticks' folders are made in it.")
        )
    from champ_offline.bundle.export import ExportOrder
    from champ_offline.bundle.export_media import Targets
    from champ_offline.bundle.selection import Wanted

    targets = Targets(tuple(dict.fromkeys(media)), stick)
    order = ExportOrder(destination, targets, tuple(map(Wanted.parse, bundles)))
    appliance = session.appliance()
    with session.watched() as notify:
        done = appliance.export(order, notify)
    session.output.rows(
        done,
        [
            Column("bundle", _("BUNDLE")),
            Column("version", _("VERSION")),
            Column("zone", _("FOR ZONE")),
            Column("volumes", _("VOLUMES"), right=True),
            Column("size", _("SIZE"), size, right=True),
            Column("written", _("WRITTEN"), _written),
            Column("folders", _("FOLDER"), " ".join),
        ],
    )
    for one in done:
        _mind(one)
    if not session.json_errors and session.form == "table":
        say(_("In the next zone: {command}").format(command=_next(done)))


def _next(done: Sequence[Exported]) -> str:
    """The command that takes all that lies on these media; each bundle in its turn if several."""
    from champ_offline.bundle.media import bundle_folders

    media = dict.fromkeys(folder.parents[1] for one in done for folder in one.folders)
    names = {folder.name for medium in media for folder in bundle_folders(medium)}
    every = ["--all"] if len(names) > 1 else []
    return shlex.join(["champ", "import", *every, *map(str, media)])


def _written(written: object) -> str:
    return _("yes") if written else _("it was there; not read")


def _time(text: str) -> str:
    return text[:19].replace("T", " ")


def _mind(one: Exported) -> None:
    """Say what the next zone will ask about, or may refuse, as far as it is known here."""
    from champ_offline.bundle.pack import LARGEST_ON_FAT32

    label = f"{one.bundle} {one.version}"
    if one.expired:
        text = _("{bundle}: its signatures are past their time ({about}); the zone will ask why.")
        say(text.format(bundle=label, about=about(one.expired)))
    if one.newer:
        text = _(
            "{bundle}, packed {time} UTC: a zone that has taken {newer}, packed {later} UTC, "
            "refuses this older pack."
        )
        newer, times = f"{one.bundle} {one.newer}", (_time(one.packed), _time(one.newer_packed))
        say(text.format(bundle=label, time=times[0], newer=newer, later=times[1]))
    if one.largest > LARGEST_ON_FAT32:
        say(_("Some volumes are larger than a file on FAT32 can be; use exFAT sticks."))
