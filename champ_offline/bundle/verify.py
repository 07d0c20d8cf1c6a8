"""Verification: the only way to a VerifiedBundle, and the reading of every byte.

Invariant: a VerifiedBundle exists only after signatures, dates, zone and bundle.json were accepted,
and every index in it is one that was signed. Its contents are still bytes on media: whoever reads
them checks them against these indexes on the way.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from champ_offline.bundle import media
from champ_offline.bundle.at_hand import AtHand, VolumeAtHand, few, find_volumes
from champ_offline.bundle.document import BundleDocument
from champ_offline.bundle.errors import (
    BlobsLost,
    BundleBelow,
    MediaDamaged,
    MediumUnreadable,
    NoBundle,
    NothingOfBundle,
    SeveralBundles,
    SeveralTroubles,
    SoundButMissing,
    Unused,
    VolumeFault,
    VolumeForeign,
    VolumeMissing,
    VolumeStale,
    VolumeTruncated,
)
from champ_offline.bundle.gate import Found, Gate
from champ_offline.bundle.index_faults import index_faults
from champ_offline.bundle.installer import InstallerAtHand, InstallerChanged, copies_on, tops
from champ_offline.bundle.offer import Offer
from champ_offline.bundle.parity.protection import BeyondParity, ParityUnusable
from champ_offline.bundle.parity_faults import parity_faults, spare_faults
from champ_offline.bundle.reader import every_member
from champ_offline.errors import ChampError, Fields, Several
from champ_offline.events import FaultFound, Progress, StepFinished, StepStarted, Subscriber
from champ_offline.trust.documents import SignedFile
from champ_offline.trust.errors import WrongZone
from champ_offline.trust.overrides import NO_OVERRIDES, Overrides
from champ_offline.trust.trusted import Accepted

_ONLY_HERE = object()
# Of what is wrong beside volumes, in one error; of single places, in what programs read.
_MOST_TOLD, _MOST_PLACES = 10, 1000


class VerifiedBundle(AtHand):
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
        volumes: tuple[VolumeAtHand, ...],
        faults: tuple[ChampError, ...],
        *,
        installer: InstallerAtHand,
        made_by: object,
    ) -> None:
        if made_by is not _ONLY_HERE:
            raise TypeError("a VerifiedBundle is made by verify() only")
        super().__init__(paths, places, found.document, volumes, faults)
        self._found = found
        self.trusted = found.trusted
        self.files = found.files
        self.installer = installer

    @property
    def folder(self) -> Path:
        """The folder whose documents were accepted."""
        return self.places[0]

    @property
    def lost_roots(self) -> tuple[int, ...]:
        """Versions of roots that the bundle must carry, from the first on that no medium gave."""
        return self._found.lost_roots


def verify(
    paths: Sequence[Path],
    root: bytes,
    now: datetime,
    zone: str | None = None,
    overrides: Overrides = NO_OVERRIDES,
    history: Sequence[Accepted] = (),
    known: Sequence[bytes] = (),
    offer: Offer | None = None,
) -> VerifiedBundle:
    """Accept the bundle that lies on the media at `paths` under a pinned `root`.

    Each path is a bundle's folder, a medium with it, or a folder of volumes alone. Where packs of
    different days lie there, the newest counts. Reads documents and volume indexes only. `zone` is
    the zone it is to enter, None for a check outside of any zone; `overrides` and `history` are
    those of `evaluate`; `known` are roots that make up for lost ones, besides those on the media,
    and `offer` documents and indexes.
    Raises the errors of `trust.errors`, NoBundle, SeveralBundles, DocumentMissing,
    DocumentMalformed.
    """
    folders = _folders(paths, offer)
    gate = Gate(root, now, overrides, tuple(history), tuple(known), offer)
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
    faults += _unused(paths, document)
    fits = offer is not None and offer.digest == found.trusted.digest
    volumes = find_volumes(paths, places, document, faults, offer if fits else None)
    installer = _installer(gate, paths, folders, found)
    return VerifiedBundle(
        tuple(paths),
        tuple(places),
        found,
        volumes,
        tuple(faults),
        installer=installer,
        made_by=_ONLY_HERE,
    )


def _installer(
    gate: Gate, paths: Sequence[Path], folders: Sequence[Path], found: Found
) -> InstallerAtHand:
    """The champ.sh of these media; another bundle that lies there may have brought it."""
    roots = tops(paths, folders)
    copies = copies_on(roots)
    others: list[SignedFile] = []
    for folder in (one for root in roots for one in media.bundle_folders(root) if copies):
        with suppress(ChampError):
            documents, data = media.read_documents(folder), media.read_bundle_document(folder)
            other = gate.judge(folder, documents, data).trusted.installer
            others += [other] if other else []
    return InstallerAtHand(found.trusted.installer, tuple(others), copies)


def _folders(paths: Sequence[Path], offer: Offer | None) -> list[Path]:
    """The bundle's folders, also the one that lost all that would tell it for one."""
    try:
        found = media.folders_of(paths)
    except (NoBundle, BundleBelow):
        if offer is None:
            raise
        found = []
    if offer is not None and offer.folder not in found:
        found.append(offer.folder)
    return found


