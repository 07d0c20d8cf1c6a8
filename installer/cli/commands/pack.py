"""`champ pack RECIPE --signing DIR --out DIR`: prove, pack and sign a bundle."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from champ_offline.bundle.parity.layout import LEAST_SHARE, MOST_SHARE
from installer.cli.diagnostics import say
from installer.cli.options import DIRECTORY, FILE, GIVEN_DIRECTORY, GIVEN_FILE, Verb
from installer.cli.output import Column, Output, as_plain
from installer.cli.passphrases import Passphrases
from installer.cli.session import Session
from installer.cli.sizes import Share, Size
from installer.language import translate as _
from installer.quantities import size

if TYPE_CHECKING:
    from champ_offline.bundle.patch import Patch
    from champ_offline.workshop import PackSummary


@click.command(
    "pack", cls=Verb, help=_("Pack exactly what the lock of RECIPE pins, and sign the bundle.")
)
@click.argument("recipe", type=GIVEN_FILE)
@click.option(
    "--lock",
    type=GIVEN_FILE,
    metavar="FILE",
    help=_("The lock; the one beside the recipe otherwise."),
)
@click.option(
    "--signing", type=GIVEN_DIRECTORY, required=True, multiple=True, metavar="DIR",
    help=_("A signing folder; may be given several times, once for each holder."),
)  # fmt: skip
@click.option(
    "--passphrase-file", "files", type=FILE, multiple=True, metavar="FILE",
    help=_("Read the passphrase from a file; one for all folders, or one each in their order."),
)  # fmt: skip
@click.option("--out", type=DIRECTORY, required=True, metavar="DIR", help=_("The medium's folder."))
@click.option(
    "--volume-size",
    type=Size(),
    metavar="SIZE",
    help=_(
        "The largest file, at least 1M, for example 700M; just below the 4.29 GB of FAT32 where it "
        "is left out. Sticks for larger files need another file system, such as exFAT."
    ),
)
@click.option(
    "--prove",
    is_flag=True,
    default=True,
    help=_(
        "Before packing, render every app with its defaults and its documented answers, and "
        "refuse when an image in it is not in the lock. This is always done."
    ),
)
@click.option("--no-sbom", is_flag=True, help=_("Leave out the lists of the images' packages."))
@click.option(
    "--stick",
    type=Size(),
    metavar="SIZE",
    help=_(
        "Divide over several media of this size, at least 8M, for example 32GB: stick-01, "
        "stick-02, … Of each stick 4.2 MB and 2% are kept back for its file system and the "
        "documents."
    ),
)
@click.option(
    "--parity",
    type=Share(LEAST_SHARE, MOST_SHARE),
    default=0,
    metavar="SHARE",
    help=_(
        "Write parity of this share beside each volume, for example 5%: bad sectors of the medium, "
        "a little less than that, are then healed in the zone."
    ),
)
@click.option(
    "--installer", type=GIVEN_FILE, metavar="FILE",
    help=_(
        "Put this champ.sh into the root of each medium and sign it; a champ that was started from"
        " champ.sh takes that one along unless told otherwise."
    ),
)  # fmt: skip
@click.option("--no-installer", is_flag=True, help=_("Take no champ.sh along."))
@click.option(
    "--only", type=GIVEN_FILE, metavar="FILE",
    help=_(
        "Pack only what a repair list (`champ media repair --list`) names, as loose files; with "
        "the recipe, lock, keys and sizes that the bundle was packed with."
    ),
)  # fmt: skip
@click.pass_obj
def command(
    session: Session,
    recipe: Path,
    lock: Path | None,
    signing: tuple[Path, ...],
    files: tuple[Path, ...],
    out: Path,
    volume_size: int | None,
    stick: int | None,
    parity: int,
    *,
    prove: bool,  # noqa: ARG001 (a flag to say what is done in any case)
    no_sbom: bool,
    installer: Path | None,
    no_installer: bool,
    only: Path | None,
) -> None:
    """Prove, pack, sign and show where the bundle lies and what was proven."""
    from champ_offline.bundle.divide import Limits
    from champ_offline.bundle.pack import LARGEST_ON_FAT32, LARGEST_VOLUME
    from champ_offline.workshop import PackOrder, Workshop

    carried = None if no_installer else _installer(installer)
    beside = carried.stat().st_size if carried else 0
    largest = LARGEST_VOLUME if volume_size is None else volume_size
    limits = Limits.of(largest, stick, parity, beside)
    unlock = Passphrases(signing, files)
    order = PackOrder(recipe, signing, out, lock, limits, unlock, not no_sbom, carried)
    with session.watched() as notify:
        if only is not None:
            _show_patch(session.output, Workshop().pack_only(only, order, notify))
        else:
            done = Workshop().pack(order, notify)
            _show(session.output, done)
            if any(volume.size > LARGEST_ON_FAT32 for volume in done.packed.document.volumes):
                say(_("Some volumes are larger than a file on FAT32 can be; use exFAT sticks."))


def _installer(named: Path | None) -> Path | None:
    """The champ.sh that was named, or the one this program came from; raises NotOneFile."""
    from champ_offline.installation.one_file import version_name
    from champ_offline.installation.places import one_file_of

    own = one_file_of(Path(sys.executable))
    found = named or (own if getattr(sys, "frozen", False) and own.is_file() else None)
    if found is not None:
        version_name(found)
    return found


def _show_patch(output: Output, patch: Patch) -> None:
    output.record(
        patch,
        [
            Column("folder", _("folder")),
            Column("bundle", _("bundle")),
            Column("version", _("version")),
            Column("files", _("files")),
            Column("size", _("size"), size),
        ],
    )


def _show(output: Output, done: PackSummary) -> None:
    output.record(
        {**as_plain(done.packed), "proof": done.proof},
        [
            Column("folders", _("folder"), ", ".join),
            Column("document.name", _("bundle")),
            Column("document.version", _("version")),
            Column("document.volumes", _("volumes"), lambda volumes: str(len(volumes))),
            Column("document.size", _("size"), size),
        ],
    )
    if output.form == "table" and done.proof.cases:
        output.text("\n")
        output.rows(
            done.proof.cases,
            [
                Column("app", _("APP")),
                Column("version", _("VERSION")),
                Column("answers", _("ANSWERS")),
                Column("renderings", _("RENDERINGS"), right=True),
                Column("objects", _("OBJECTS"), right=True),
                Column("images", _("IMAGES, ALL IN THE LOCK"), " ".join),
            ],
        )
