"""Which volumes of a bundle belong on one medium (FORMAT.md, "Repair").

Invariant: read off what lies there and at hand; where nothing tells, no volume is taken for lost.
"""

from __future__ import annotations

from pathlib import Path

from champ_offline.bundle import media
from champ_offline.bundle.at_hand import VolumeAtHand
from champ_offline.bundle.repaired import Misnamed
from champ_offline.bundle.spares import Spares
from champ_offline.bundle.verify import VerifiedBundle
from champ_offline.bundle.volume import VolumeIndex


def share_of(
    bundle: VerifiedBundle, folder: Path, spares: Spares, *, whole: bool
) -> list[VolumeAtHand]:
    """The volumes that belong into the folder; with `whole` all of them.

    Where none lies there nor its parity: those that copies at hand have, or the only one.
    """
    document, volumes = bundle.document, bundle.volumes
    # Parity is written beside its volume: where it lies alone, the volume was lost.
    bereft = {v.entry.number for v in volumes if media.parity_copies([folder], document, v.entry)}
    here = numbers(bundle, folder) | bereft
    for place in bundle.places:
        there = numbers(bundle, place)
        here |= there if there & here else set()
    if whole or len(volumes) == 1:
        return list(volumes)
    least, most = (min(here), max(here)) if here else (0, 0)
    return [
        volume
        for volume in volumes
        if least <= volume.entry.number <= most
        or (not here and volume.copies)
        or (volume.index is not None and _lies_loose(volume.index, spares))
    ]


def numbers(bundle: VerifiedBundle, place: Path) -> set[int]:
    """Which volumes have a file in a folder."""
    volumes = bundle.volumes
    return {one.entry.number for one in volumes if media.is_file(place / one.name)}


def misnamed_in(bundle: VerifiedBundle, folder: Path, spares: Spares) -> tuple[Misnamed, ...]:
    """The folder's files that hold a volume which is nowhere else, sorted by name.

    Whatever else belongs in their place must not be written over them.
    """
    found, own = [], folder.resolve()
    for volume in bundle.volumes:
        names = [copy.path.name for copy in volume.copies if copy.path.parent.resolve() == own]
        if names and volume.name not in names and not _is_elsewhere(volume, spares):
            found.append(Misnamed(names[0], volume.name))
    return tuple(sorted(found, key=lambda one: one.file))


def _is_elsewhere(volume: VolumeAtHand, spares: Spares) -> bool:
    members = volume.index.members if volume.index else None
    return members is not None and all(spares.has_elsewhere(member) for member in members)


def _lies_loose(index: VolumeIndex, spares: Spares) -> bool:
    return any(spares.lies_loose(member) for member in index.members)
