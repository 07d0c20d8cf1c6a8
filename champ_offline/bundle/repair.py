"""Mending the bundle on one medium in place (FORMAT.md, "Repair").

Invariant: only bytes that follow from signed documents are written, each into its own place, so a
kill at any moment leaves a medium that is no worse than before and the next run goes on.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from champ_offline.bundle import media
from champ_offline.bundle.at_hand import VolumeAtHand
from champ_offline.bundle.document import BundleDocument
from champ_offline.bundle.errors import (
    NoBundle,
    SeveralBundles,
    VolumeFault,
    VolumeForeign,
    VolumeStale,
)
from champ_offline.bundle.healing import healed, mend
from champ_offline.bundle.held import HeldBundles
from champ_offline.bundle.mend import Damage, VolumeMender
from champ_offline.bundle.offer import Offer
from champ_offline.bundle.parity.beside import protection, write_parity
from champ_offline.bundle.parity.documents import seal_documents
from champ_offline.bundle.parity.layout import SECTOR
from champ_offline.bundle.parity.patches import Patches
from champ_offline.bundle.parity_faults import parity_fault
from champ_offline.bundle.reader import VolumeReader
from champ_offline.bundle.repair_errors import (
    MediumReadOnly,
    OtherPack,
    RootsLost,
    writing,
)
from champ_offline.bundle.repair_list import LostIndex, RepairList
from champ_offline.bundle.repair_sources import folders_for, offer_for, places_for
from champ_offline.bundle.repaired import MendedVolume, Repaired
from champ_offline.bundle.share import misnamed_in, numbers, share_of
from champ_offline.bundle.spares import Spares
from champ_offline.bundle.target import refuse_links
from champ_offline.bundle.verify import VerifiedBundle
from champ_offline.bundle.volume import INDEXES, Member, VolumeIndex
from champ_offline.durable.write import make_directory, remove_partials, write_atomic
from champ_offline.errors import ChampError, Phrase
from champ_offline.events import FaultFound, Subscriber
from champ_offline.store.blobs import BlobStore
from champ_offline.trust.errors import RootMissing
from champ_offline.trust.key_errors import NoSuchFolder

Accept = Callable[[Sequence[Path], Offer | None], VerifiedBundle]
"""`verify` under a root that the caller trusts."""


@dataclass(frozen=True)
class RepairOrder:
    """Which medium is to be mended, from what else, and how.

    `whole`: the medium is to carry every volume, not only its share. `check`: only look. `list_to`:
    the file that the list of what cannot be had is written to.
    """

    medium: Path
    sources: tuple[Path, ...] = ()
    whole: bool = False
    check: bool = False
    list_to: Path | None = None


def repair(
    order: RepairOrder,
    accept: Accept,
    stores: Sequence[BlobStore],
    notify: Subscriber,
    held: HeldBundles | None = None,
) -> Repaired:
    """Mend the bundle on `order.medium`, whose documents some medium at hand has whole.

    `stores` may hold blobs too, and `held` its papers. Raises what `accept` raises, NoBundle,
    SeveralBundles, MediumGone, MediumUnreadable, NoSuchFolder, and the errors of
    `repair_errors`: RootsLost
    where without a root nothing can be trusted; RepairIncomplete and RepairNeeded are in
    `Repaired.fault`.
    """
    for path in (order.medium, *order.sources):
        if not media.leads_to_folder(path):
            raise NoSuchFolder(path=path)
    if order.list_to is not None and not order.list_to.parent.is_dir():
        raise NoSuchFolder(path=order.list_to.parent)
    try:
        return _repaired(order, accept, stores, notify, held)
    except RootMissing as error:
        version = error.fields["missing"]
        raise RootsLost(path=order.medium, version=version) from error


def _repaired(
    order: RepairOrder,
    accept: Accept,
    stores: Sequence[BlobStore],
    notify: Subscriber,
    held: HeldBundles | None,
) -> Repaired:
    own = media.bundle_folders(order.medium)
    if len(own) > 1:
        names = ", ".join(folder.name for folder in own)
        raise SeveralBundles(path=order.medium, names=names)
    alone = _accepted(order.medium, accept) if own else None
    sources = places_for(own, alone.document if alone else None, order.sources)
    offer = offer_for(order.medium, own, alone.trusted.digest if alone else None, held)
    more = sources or offer is not None
    bundle = accept([order.medium, *sources], offer) if more or alone is None else alone
    if own:
        _refuse_other_pack(own[0], alone, bundle)
    folder = own[0] if own else _folder_of(order.medium, bundle)
    mending = _Repair(bundle, folder, order, stores, notify, offer.index if offer else b"")
    # Other copies may have roots that the medium lost; the rest of its documents are its own.
    done = mending.run(bundle.files | (alone.files if alone else {}))
    if not order.check and not done.stray_root:
        accept([folder], None)
    if order.list_to is not None:
        write_atomic(order.list_to, done.missing.to_bytes())
    return done


@dataclass
class _Repair:
    """One medium's repair under way."""

    bundle: VerifiedBundle
    folder: Path
    order: RepairOrder
    stores: Sequence[BlobStore]
    notify: Subscriber
    index: bytes
    volumes: list[MendedVolume] = field(default_factory=list)
    missing: list[tuple[int, Member]] = field(default_factory=list)
    indexes: list[LostIndex] = field(default_factory=list)

    def run(self, files: Mapping[str, bytes]) -> Repaired:
        """Documents, as in `files`, first: with them the next run can judge the rest."""
        if not self.order.check:
            self._refuse_read_only()
            self._clear()
        documents = list(self._documents(files))
        spares = Spares(self.bundle, self.stores, self.folder, self.index)
        share = share_of(self.bundle, self.folder, spares, whole=self.order.whole)
        # What is there comes first: on a full medium nothing is built, but much can be mended.
        there = numbers(self.bundle, self.folder)
        misnamed = misnamed_in(self.bundle, self.folder, spares)
        taken, lying = {one.file for one in misnamed}, {one.holds for one in misnamed}
        for volume in sorted(share, key=lambda volume: volume.entry.number not in there):
            if volume.name not in taken | lying:
                self._volume(volume, spares)
            elif volume.name not in lying:
                self._out_of_place(volume, spares)
        here = {volume.name for volume in share}
        document = self.bundle.document
        return Repaired(
            bundle=document.name,
            version=document.version,
            folder=self.folder,
            check=self.order.check,
            documents=tuple(documents),
            volumes=tuple(self.volumes),
            elsewhere=tuple(v.name for v in self.bundle.volumes if v.name not in here),
            missing=RepairList(
                document.name,
                document.version,
                document.volume_set,
                tuple(self.missing),
                tuple(self.indexes),
            ),
            lost_roots=self.bundle.lost_roots,
            stray_root=self._stray_root(files),
            misnamed=misnamed,
            share_known=bool(share),
            share=tuple(volume.entry.number for volume in share),
            total=len(self.bundle.volumes),
        )

    def _refuse_read_only(self) -> None:
        with writing(self.folder):
            flags = os.statvfs(self.folder).f_flag
        if flags & os.ST_RDONLY or not os.access(self.folder, os.W_OK):
            raise MediumReadOnly(path=self.folder, reason=Phrase("it is mounted for reading only"))

    def _clear(self) -> None:
        """Remove what a killed run left, where a link cannot lead elsewhere."""
        for place in (self.folder, self.folder / INDEXES, self.folder / media.METADATA):
            if place.is_dir() and not place.is_symlink():
                with writing(place):
                    remove_partials(place)

    def _documents(self, accepted: Mapping[str, bytes]) -> Iterator[str]:
        """Put right bundle.json, metadata/ and the indexes."""
        files = dict(accepted)
        # What parity still has of a lost root is worth more than a new file without it.
        if self.bundle.document.parity and not self.bundle.lost_roots:
            files[media.SPARE_DOCUMENTS] = seal_documents(files)
        files |= {index.name: index.to_bytes() for _volume, index in self.bundle.readable}
        for name, data in files.items():
            path = self.folder / name
            if media.content_of(path, len(data) + 1) == data:
                continue
            if not self.order.check:
                with writing(path, len(data)):
                    refuse_links(self.folder, path.parent)
                    make_directory(path.parent)
                    write_atomic(path, data)
            yield name

    def _stray_root(self, accepted: Mapping[str, bytes]) -> str:
        """The root that lies behind the accepted ones, which a reader would take for the next."""
        number = 1
        while f"{media.METADATA}/{media.root_name(number)}" in accepted:
            number += 1
        path = self.folder / media.METADATA / media.root_name(number)
        stray = not self.bundle.lost_roots and media.is_file(path)
        return str(path) if stray else ""

    def _out_of_place(self, volume: VolumeAtHand, spares: Spares) -> None:
        """Keep what is lost of a volume in whose place another one lies; nothing is written."""
        members = volume.index.members if volume.index else ()
        lost = [member for member in members if not spares.has(member)]
        number, name = volume.entry.number, volume.name
        self.missing += [(number, member) for member in lost]
        self.volumes.append(MendedVolume(name, len(members), len(lost), absent=True, built=False))

    def _volume(self, volume: VolumeAtHand, spares: Spares) -> None:
        """Mend or build one volume, and keep what was found."""
        entry, index = volume.entry, volume.index
        if index is None:
            there = media.is_file(self.folder / volume.name)
            self.indexes.append(LostIndex(entry.number, entry.index_size, entry.index_digest))
            self.volumes.append(MendedVolume(volume.name, 1, 1, absent=not there, built=False))
            return
        copy = VolumeReader(self.folder / volume.name, volume.name, entry)
        mender = VolumeMender(copy, index, self.bundle.document, spares, self.notify)
        if there := self._is_there(copy):
            found = mender.examine()
            places, left = found.places, self._after_parity(copy, index, mender, found)
            wanted, act = left.members, partial(mender.mend, left)
        else:
            places, wanted, act = len(index.members), list(index.members), partial(mender.build)
        lost = [m for m in wanted if not spares.has(m)] if self.order.check else act()
        self.missing += [(entry.number, member) for member in lost]
        if places:
            built = not (there or lost or self.order.check)
            self.volumes.append(
                MendedVolume(volume.name, places, len(lost), absent=not there, built=built)
            )
        if self.bundle.document.parity and not lost:
            self._parity_beside(copy)

    def _after_parity(
        self, copy: VolumeReader, index: VolumeIndex, mender: VolumeMender, damage: Damage
    ) -> Damage:
        """What is still damaged when the volume's parity has given back what it can."""
        document, places = self.bundle.document, self.bundle.places
        if not document.parity or not damage.regions:
            return damage
        if not self.order.check:
            with writing(copy.path, copy.entry.size):
                mend(places, document, copy, index, None, self.notify)
            return mender.examine()
        with Patches(copy.entry.size, None) as patches:
            reader, _ = healed(places, document, copy, patches, self.notify)
            return mender.of(reader).examine()

    def _parity_beside(self, copy: VolumeReader) -> None:
        """Calculate the parity of a volume that is whole, where its file is gone or damaged."""
        document = self.bundle.document
        name = document.parity_name(copy.entry)
        path = self.folder / name
        fault, absent = parity_fault(path, document, copy.entry), not media.is_file(path)
        if fault is None:
            return
        self.notify(FaultFound.of(fault))
        size = protection(document, copy.entry).layout.file_sectors * SECTOR
        if not self.order.check:
            with writing(path, size), copy.open() as volume:
                write_parity(self.folder, document, copy.entry, volume, None, self.notify)
        self.volumes.append(MendedVolume(name, 1, 0, absent=absent, built=not self.order.check))

    def _is_there(self, copy: VolumeReader) -> bool:
        """Whether the volume's own file lies there, however damaged."""
        if not media.is_file(copy.path):
            return False
        try:
            copy.index(self.bundle.document)
        except (VolumeForeign, VolumeStale):
            return False
        except VolumeFault:
            return True
        return True


