"""The volumes of a bundle on media, held against what its bundle document says of them.

Invariant: an index that is given out has the digest which the document names. Whether the document
itself is vouched for is not known here (`verify`, `unvouched`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

from champ_offline.bundle import media
from champ_offline.bundle.agreement import check_agreement
from champ_offline.bundle.document import BundleDocument, VolumeEntry
from champ_offline.bundle.errors import (
    AnotherPack,
    MediumUnreadable,
    VolumeFault,
    VolumeForeign,
    VolumeMissing,
    VolumeNoFile,
    VolumeStale,
)
from champ_offline.bundle.healing import healed_index
from champ_offline.bundle.installer import InstallerAtHand
from champ_offline.bundle.offer import Offer
from champ_offline.bundle.reader import VolumeReader
from champ_offline.bundle.volume import Member, VolumeIndex
from champ_offline.errors import ChampError
from champ_offline.oci.digest import Digest


@dataclass(frozen=True)
class VolumeAtHand:
    """A volume: its entry in the document, its index if any copy has it, the copies at hand.

    `displaced` when a file of its name belongs to another bundle or pack. A copy may lie under
    another volume's name.
    """

    name: str
    entry: VolumeEntry
    index: VolumeIndex | None
    copies: tuple[VolumeReader, ...]
    displaced: bool


class AtHand:
    """What of a bundle is at hand.

    `paths` are the media as they were named, `places` the folders its files may lie in; `faults` is
    what was found wrong on the way. Of an `installer` only signatures tell.
    """

    installer = InstallerAtHand()

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

    def missing(self, volumes: Sequence[VolumeAtHand]) -> VolumeMissing:
        """The error that asks for those volumes."""
        return VolumeMissing(
            where=", ".join(str(path) for path in self.paths),
            missing=len(volumes),
            total=len(self.volumes),
            names=few([volume.name for volume in volumes]),
            blob=volumes[0].entry.first,
        )

    def missing_of(self, volumes: Sequence[VolumeAtHand]) -> VolumeMissing | None:
        """The same, None where there are none to ask for."""
        return self.missing(volumes) if volumes else None


def find_volumes(
    paths: Sequence[Path],
    places: Sequence[Path],
    document: BundleDocument,
    faults: list[ChampError],
    offer: Offer | None = None,
) -> tuple[VolumeAtHand, ...]:
    """The volumes in `places`, in the order of the document; what is wrong goes to `faults`.

    Indexes that are nowhere there come from `offer`.
    Raises DocumentMalformed and PiecesMisfit where indexes do not agree with the document.
    """
    search = _Search(tuple(places), document, faults, offer, several=len(paths) > 1)
    volumes = search.run()
    check_agreement(document, [volume.index for volume in volumes])
    return volumes


class _Search:
    """Looks for the volumes of one bundle; with `several` media, errors name a copy's path."""

    def __init__(
        self,
        places: tuple[Path, ...],
        document: BundleDocument,
        faults: list[ChampError],
        offer: Offer | None,
        *,
        several: bool,
    ) -> None:
        self._offer = offer
        self._places, self._document, self._faults = places, document, faults
        self._several = several
        self._others = {place for place in places if self._is_another(place)}
        # Files that hold a volume of this pack under the name of another one, by its number.
        self._misnamed: dict[int, list[Path]] = {}

    def run(self) -> tuple[VolumeAtHand, ...]:
        """All volumes; those under wrong names count as copies of what they are."""
        found = [self._volume(entry) for entry in self._document.volumes]
        for number, paths in self._misnamed.items():
            found[number - 1] = self._with_misnamed(found[number - 1], paths)
        found = [one if one.index else self._offered(one) for one in found]
        if self._document.parity:
            found = [one if one.index else self._healed(one) for one in found]
        return tuple(found)

    def _is_another(self, place: Path) -> bool:
        """Whether the place carries another pack of the bundle, by what it says of itself."""
        mine = self._document
        found = media.said(place)
        if found is None or (found.name, found.version) != (mine.name, mine.version):
            return False
        if found.volume_set == mine.volume_set:
            return False
        self._faults.append(
            AnotherPack(
                path=place,
                bundle=f"{mine.name} {mine.version}",
                found=found.created,
                created=mine.created,
            )
        )
        return True

    def _volume(self, entry: VolumeEntry) -> VolumeAtHand:
        """One volume: its index from any copy that has the signed one, and the copies to read."""
        document, places = self._document, self._places
        name = document.volume_name(entry)
        index = _index_beside(places, entry, name, self._faults)
        copies, displaced = [], False
        self._faults += [VolumeNoFile(path=path) for path in media.no_files(places, name)]
        for path in media.volume_copies(places, document, entry):
            reader = VolumeReader(path, self._called(path), entry)
            try:
                index = reader.index(document)
                reader.check_length(index)
            except VolumeStale as fault:
                if path.parent not in self._others:
                    self._faults.append(fault)
                    displaced = True
                continue
            except VolumeForeign as fault:
                self._faults.append(fault)
                displaced = True
                self._note(fault, path)
                continue
            except VolumeFault as fault:
                self._faults.append(fault)
            copies.append(reader)
        return VolumeAtHand(name, entry, index, tuple(copies), displaced)

    def _called(self, path: Path) -> str:
        return str(path) if self._several else path.name

    def _note(self, fault: VolumeForeign, path: Path) -> None:
        number = fault.number
        if 1 <= number <= len(self._document.volumes):
            self._misnamed.setdefault(number, []).append(path)

    def _with_misnamed(self, volume: VolumeAtHand, paths: Sequence[Path]) -> VolumeAtHand:
        """The volume with copies of it that lie under other names."""
        index, copies = volume.index, list(volume.copies)
        for path in paths:
            reader = VolumeReader(path, self._called(path), volume.entry)
            try:
                index = reader.index(self._document)
                reader.check_length(index)
            except VolumeFault as fault:
                self._faults.append(fault)
            copies.append(reader)
        displaced = volume.displaced and not copies
        return replace(volume, index=index, copies=tuple(copies), displaced=displaced)

    def _healed(self, volume: VolumeAtHand) -> VolumeAtHand:
        return replace(volume, index=healed_index(self._places, self._document, volume.copies))

    def _offered(self, volume: VolumeAtHand) -> VolumeAtHand:
        data = self._offer.index_of(volume.entry) if self._offer else None
        return replace(volume, index=VolumeIndex.from_bytes(data, volume.name) if data else None)


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


def spans(numbers: Collection[int]) -> str:
    """Numbers for a sentence: `1-3, 5`."""
    left, found = sorted(numbers), list[str]()
    while left:
        last = next(n for n in count(left[0]) if n + 1 not in numbers)
        found.append(str(last) if last == left[0] else f"{left[0]}-{last}")
        left = [number for number in left if number > last]
    return few(found)
