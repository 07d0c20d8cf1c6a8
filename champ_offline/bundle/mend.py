"""Mending one volume in its place, and building one that is gone.

Invariant: what is written is right for its place by itself: framing follows from the signed index,
content was hashed first. A kill leaves a volume that is mended in part, or no new file.
"""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from champ_offline.bundle.document import BundleDocument
from champ_offline.bundle.errors import VolumeFault, VolumeTruncated
from champ_offline.bundle.parity.reading import read_at
from champ_offline.bundle.reader import Hasher, VolumeReader
from champ_offline.bundle.repair_errors import MediumFull, MediumUnwritable, writing
from champ_offline.bundle.spares import Spares
from champ_offline.bundle.volume import Member, Region, VolumeIndex, regions
from champ_offline.durable.space import free_bytes
from champ_offline.durable.write import DurableFile, cut, overwrite
from champ_offline.errors import Bytes, Phrase
from champ_offline.events import FaultFound, Progress, StepFinished, StepStarted, Subscriber


@dataclass(frozen=True)
class Damage:
    """What of a volume's file is not as signed; `longer` when bytes follow its end."""

    regions: tuple[Region, ...]
    longer: bool

    @property
    def places(self) -> int:
        """How many places that are."""
        return len(self.regions) + self.longer

    @property
    def members(self) -> list[Member]:
        """The members whose content is damaged."""
        return [region.member for region in self.regions if region.member]


class VolumeMender:
    """One volume's file at `copy.path`, whose signed index is `index`."""

    def __init__(
        self,
        copy: VolumeReader,
        index: VolumeIndex,
        document: BundleDocument,
        spares: Spares,
        notify: Subscriber,
    ) -> None:
        self._copy, self._index, self._document = copy, index, document
        self._spares, self._notify = spares, notify
        self._path, self._name = copy.path, copy.path.name

    def of(self, copy: VolumeReader) -> VolumeMender:
        """The same for another way of reading the volume."""
        return VolumeMender(copy, self._index, self._document, self._spares, self._notify)

    def examine(self, only: Collection[str] | None = None) -> Damage:
        """Read every byte, telling of faults, or only the members named; raises MediumGone."""
        places: list[tuple[int, bool]] = []

        def found(fault: VolumeFault) -> None:
            offset = int(str(fault.fields["offset"]))
            places.append((offset, isinstance(fault, VolumeTruncated)))
            if only is None:
                self._notify(FaultFound.of(fault))

        try:
            self._copy.index(self._document)
        except VolumeFault as fault:
            found(fault)

        def sink(member: Member) -> Hasher | None:
            return Hasher() if only is None or member.name in only else None

        done, total = 0, sum(m.size for m in self._index.members if only is None or m.name in only)
        self._notify(StepStarted("verify", self._name))
        for passed in self._copy.read(self._index, sink, found):
            done += passed
            self._notify(Progress("verify", done, total, subject=self._name))
        self._notify(StepFinished("verify", self._name))
        longer = self._path.stat().st_size > self._copy.entry.size
        return Damage(tuple(_touched(self._index, places)), longer)

    def mend(self, damage: Damage) -> list[Member]:
        """Put right what can be had; returns the members that cannot.

        Raises MediumReadOnly, MediumFull, MediumUnwritable, also where bytes do not stay.
        """
        if not damage.places:
            return []
        size = self._copy.entry.size
        self._refuse_full(size - self._path.stat().st_size)
        lost: list[Member] = []
        self._notify(StepStarted("mend", self._name))
        with writing(self._path, size):
            overwrite(self._path, self._pieces(damage, lost))
            if damage.longer:
                cut(self._path, size)
        self._notify(StepFinished("mend", self._name))
        self._refuse_forgetful(damage, lost)
        return lost

    def build(self) -> list[Member]:
        """Make the whole file; where members cannot be had it stays away, and they are returned."""
        size = self._copy.entry.size
        self._refuse_full(size)
        lost: list[Member] = []
        self._notify(StepStarted("mend", self._name))
        with writing(self._path, size), DurableFile(self._path.parent) as file:
            done = 0
            for piece in self._whole(lost):
                file.write(piece)
                done += len(piece)
                self._notify(Progress("mend", done, size, subject=self._name))
            if not lost:
                file.commit(self._path)
        self._notify(StepFinished("mend", self._name))
        return lost

    def _whole(self, lost: list[Member]) -> Iterator[bytes]:
        """The volume's bytes up to the first member that is lost; the others are looked for."""
        for region in regions(self._index):
            if lost:
                if region.member and not self._spares.has(region.member):
                    lost.append(region.member)
                continue
            if region.frame is not None:
                yield region.frame
            elif region.member:
                done = 0
                for chunk in self._spares.chunks(region.member):
                    done += len(chunk)
                    yield chunk
                if done < region.size:
                    lost.append(region.member)

    def _pieces(self, damage: Damage, lost: list[Member]) -> Iterator[tuple[int, bytes]]:
        """What of the damaged regions differs from what it must be, with its offset."""
        done, total = 0, sum(region.size for region in damage.regions)
        with self._path.open("rb", buffering=0) as present:
            for region in damage.regions:
                at = region.offset
                for chunk in self._right(region):
                    if not _holds(present, at, chunk):
                        yield at, chunk
                    at += len(chunk)
                    done += len(chunk)
                    self._notify(Progress("mend", done, total, subject=self._name))
                if region.member and at < region.offset + region.size:
                    lost.append(region.member)

    def _right(self, region: Region) -> Iterable[bytes]:
        if region.frame is not None:
            return (region.frame,)
        return self._spares.chunks(region.member) if region.member else ()

    def _refuse_full(self, needed: int) -> None:
        free = free_bytes(self._path.parent)
        if needed > free:
            raise MediumFull(
                path=self._path.parent, name=self._name, free=Bytes(free), needed=Bytes(needed)
            )

    def _refuse_forgetful(self, damage: Damage, lost: list[Member]) -> None:
        """Read again, past the page cache, what was written."""
        with writing(self._path), self._path.open("rb", buffering=0) as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        names = {member.name for member in damage.members} - {member.name for member in lost}
        gone = {member.name for member in lost}
        for region in self.examine(names).regions:
            if region.member is None or region.member.name not in gone:
                reason = Phrase("byte {offset} reads differently", offset=region.offset)
                raise MediumUnwritable(path=self._path, reason=reason)


def _holds(file: BinaryIO, offset: int, data: bytes) -> bool:
    """Whether the bytes are there already; a place that cannot be read has none."""
    try:
        return read_at(file, offset, len(data)) == data
    except OSError:
        return False


def _touched(index: VolumeIndex, places: Iterable[tuple[int, bool]]) -> list[Region]:
    """The regions that hold the places; all of them from a place on that says so."""
    every = list(regions(index))
    starts = [region.offset for region in every]
    numbers: set[int] = set()
    for offset, onwards in places:
        at = bisect_right(starts, offset) - 1
        numbers |= set(range(at, len(every) if onwards else at + 1))
    return [every[number] for number in sorted(numbers)]