def _accepted(medium: Path, accept: Accept) -> VerifiedBundle | None:
    """The bundle by the medium's own documents; None where they are refused.

    Whoever asks goes on with other media, and meets the refusal there when none is better.
    """
    try:
        return accept([medium], None)
    except ChampError:
        return None


def _refuse_other_pack(own: Path, alone: VerifiedBundle | None, bundle: VerifiedBundle) -> None:
    """A medium is mended to what it was, not turned into another pack; raises OtherPack.

    Where its documents are refused, what bundle.json says of itself is enough to stop for: damage
    does not change the date and the volume set both.
    """
    try:
        read = media.read_bundle_document(own)
        document = alone.document if alone else BundleDocument.from_bytes(read, str(own))
    except ChampError:
        return
    mine, other = bundle.document, document
    differs = mine.created != other.created and mine.volume_set != other.volume_set
    if differs or (alone is not None and alone.trusted.digest != bundle.trusted.digest):
        raise OtherPack(medium=own, bundle=other.name, created=other.created, other=bundle.folder)


def _folder_of(medium: Path, bundle: VerifiedBundle) -> Path:
    """Where on a medium without documents the bundle lies; raises NoBundle."""
    if found := folders_for(medium, bundle.document):
        return found[0]
    raise NoBundle(path=medium)
