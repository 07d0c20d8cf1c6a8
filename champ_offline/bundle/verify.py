"""Verification: the only way to a VerifiedBundle, and the reading of every byte.

Invariant: a VerifiedBundle exists only after signatures, dates, zone and bundle.json were accepted,
and every index in it is one that was signed. Its contents are still bytes on media: whoever reads
them checks them against these indexes on the way.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from champ_offline.bundle import media
from champ_offline.bundle.agreement import check_agreement
from champ_offline.bundle.document import BundleDocument, VolumeEntry
from champ_offline.bundle.errors import (
    BlobsLost,
    MediaDamaged,
    MediumUnreadable,
    SeveralBundles,
    SeveralTroubles,
    VolumeFault,
    VolumeForeign,
    VolumeMissing,
    VolumeStale,
    VolumeTruncated,
)
from champ_offline.bundle.gate import Found, Gate
from champ_offline.bundle.healing import healed_index
from champ_offline.bundle.parity.protection import BeyondParity, ParityUnusable
from champ_offline.bundle.parity_faults import parity_faults, spare_faults
from champ_offline.bundle.reader import VolumeReader, every_member
from champ_offline.bundle.volume import Member, VolumeIndex
from champ_offline.errors import ChampError, Several
from champ_offline.events import FaultFound, Progress, StepFinished, StepStarted, Subscriber
from champ_offline.oci.digest import Digest
from champ_offline.trust.dates import NO_OVERRIDES, Overrides
from champ_offline.trust.errors import WrongZone
from champ_offline.trust.trusted import Accepted

_ONLY_HERE = object()


@dataclass(frozen=True)
class VerifiedVolume:
    """A volume of the bundle: its signed entry, its index if any copy has it, copies at hand.

    `displaced` when a file of its name belongs to another bundle or pack.
    """

    name: str
    entry: VolumeEntry
    index: VolumeIndex | None
    copies: tuple[VolumeReader, ...]
    displaced: bool


class VerifiedBundle:
    """A bundle on media that this module vouches for; nobody else can make one.

    `paths` are the media as they were named, `places` the folders its files may lie in; `files`
    the accepted documents by their path in a bundle's folder; `faults` is what was found wrong on
    the way, none of which touches what is vouched for.
    """

    def __init__(
        self,
        paths: tuple[Path, ...],
        places: tuple[Path, ...],
        found: Found,
        volumes: tuple[VerifiedVolume, ...],
        faults: tuple[ChampError, ...],
        *,
        made_by: object,
    ) -> None:
        if made_by is not _ONLY_HERE:
            raise TypeError("a VerifiedBundle is made by verify() only")
        self.paths, self.places = paths, places
        self._found = found
        self.trusted = found.trusted
        self.document = found.document
        self.files = found.files
        self.volumes = volumes
        self.faults = faults

    @property
    def folder(self) -> Path:
        """The folder whose documents were accepted."""
        return self.places[0]

    @property
    def lost_roots(self) -> tuple[int, ...]:
        """Versions of roots that the bundle must carry, from the first on that no medium gave."""
        return self._found.lost_roots

    @property
    def members(self) -> Iterator[Member]:
        """Every file of the layout that a known index names, in media order."""
        return (member for _volume, index in self.readable for member in index.members)

    @property
    def readable(self) -> Iterator[tuple[VerifiedVolume, VolumeIndex]]:
        """The volumes whose index is known, with it."""
        return ((volume, volume.index) for volume in self.volumes if volume.index)

    @property
    def absent(self) -> tuple[VerifiedVolume, ...]:
        """The volumes of which no copy is at hand."""
        return tuple(volume for volume in self.volumes if not volume.copies)

    def missing_of(self, volumes: Sequence[VerifiedVolume]) -> VolumeMissing | None:
        """The same, None where there are none to ask for."""
        return self.missing(volumes) if volumes else None

    def missing(self, volumes: Sequence[VerifiedVolume]) -> VolumeMissing:
        """The error that asks for those volumes."""
        return VolumeMissing(
            where=", ".join(str(path) for path in self.paths),
            missing=len(volumes),
            total=len(self.volumes),
            names=_few([volume.name for volume in volumes]),
            blob=volumes[0].entry.first,
        )


def verify(
    paths: Sequence[Path],
    root: bytes,
    now: datetime,
    zone: str | None = None,
    overrides: Overrides = NO_OVERRIDES,
    history: Sequence[Accepted] = (),
    known: Sequence[bytes] = (),
) -> VerifiedBundle:
    """Accept the bundle that lies on the media at `paths` under a pinned `root`.

    Each path is a bundle's folder, a medium with it, or a folder of volumes alone. Where packs of
    different days lie there, the newest counts. Reads documents and volume indexes only. `zone` is
    the zone it is to enter, None for a check outside of any zone; `overrides` and `history` are
    those of `evaluate`; `known` are roots that make up for lost ones, besides those on the media.
    Raises the errors of `trust.errors`, NoBundle, SeveralBundles, DocumentMissing,
    DocumentMalformed.
    """
    folders = media.folders_of(paths)
    gate = Gate(root, now, overrides, tuple(history), tuple(known))
    accepted, faults = gate.accept(folders)
    found = _newest(paths, accepted)
    document = found.document
    if zone is not None and document.zones and zone not in document.zones:
        raise WrongZone(
            where=str(found.folder),
            bundle=document.name,
            zones=", ".join(document.zones),
            zone=zone,
        )
    places = media.places(paths, [found.folder, *folders], document)
    several = len(paths) > 1
    volumes = tuple(
        _volume(places, document, entry, faults, several=several) for entry in document.volumes
    )
    check_agreement(document, [volume.index for volume in volumes])
    return VerifiedBundle(
        tuple(paths), tuple(places), found, volumes, tuple(faults), made_by=_ONLY_HERE
    )


def read_every_byte(bundle: VerifiedBundle, notify: Subscriber) -> int:
    """Hash every copy of every volume at hand, look through parity; returns the bytes hashed.

    Goes on after damage and raises what was found at the end: the one fault, or MediaDamaged;
    VolumeMissing when all that is there is sound but not all is there.
    """
    faults = Faults(bundle, notify)
    total = sum(volume.entry.size * len(volume.copies) for volume in bundle.volumes)
    done = 0
    for volume, index in bundle.readable:
        for copy in volume.copies:
            notify(StepStarted("verify", volume.name))
            for passed in copy.read(index, every_member, faults):
                done += passed
                notify(Progress("verify", done, total, subject=volume.name))
            notify(StepFinished("verify", volume.name))
    _check_parity(bundle, faults, notify)
    if faults.found:
        absent = [volume for volume in bundle.absent if not volume.displaced]
        faults.absent(absent)
        raise verdict(faults.found, missing=bundle.missing_of(absent))
    if bundle.absent:
        raise bundle.missing(bundle.absent)
    return total


def _check_parity(bundle: VerifiedBundle, faults: Faults, notify: Subscriber) -> None:
    document = bundle.document
    if not document.parity:
        return
    try:
        for fault in spare_faults(bundle.places, document):
            faults(fault)
    except MediumUnreadable as unreadable:
        faults(unreadable)
    for volume in bundle.volumes:
        name = document.parity_name(volume.entry)
        beside = [copy.path.parent for copy in volume.copies]
        notify(StepStarted("verify", name))
        try:
            for fault in parity_faults(bundle.places, beside, document, volume.entry):
                faults(fault)
        except MediumUnreadable as unreadable:
            faults(unreadable)
        notify(StepFinished("verify", name))


class Faults:
    """Collects what is wrong with a bundle's media, each place once, and tells the subscriber."""

    def __init__(self, bundle: VerifiedBundle, notify: Subscriber) -> None:
        self.found: list[ChampError] = []
        self._notify = notify
        self._places: set[tuple[str, ...]] = set()
        for fault in bundle.faults:
            self(fault)

    def __call__(self, fault: ChampError) -> None:
        """Take one more."""
        place = _place(fault)
        if place not in self._places:
            self._places.add(place)
            # A traceback keeps its frames alive, and with each the buffer it was reading into.
            fault.__traceback__ = fault.__context__ = fault.__cause__ = None
            self.found.append(fault)
            self._notify(FaultFound.of(fault))

    def absent(self, volumes: Sequence[VerifiedVolume]) -> None:
        """Tell of volumes that are missing beside what is damaged."""
        for volume in volumes:
            self._notify(FaultFound(VolumeMissing.id, volume.name, str(volume.entry.first), -1))


