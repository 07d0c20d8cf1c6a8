"""Cutting a bundle's members into volumes, and volumes onto media (FORMAT.md, "Volumes").

Pure. Invariant: the same members and limits give the same volumes; members stay in order, and only
a blob that no volume could hold is cut, into numbered pieces.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count

from champ_offline.bundle.parity.layout import SECTOR, SPARE
from champ_offline.bundle.volume import (
    BLOCK,
    INDEX_LIMIT,
    INDEXES_LIMIT,
    MOST_VOLUMES,
    Member,
    VolumeIndex,
)
from champ_offline.errors import Bytes, ChampError, ExitCode
from champ_offline.oci.digest import Digest
from champ_offline.oci.manifest import encode

# In smaller ones the indexes and the file system would take more than the content.
SMALLEST_VOLUME = 10**6
SMALLEST_STICK = 8 * 10**6
# Of each stick, beside the fiftieth that a file system takes: documents, all volumes' indexes.
KEPT_BACK = 4 * 1024**2
# What surrounds the one piece that fills a volume: two headers, index, padding and trailer.
_AROUND_A_PIECE = 4 * 1024


class TooManyFiles(ChampError):
    """A bundle of more blobs, pieces or volumes than a zone reads."""

    id = "pack.too-many-files"
    exit_code = ExitCode.PREFLIGHT
    message = "The bundle has too many blobs or volumes: its indexes would have {size}."
    remedy = "Divide the recipe into several bundles, or use larger volumes."


class VolumesTooSmall(ChampError):
    """A limit at which volumes would hold next to nothing."""

    id = "pack.volumes-too-small"
    exit_code = ExitCode.USAGE
    message = "Volumes of {size} are too small; the smallest --volume-size is {least}."
    remedy = "Leave --volume-size out, unless the sticks' file system holds smaller files only."


class SticksTooSmall(ChampError):
    """Sticks with no room for volumes beside what every one of them carries."""

    id = "pack.sticks-too-small"
    exit_code = ExitCode.USAGE
    message = (
        "Sticks of {size} are too small; the smallest --stick is {least}. Of each stick {kept} and"
        " 2% are kept back for its file system and the documents."
    )
    remedy = "Name the size that is printed on the sticks, for example --stick 32GB."


@dataclass(frozen=True)
class Limits:
    """Bytes: of one volume at most, and of all volumes on one medium (None: one medium, any).

    `parity` is the share of parity beside each volume, in percent (0: none).
    """

    volume: int
    medium: int | None = None
    parity: int = 0

    @classmethod
    def of(cls, volume: int, stick: int | None, parity: int = 0, beside: int = 0) -> Limits:
        """Limits for sticks of a size as it is printed on them, in bytes.

        Some of it is taken by the file system, by the documents that every stick carries, by other
        files of `beside` bytes, and by parity. Raises VolumesTooSmall and SticksTooSmall.
        """
        if volume < SMALLEST_VOLUME:
            raise VolumesTooSmall(size=Bytes(volume), least=Bytes(SMALLEST_VOLUME))
        if stick is None:
            return cls(volume, None, parity)
        least, kept = SMALLEST_STICK + beside, KEPT_BACK + beside
        if stick < least:
            raise SticksTooSmall(size=Bytes(stick), least=Bytes(least), kept=Bytes(kept))
        medium = stick - stick // 50 - kept
        if parity:
            medium -= (medium // volume + 2) * SPARE * SECTOR
            medium = medium * 100 // (100 + parity)
        return cls(volume, medium, parity)

    @property
    def largest(self) -> int:
        """The largest volume that both allow."""
        return self.volume if self.medium is None else min(self.volume, self.medium)


@dataclass(frozen=True)
class Division:
    """The volumes, in order, and for each the medium it goes to, counted from 1."""

    volumes: tuple[VolumeIndex, ...]
    media: tuple[int, ...]

    @property
    def volume_set(self) -> Digest:
        """What all volumes of this division have in common."""
        return self.volumes[0].volume_set


DigestOf = Callable[[Member], Digest]


def divide(
    bundle: str, version: str, members: Sequence[Member], limits: Limits, digest_of: DigestOf
) -> Division:
    """Cut `members`, in order, on member boundaries; a larger one in pieces.

    `digest_of` hashes the bytes of a piece (its `digest` is not known before). Limits below those
    that `Limits.of` takes are for tests; the index of a volume alone may then exceed them.
    Raises TooManyFiles.
    """
    cut = _Cut(VolumeIndex(bundle, version, Digest.of(b""), MOST_VOLUMES, ()), limits)
    largest = (limits.largest - _AROUND_A_PIECE) // BLOCK * BLOCK
    for member in members:
        for part in _pieces(member, largest, digest_of):
            cut.take(part)
    cut.close()
    if cut.indexes > INDEXES_LIMIT or len(cut.volumes) > MOST_VOLUMES:
        raise TooManyFiles(size=Bytes(cut.indexes))
    rows = [[member.row for member in members] for members in cut.volumes]
    volume_set = Digest.of(encode(rows))
    return Division(
        tuple(
            VolumeIndex(bundle, version, volume_set, number, members)
            for number, members in enumerate(cut.volumes, start=1)
        ),
        tuple(cut.media),
    )


def _pieces(member: Member, largest: int, digest_of: DigestOf) -> Iterator[Member]:
    if member.size <= largest:
        yield member
        return
    for number, offset in zip(count(1), range(0, member.size, largest), strict=False):
        size = min(largest, member.size - offset)
        piece = Member(
            f"{member.name}.{number:04}", size, member.digest, offset=offset, whole=member.size
        )
        yield replace(piece, digest=digest_of(piece))


class _Cut:
    """Fills one volume after the other, and one medium after the other."""

    def __init__(self, empty: VolumeIndex, limits: Limits) -> None:
        self._bare = empty.size + BLOCK
        self._limits = limits
        self.volumes: list[tuple[Member, ...]] = []
        self.media: list[int] = []
        self._medium, self._left = 1, limits.medium
        self._waiting: list[Member] = []
        self._size = self._bare
        self._index = self._bare
        self.indexes = 0

    def take(self, member: Member) -> None:
        """Put the member into this volume if it fits, else into the next."""
        row = len(encode(member.row)) + 1
        grown = row + member.span
        full = self._size + grown > self._room or self._index + row > INDEX_LIMIT
        if self._waiting and full:
            self.close()
        if not self._waiting and self._size + grown > self._room and self._left is not None:
            self._medium, self._left = self._medium + 1, self._limits.medium
        self._waiting.append(member)
        self._size += grown
        self._index += row

    @property
    def _room(self) -> int:
        return self._limits.volume if self._left is None else min(self._limits.volume, self._left)

    def close(self) -> None:
        """End this volume."""
        if self._waiting:
            self.volumes.append(tuple(self._waiting))
            self.media.append(self._medium)
            if self._left is not None:
                self._left -= self._size
            self.indexes += self._index
        self._waiting, self._size, self._index = [], self._bare, self._bare
