"""What is wrong with the indexes that lie beside the volumes (FORMAT.md, "On media").

Invariant: no content hangs on these copies while a volume has its own index, so an import passes
over what is wrong with them; whoever judges a medium tells it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from champ_offline.bundle import media
from champ_offline.bundle.document import BundleDocument, VolumeEntry
from champ_offline.bundle.volume import INDEXES
from champ_offline.errors import ChampError, ExitCode
from champ_offline.oci.digest import Digest


class IndexesDamaged(ChampError):
    """Copies of volume indexes are not as they were signed, or not there."""

    id = "media.indexes-damaged"
    exit_code = ExitCode.CORRUPT
    message = (
        "Of {total} volume indexes in {path} these many are damaged or missing: {count}; the first:"
        " {first}."
    )
    remedy = (
        "Have them written again with `champ media repair`: without them this medium cannot stand"
        " in for an index that a volume lost."
    )


def index_faults(places: Sequence[Path], document: BundleDocument) -> Iterator[IndexesDamaged]:
    """Hold the indexes beside volumes against the signed digests; one error for each place.

    A folder with a seal carries all of them; elsewhere those that are there count. Raises
    MediumUnreadable.
    """
    for place in places:
        sealed = media.is_file(place / media.METADATA / media.TIMESTAMP)
        wrong = [one for one in document.volumes if not _as_signed(place, one, wanted=sealed)]
        if wrong:
            yield IndexesDamaged(
                path=place / INDEXES,
                count=len(wrong),
                total=len(document.volumes),
                first=f"{wrong[0].number:04}.json",
            )


def _as_signed(place: Path, entry: VolumeEntry, *, wanted: bool) -> bool:
    path = next(media.index_copies([place], entry), None)
    if path is None:
        return not wanted
    return Digest.of(media.read_index(path, entry)) == entry.index_digest
