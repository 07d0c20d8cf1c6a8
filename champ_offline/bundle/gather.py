"""Bringing a bundle's bytes from media into the waiting room, from whichever copy gives them.

Invariant: what is in the waiting room afterwards has been hashed to what was signed; damage on
media is passed over and named, and only the zone's own disk stops the gathering.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from champ_offline.bundle import media
from champ_offline.bundle.agreement import cut_blobs, tile
from champ_offline.bundle.at_hand import VolumeAtHand
from champ_offline.bundle.document import BundleDocument, VolumeEntry
from champ_offline.bundle.errors import (
    MediumGone,
    NoSpaceToHeal,
    PiecesMisfit,
    VolumeFault,
    ZoneUnwritable,
)
from champ_offline.bundle.healing import healed
from champ_offline.bundle.parity.beside import healing_size
from champ_offline.bundle.parity.patches import Patches
from champ_offline.bundle.reader import Sink, Sinks, VolumeReader
from champ_offline.bundle.verify import Faults, VerifiedBundle
from champ_offline.bundle.volume import BLOCK, Member, VolumeIndex
from champ_offline.durable.space import FULL, free_bytes
from champ_offline.errors import Bytes, system_said
from champ_offline.events import Progress, StepFinished, StepStarted, Subscriber
from champ_offline.oci.digest import Digest
from champ_offline.store.pipeline import Pipeline
from champ_offline.store.waiting import WaitingRoom

_IN_THE_WAY = frozenset({errno.EISDIR, errno.ENOTDIR, errno.EEXIST, errno.ELOOP, errno.ENXIO})


class Gathering:
    """One bundle's way into the waiting room; `wanted` are the members still to come, by name."""

    def __init__(
        self,
        bundle: VerifiedBundle,
        room: WaitingRoom,
        wanted: Iterable[Member],
        notify: Subscriber,
    ) -> None:
        self._bundle, self._room, self._notify = bundle, room, notify
        self.wanted = {member.name: member for member in wanted if not self._waits(member)}
        self.faults = Faults(bundle, notify)
        self._total = sum(member.size for member in self.wanted.values())
        self._done = 0

    @property
    def volumes(self) -> list[VolumeAtHand]:
        """The volumes that something is wanted from, or that nobody knows the contents of."""
        return [
            volume
            for volume in self._bundle.volumes
            if volume.index is None or any(m.name in self.wanted for m in volume.index.members)
        ]

    @property
    def sample(self) -> tuple[Path, int, int] | None:
        """The largest thing wanted that is at hand: file, offset and bytes; None without any."""
        found = [
            (member.size, volume.copies[0].path, place + BLOCK)
            for volume, index in self._bundle.readable
            if volume.copies
            for member, place in index.places
            if member.name in self.wanted
        ]
        size, path, offset = max(found, default=(0, Path(), 0))
        return (path, offset, size) if size else None

    @property
    def size(self) -> int:
        """Bytes that were still to come at the beginning."""
        return self._total

    @property
    def at_hand(self) -> int:
        """Bytes of these that volumes on the media hold."""
        return sum(
            member.size
            for volume, index in self._bundle.readable
            if volume.copies
            for member in index.members
            if member.name in self.wanted
        )

    def run(self) -> None:
        """Read what is wanted from every copy until it has come, then what has to be healed.

        How much room healing takes is not known before damage is; where there is too little,
        everything else has come already, and all damage was told.
        Raises ZoneUnwritable, NoSpaceToHeal.
        """
        with zone_disk(self._room.root):
            with Pipeline(self._room.blobs) as pipeline:
                self._read_loose(pipeline)
                for volume, index in self._incomplete():
                    self._read(volume, index, pipeline)
                for volume, index in self._incomplete():
                    self._read_healed(volume, index, pipeline)
            self._join()

    def _waits(self, member: Member) -> bool:
        blob = member.blob or member.digest
        whole = self._room.blobs.has(blob)
        if whole or member.offset is None or member.whole is None:
            return whole
        return self._room.pieces.has(blob, member.offset, member.size, member.whole)

    def _read_loose(self, pipeline: Pipeline) -> None:
        for place in media.loose_places(self._bundle.places):
            for member in list(self.wanted.values()):
                path = media.loose_copy(place, member)
                if path is not None:
                    reader = VolumeReader(path, str(path), self._bundle.document.volumes[0])
                    passed = reader.read_loose(member, self._sink(member, pipeline))
                    self._follow("import", path.name, passed)

    def _incomplete(self) -> Iterator[tuple[VolumeAtHand, VolumeIndex]]:
        """The volumes that something is still wanted from when it is their turn."""
        for volume, index in self._bundle.readable:
            if self._wants(index):
                yield volume, index

    def _wants(self, index: VolumeIndex) -> bool:
        return any(member.name in self.wanted for member in index.members)

    def _read(self, volume: VolumeAtHand, index: VolumeIndex, pipeline: Pipeline) -> None:
        for copy in volume.copies:
            if self._wants(index):
                self._notify(StepStarted("import", volume.name))
                self._follow(
                    "import", volume.name, copy.read(index, self._sinks(pipeline), self.faults)
                )
                if not self._wants(index):
                    self._notify(StepFinished("import", volume.name))

    def _read_healed(self, volume: VolumeAtHand, index: VolumeIndex, pipeline: Pipeline) -> None:
        for copy in volume.copies:
            if self._wants(index) and self._bundle.document.parity and self.gone is None:
                self._heal(copy, index, self._sinks(pipeline))

    def _heal(self, copy: VolumeReader, index: VolumeIndex, sink: Sinks) -> None:
        """Read what is still wanted of a copy through its parity."""
        document, places = self._bundle.document, self._bundle.places
        coming = sum(m.size for m in index.members if m.name in self.wanted)
        with (
            _room_to_heal(self._room.root, document, copy.entry, coming),
            Patches(copy.entry.size, self._room.root) as patches,
        ):
            reader, failed = healed(places, document, copy, patches, self._notify)
            if failed is not None:
                self.faults(failed)
            name = document.volume_name(copy.entry)
            self._notify(StepStarted("import", name))
            self._follow("import", name, reader.read(index, sink, self.faults))
            if not self._wants(index):
                self._notify(StepFinished("import", name))

    def _follow(self, step: str, subject: str, passed: Iterator[int]) -> None:
        """Report the bytes that come; a medium that is gone ends this copy alone."""
        try:
            for size in passed:
                # What was read in vain from a damaged copy comes once more from another.
                self._done = min(self._done + size, self._total)
                self._notify(Progress(step, self._done, self._total, subject=subject))
        except VolumeFault as fault:
            self.faults(fault)

    def _sinks(self, pipeline: Pipeline) -> Sinks:
        return lambda member: self._sink(member, pipeline) if member.name in self.wanted else None

    def _sink(self, member: Member, pipeline: Pipeline) -> Sink:
        if member.offset is None or member.whole is None:
            return _Wanted(pipeline.writer(), self.wanted, member)
        blob = member.blob or member.digest
        writer = self._room.pieces.writer(blob, member.offset, member.whole)
        return _Wanted(writer, self.wanted, member)

    def _join(self) -> None:
        """Put together the blobs whose last piece has come."""
        for blob, pieces in cut_blobs(self._bundle.members).items():
            if self._room.blobs.has(blob) or not tile(pieces):
                continue
            if all(self._waits(piece) for piece in pieces) and not self._room.join(blob):
                raise PiecesMisfit(blob=blob, bundle=self._bundle.document.name)

    @property
    def gone(self) -> MediumGone | None:
        """The error of a medium that stopped answering, if one did."""
        return next((f for f in self.faults.found if isinstance(f, MediumGone)), None)


