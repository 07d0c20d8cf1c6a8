"""Where right bytes of a bundle's members are to be had: other copies, loose files, stores.

Invariant: no byte is given out that was not hashed to what was signed, not even when a source
changes between its two readings.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from champ_offline.bundle import media
from champ_offline.bundle.layout import LAYOUT
from champ_offline.bundle.opening import opened
from champ_offline.bundle.parity.layout import SECTOR
from champ_offline.bundle.parity.reading import read_at, read_sectors
from champ_offline.bundle.reader import VolumeReader
from champ_offline.bundle.verify import VerifiedBundle
from champ_offline.bundle.volume import BLOCK, CHUNK, INDEX_FILE, LAYOUT_FILE, Member
from champ_offline.oci.digest import Digest
from champ_offline.store.blobs import BlobStore


@dataclass(frozen=True)
class _Origin:
    """A file in which the member's first byte is at `offset`."""

    open: Callable[[], BinaryIO]
    offset: int = 0


class Spares:
    """Everything at hand that may give members of `bundle`, besides the copies in `mending`.

    `stores` hold whole blobs, `listing` is a copy of index.json. The volumes in the folder
    `mending` are used only together with other copies of them: what cannot be read in one is taken
    from the other, sector by sector.
    """

    def __init__(
        self,
        bundle: VerifiedBundle,
        stores: Sequence[BlobStore],
        mending: Path,
        listing: bytes = b"",
    ) -> None:
        self._stores, self._mending, self._listing = stores, mending.resolve(), listing
        self._loose = media.loose_places(bundle.places)
        self._copies: dict[str, tuple[tuple[VolumeReader, ...], int]] = {}
        for volume, index in bundle.readable:
            for member, place in index.places:
                self._copies[member.name] = (volume.copies, place + BLOCK)

    def chunks(self, member: Member) -> Iterator[bytes]:
        """The member's bytes, at most 1 MiB at a time; ends early where no source has them all.

        Each source is read twice: first to see whether it is right, and what its parts hash to.
        """
        done = 0
        for origins in self._offers(member):
            parts = _parts(origins, member) if done < member.size else None
            for data in _again(origins, member, parts, done) if parts else ():
                done += len(data)
                yield data

    def has(self, member: Member) -> bool:
        """Whether some source gives the whole member as it was signed."""
        return not member.size or any(
            _parts(origins, member) is not None for origins in self._offers(member)
        )

    def has_elsewhere(self, member: Member) -> bool:
        """The same of sources that mending does not touch."""
        return not member.size or any(
            _parts(origins, member) is not None for origins in self._offers_elsewhere(member)
        )

    def lies_loose(self, member: Member) -> bool:
        """Whether a file of its own is there for the member, unread."""
        return any(media.loose_copy(place, member) for place in self._loose)

    def _offers(self, member: Member) -> Iterator[Sequence[_Origin]]:
        """The sources of a member; several files in one offer make up for each other."""
        yield from self._offers_elsewhere(member)
        copies, offset = self._copies.get(member.name, ((), 0))
        if len(copies) > 1:
            yield [_Origin(copy.open, offset) for copy in copies]

    def _offers_elsewhere(self, member: Member) -> Iterator[Sequence[_Origin]]:
        if member.name == LAYOUT_FILE:
            yield [_Origin(lambda: BytesIO(LAYOUT))]
        if member.name == INDEX_FILE:
            yield [_Origin(lambda: BytesIO(self._listing))]
        copies, offset = self._copies.get(member.name, ((), 0))
        for copy in copies:
            if copy.path.parent.resolve() != self._mending:
                yield [_Origin(copy.open, offset)]
        yield from self._outside_of_volumes(member)

    def _outside_of_volumes(self, member: Member) -> Iterator[Sequence[_Origin]]:
        for place in self._loose:
            path = media.loose_copy(place, member)
            if path is not None:
                yield [_Origin(_loose(path))]
        for store in self._stores:
            if member.blob is not None and store.has(member.blob):
                yield [_Origin(_stored(store.path(member.blob)), member.offset or 0)]


def _loose(path: Path) -> Callable[[], BinaryIO]:
    return lambda: opened(path)


def _stored(path: Path) -> Callable[[], BinaryIO]:
    return lambda: path.open("rb", buffering=0)


def _parts(origins: Sequence[_Origin], member: Member) -> list[bytes] | None:
    """The SHA-256 of each MiB of the member as the origins have it; None if it is not right."""
    whole, parts = hashlib.sha256(), []
    try:
        with ExitStack() as files:
            opened = [(files.enter_context(one.open()), one.offset) for one in origins]
            for at in range(0, member.size, CHUNK):
                data = _read(opened, at, min(CHUNK, member.size - at))
                whole.update(data)
                parts.append(hashlib.sha256(data).digest())
    except OSError:
        return None
    return parts if Digest(whole.hexdigest()) == member.digest else None


def _again(
    origins: Sequence[_Origin], member: Member, parts: Sequence[bytes], done: int
) -> Iterator[bytes]:
    """The member's bytes from `done` on, as long as they are the same as before."""
    with suppress(OSError), ExitStack() as files:
        opened = [(files.enter_context(one.open()), one.offset) for one in origins]
        for at in range(done, member.size, CHUNK):
            data = _read(opened, at, min(CHUNK, member.size - at))
            if hashlib.sha256(data).digest() != parts[at // CHUNK]:
                return
            yield data


def _read(opened: Sequence[tuple[BinaryIO, int]], at: int, size: int) -> bytes:
    """`size` bytes of a member from its byte `at` on; raises OSError where a single file does."""
    if len(opened) == 1:
        file, offset = opened[0]
        return read_at(file, offset + at, size)
    count = -(-size // SECTOR)
    found: list[bytes | None] = [None] * count
    for file, offset in opened:
        if None in found:
            more = read_sectors(file, (offset + at) // SECTOR, count)
            found = [one or other for one, other in zip(found, more, strict=True)]
    return b"".join(one or bytes(SECTOR) for one in found)[:size]