def read_every_byte(bundle: AtHand, notify: Subscriber) -> int:
    """Hash every copy of every volume at hand, look through parity; returns the bytes hashed.

    Goes on after damage and raises what was found at the end: the one fault, or MediaDamaged;
    VolumeMissing when all that is there is sound but not all is there.
    """
    faults = Faults(bundle, notify)
    total = sum(volume.entry.size * len(volume.copies) for volume in bundle.volumes)
    done = 0
    for volume, index in bundle.readable:
        for copy in volume.copies:
            name, before = copy.path.name, len(faults.found)
            notify(StepStarted("verify", name))
            for passed in copy.read(index, every_member, faults):
                done += passed
                notify(Progress("verify", done, total, subject=name))
            if len(faults.found) == before and not faults.names(copy.name):
                notify(StepFinished("verify", name))
    others = {other.fields["path"] for other in faults.others}
    places = [place for place in bundle.places if place not in others]
    faults.take(index_faults(places, bundle.document))
    _check_parity(bundle, places, faults, notify)
    _check_installer(bundle, faults, notify)
    if faults.found:
        absent = [volume for volume in bundle.absent if not volume.displaced]
        faults.absent(absent)
        raise verdict(faults.found, missing=bundle.missing_of(absent))
    if bundle.absent:
        raise SoundButMissing(**bundle.missing(bundle.absent).fields)
    if faults.others:
        raise faults.others[0]
    return total


def _check_installer(bundle: AtHand, faults: Faults, notify: Subscriber) -> None:
    try:
        bundle.installer.check(notify)
    except (InstallerChanged, MediumUnreadable) as fault:
        faults(fault)


def _check_parity(
    bundle: AtHand, places: Sequence[Path], faults: Faults, notify: Subscriber
) -> None:
    document = bundle.document
    if not document.parity:
        return
    faults.take(spare_faults(places, document))
    for volume in bundle.volumes:
        name = document.parity_name(volume.entry)
        beside = [copy.path.parent for copy in volume.copies]
        if not beside and not media.parity_copies(places, document, volume.entry):
            continue
        before = len(faults.found)
        notify(StepStarted("verify", name))
        faults.take(parity_faults(places, beside, document, volume.entry))
        if len(faults.found) == before:
            notify(StepFinished("verify", name))


def _unused(paths: Sequence[Path], document: BundleDocument) -> Iterator[NothingOfBundle]:
    """Of several media those that hold nothing of the bundle: a person named them by mistake."""
    for path in paths if len(paths) > 1 else ():
        if not media.has_part(path, document):
            bundle = f"{document.name} {document.version}"
            yield NothingOfBundle(path=path, bundle=bundle)


class Faults:
    """Collects what is wrong with a bundle's media, each place once, and tells the subscriber.

    `others` are media that do not belong here, which are not wrong: nothing is `found` there.
    """

    def __init__(self, bundle: AtHand, notify: Subscriber) -> None:
        self.found: list[ChampError] = []
        self.others: list[Unused] = []
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
            if isinstance(fault, Unused):
                self.others.append(fault)
            else:
                self.found.append(fault)
            self._notify(FaultFound.of(fault))

    def take(self, found: Iterable[ChampError]) -> None:
        """Take all that a look finds; a medium that cannot be read on the way is a fault too."""
        try:
            for fault in found:
                self(fault)
        except MediumUnreadable as unreadable:
            self(unreadable)

    def names(self, volume: str) -> bool:
        """Whether something was found in the copy that errors call `volume`."""
        return any(isinstance(one, VolumeFault) and one.volume == volume for one in self.found)

    def absent(self, volumes: Sequence[VolumeAtHand]) -> None:
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
    aside = others[:_MOST_TOLD] if others or volumes else faults[:1]
    troubles: list[ChampError] = [*aside, *([_of_volumes(volumes, lost)] if volumes else ())]
    troubles += [missing] if missing else []
    if len(troubles) == 1:
        return troubles[0]
    return SeveralTroubles(troubles=Several(troubles), places=_places(faults))


def _places(faults: Sequence[ChampError]) -> tuple[str, ...]:
    return tuple(str(fault) for fault in faults[:_MOST_PLACES])


def _of_volumes(faults: Sequence[VolumeFault], lost: int) -> ChampError:
    damaged = any(not isinstance(fault, VolumeForeign | VolumeStale) for fault in faults)
    if len(faults) == 1 or not damaged:
        return faults[0]
    fields: Fields = {name: faults[0].fields[name] for name in ("volume", "blob", "offset")}
    fields |= {
        "faults": len(faults),
        "volumes": few(list(dict.fromkeys(fault.volume for fault in faults))),
        "places": _places(faults),
    }
    return BlobsLost(blobs=lost, **fields) if lost else MediaDamaged(**fields)


def _newest(paths: Sequence[Path], accepted: Sequence[Found]) -> Found:
    names = {(one.document.name, one.document.version): str(one.folder) for one in accepted}
    if len(names) > 1:
        where = ", ".join(str(path) for path in paths)
        raise SeveralBundles(path=where, names=", ".join(sorted(names.values())))
    return max(accepted, key=lambda one: one.trusted.version)