@contextmanager
def _room_to_heal(
    folder: Path, document: BundleDocument, entry: VolumeEntry, coming: int
) -> Iterator[None]:
    """Where a volume is healed by scratch files in `folder`, and `coming` bytes of it are kept.

    Raises NoSpaceToHeal, at once where even the tables have no room.
    """
    least, most = healing_size(document, entry)

    def refusal() -> NoSpaceToHeal:
        return NoSpaceToHeal(
            path=folder,
            volume=document.volume_name(entry),
            free=Bytes(free_bytes(folder)),
            needed=Bytes(most + coming),
        )

    if free_bytes(folder) < least + coming:
        raise refusal()
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise refusal() from error
        raise


@contextmanager
def zone_disk(path: Path) -> Iterator[None]:
    """Where any OSError is the zone's own disk refusing; raises ZoneUnwritable.

    Where something is in the way, the error names that and not the disk.
    """
    try:
        yield
    except OSError as error:
        named = error.filename2 or error.filename or path
        where = named if error.errno in _IN_THE_WAY else path
        raise ZoneUnwritable(path=where, reason=system_said(error)) from error


class _Wanted:
    """A sink that takes its member off the list once all of it has come."""

    def __init__(self, sink: Sink, wanted: dict[str, Member], member: Member) -> None:
        self._sink, self._wanted, self._member = sink, wanted, member

    def __enter__(self) -> Self:
        self._sink.__enter__()
        return self

    def __exit__(self, *exception: object) -> None:
        self._sink.__exit__(*exception)

    def write(self, data: memoryview) -> None:
        """Pass the bytes on."""
        self._sink.write(data)

    def commit(self, expected: Digest | None = None, size: int | None = None) -> Digest:
        """As the sink it stands before; raises BlobMismatch."""
        digest = self._sink.commit(expected, size)
        del self._wanted[self._member.name]
        return digest
