"""The volumes of a bundle on media, held against what its bundle document says of them.

Invariant: an index that is given out has the digest which the document names. Whether the document
itself is vouched for is not known here (`verify`, `unvouched`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from champ_offline.bundle import media
from champ_offline.bundle.agreement import check_agreement
from champ_offline.bundle.document import BundleDocument, VolumeEntry
from champ_offline.bundle.errors import (
    MediumUnreadable,
    VolumeFault,
    VolumeForeign,
    VolumeMissing,
    VolumeStale,
)
from champ_offline.bundle.healing import healed_index
from champ_offline.bundle.reader import VolumeReader
from champ_offline.bundle.volume import Member, VolumeIndex
from champ_offline.errors import ChampError
from champ_offline.oci.digest import Digest


@dataclass(frozen=True)
class VolumeAtHand:
    """A volume: its entry in the document, its index if any copy has it, the copies at hand.

    `displaced` when a file of its name belongs to another bundle or pack.
    """

    name: str
    entry: VolumeEntry
    index: VolumeIndex | None
    copies: tuple[VolumeReader, ...]
    displaced: bool


class AtHand:
    """What of a bundle is at hand.

    `paths` are the media as they were named, `places` the folders its files may lie in; `faults` is
    what was found wrong on the way.
    """

    def __init__(
        self,
        paths: tuple[Path, ...],
        places: tuple[Path, ...],
        document: BundleDocument,
        volumes: tuple[VolumeAtHand, ...],
        faults: tuple[ChampError, ...],
    ) -> None:
        self.paths, self.places = paths, places
        self.document = document
        self.volumes = volumes
        self.faults = faults

    @property
    def members(self) -> Iterator[Member]:
        """Every file of the layout that a known index names, in media order."""
        return (member for _volume, index in self.readable for member in index.members)

    @property
    def readable(self) -> Iterator[tuple[VolumeAtHand, VolumeIndex]]:
        """The volumes whose index is known, with it."""
        return ((volume, volume.index) for volume in self.volumes if volume.index)

    @property
    def absent(self) -> tuple[VolumeAtHand, ...]:
        """The volumes of which no copy is at hand."""
        return tuple(volume for volume in self.volumes if not volume.copies)

    def missing_of(self, volumes: Sequence[VolumeAtHand]) -> VolumeMissing | None:
        """The same, None where there are none to ask for."""
        return self.missing(volumes) if volumes else None

    def missing(self, volumes: Sequence[VolumeAtHand]) -> VolumeMissing:
        """The error that asks for those volumes."""
        return VolumeMissing(
            where=", ".join(str(path) for path in self.paths),
            missing=len(volumes),
            total=len(self.volumes),
            names=few([volume.name for volume in volumes]),
            blob=volumes[0].entry.first,
        )


def find_volumes(
    paths: Sequence[Path],
    places: Sequence[Path],
    document: BundleDocument,
    faults: list[ChampError],
) -> tuple[VolumeAtHand, ...]:
    """The volumes in `places`, in the order of the document; what is wrong goes to `faults`.

    Raises DocumentMalformed and PiecesMisfit where indexes do not agree with the document.
    """
    several = len(paths) > 1
    volumes = tuple(
        _volume(places, document, entry, faults, several=several) for entry in document.volumes
    )
    check_agreement(document, [volume.index for volume in volumes])
    return volumes


def _volume(
    places: Sequence[Path],
    document: BundleDocument,
    entry: VolumeEntry,
    faults: list[ChampError],
    *,
    several: bool,
) -> VolumeAtHand:
    """One volume: its index from any copy that has the signed one, and the copies to read.

    With `several` media, errors name the whole path of a copy.
    """
    name = document.volume_name(entry)
    index = _index_beside(places, entry, name, faults)
    copies, displaced = [], False
    for path in media.volume_copies(places, document, entry):
        reader = VolumeReader(path, str(path) if several else name, entry)
        try:
            index = reader.index(document)
            reader.check_length(index)
        except (VolumeForeign, VolumeStale) as fault:
            faults.append(fault)
            displaced = True
            continue
        except VolumeFault as fault:
            faults.append(fault)
        copies.append(reader)
    if index is None and document.parity:
        index = healed_index(places, document, copies)
    return VolumeAtHand(name, entry, index, tuple(copies), displaced)


def _index_beside(
    places: Sequence[Path], entry: VolumeEntry, name: str, faults: list[ChampError]
) -> VolumeIndex | None:
    for path in media.index_copies(places, entry):
        try:
            data = media.read_index(path, entry)
        except MediumUnreadable as fault:
            faults.append(fault)
            continue
        if Digest.of(data) == entry.index_digest:
            return VolumeIndex.from_bytes(data, name)
    return None


def few(names: Sequence[str], most: int = 10) -> str:
    """The first of the names for a sentence, and how many more there are."""
    more = f" … (+{len(names) - most})" if len(names) > most else ""
    return ", ".join(names[:most]) + more