def _place(fault: ChampError) -> tuple[str, ...]:
    """What tells one fault from another; a volume is cut off once, wherever that is noticed."""
    if isinstance(fault, VolumeTruncated):
        return (fault.id, fault.volume)
    return (fault.id, str(fault))


def verdict(
    faults: Sequence[ChampError], lost: int = 0, missing: VolumeMissing | None = None
) -> ChampError:
    """The one error that stands for all faults, and for the volumes that are `missing` besides.

    `lost` counts blobs and pieces that no copy gave.
    """
    volumes = [fault for fault in faults if isinstance(fault, VolumeFault)]
    # Why healing failed is about volumes that are named in any case.
    others = [f for f in faults if not isinstance(f, VolumeFault | BeyondParity | ParityUnusable)]
    aside = others[:1] if others or volumes else faults[:1]
    troubles = [*aside, *([_of_volumes(volumes, lost)] if volumes else ())]
    troubles += [missing] if missing else []
    return troubles[0] if len(troubles) == 1 else SeveralTroubles(troubles=Several(troubles))


def _of_volumes(faults: Sequence[VolumeFault], lost: int) -> ChampError:
    damaged = any(not isinstance(fault, VolumeForeign | VolumeStale) for fault in faults)
    if len(faults) == 1 or not damaged:
        return faults[0]
    first = {name: faults[0].fields[name] for name in ("volume", "blob", "offset")}
    if lost:
        return BlobsLost(blobs=lost, faults=len(faults), **first)
    return MediaDamaged(faults=len(faults), **first)


def _newest(paths: Sequence[Path], accepted: Sequence[Found]) -> Found:
    names = {(one.document.name, one.document.version): one.folder.name for one in accepted}
    if len(names) > 1:
        where = ", ".join(str(path) for path in paths)
        raise SeveralBundles(path=where, names=", ".join(sorted(names.values())))
    return max(accepted, key=lambda one: one.trusted.version)


def _volume(
    places: Sequence[Path],
    document: BundleDocument,
    entry: VolumeEntry,
    faults: list[ChampError],
    *,
    several: bool,
) -> VerifiedVolume:
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
    return VerifiedVolume(name, entry, index, tuple(copies), displaced)


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


def _few(names: Sequence[str], most: int = 10) -> str:
    more = f" … (+{len(names) - most})" if len(names) > most else ""
    return ", ".join(names[:most]) + more
