"""Volumes: tar files whose every byte follows from signed documents (FORMAT.md, "Volumes").

Invariant: a volume is a pure function of its index and of the blobs the index names. Headers,
padding and trailer are recomputed and compared on reading, blobs are hashed, so there is no byte
that could be changed unnoticed, and one pass of SHA-256 suffices.
"""

from __future__ import annotations

import hashlib
import json
import re
import tarfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol, Self

from champ_offline.bundle.errors import (
    DocumentMalformed,
    VolumeCorrupt,
    VolumeForeign,
    VolumeTruncated,
    VolumeUnreadable,
)
from champ_offline.errors import ChampError
from champ_offline.oci.digest import Digest
from champ_offline.oci.manifest import encode

BLOCK = 512
CHUNK = 1024 * 1024
TRAILER = bytes(2 * BLOCK)
INDEX_LIMIT = 64 * 1024 * 1024
_MOST_VOLUMES = 9999
LAYOUT_FILES = ("oci-layout", "index.json")
_BLOB = re.compile(r"blobs/sha256/([0-9a-f]{64})")


@dataclass(frozen=True)
class Member:
    """One file of a volume: its name in the OCI layout, size and digest."""

    name: str
    size: int
    digest: Digest

    @property
    def row(self) -> list[str | int]:
        """The member as it stands in a volume's index."""
        return [self.name, self.size, str(self.digest)]

    @property
    def span(self) -> int:
        """Bytes the member takes in the tar: header, content, padding."""
        return BLOCK + self.size + _padding(self.size)


@dataclass(frozen=True)
class VolumeIndex:
    """The first member of a volume: whose it is, which one, and what follows."""

    bundle: str
    version: str
    number: int
    members: tuple[Member, ...]

    @property
    def name(self) -> str:
        """The index's own name among the untarred files."""
        return f"volumes/{self.number:04}.json"

    @property
    def size(self) -> int:
        """Size of the whole volume in bytes."""
        index = len(self.to_bytes())
        own = BLOCK + index + _padding(index)
        return own + sum(member.span for member in self.members) + len(TRAILER)

    def to_bytes(self) -> bytes:
        """The index as canonical JSON."""
        return encode(
            {
                "format": 1,
                "bundle": self.bundle,
                "version": self.version,
                "number": self.number,
                "members": [member.row for member in self.members],
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes, where: str) -> VolumeIndex:
        """Read an index; raises DocumentMalformed."""
        try:
            document = json.loads(data)
            return cls(
                bundle=str(document["bundle"]),
                version=str(document["version"]),
                number=int(document["number"]),
                members=tuple(_member(*row) for row in document["members"]),
            )
        except (ValueError, TypeError, KeyError, RecursionError, ChampError) as error:
            reason = type(error).__name__
            raise DocumentMalformed(where=where, kind="volume index", reason=reason) from error


class Sink(Protocol):
    """Takes one member's bytes; `store.blobs.BlobWriter` is one, `Hasher` another."""

    def __enter__(self) -> Self: ...
    def __exit__(self, *exception: object) -> None: ...
    def write(self, data: memoryview) -> None:
        """Take the next bytes."""

    def commit(self, expected: Digest | None = None, size: int | None = None) -> Digest:
        """All bytes came; raises a ChampError where they are not what was announced."""


class Hasher:
    """A sink that only computes the digest."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        pass

    def write(self, data: memoryview) -> None:
        """Hash the bytes."""
        self._hash.update(data)

    def commit(self, expected: Digest | None = None, size: int | None = None) -> Digest:
        """The digest of all bytes; comparing is the reader's work."""
        del expected, size
        return Digest(self._hash.hexdigest())


def header(name: str, size: int) -> bytes:
    """The POSIX ustar header (512 bytes) that stands before every member of ours."""
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, 0o444
    return info.tobuf(tarfile.USTAR_FORMAT)


def divide(bundle: str, version: str, members: Sequence[Member], limit: int) -> list[VolumeIndex]:
    """Cut the members, in order, into volumes of at most `limit` bytes, on member boundaries.

    A member that alone exceeds the limit gets a volume of its own, larger than the limit: the
    caller refuses it.
    """
    empty = VolumeIndex(bundle, version, _MOST_VOLUMES, ())
    volumes: list[VolumeIndex] = []
    waiting: list[Member] = []
    index = span = 0
    for member in [*members, None]:
        row = len(encode(member.row)) + 1 if member else 0
        used = empty.size + BLOCK + index + row + span + (member.span if member else 0)
        if waiting and (member is None or used > limit):
            volumes.append(VolumeIndex(bundle, version, len(volumes) + 1, tuple(waiting)))
            waiting, index, span = [], 0, 0
        if member:
            waiting.append(member)
            index, span = index + row, span + member.span
    return volumes


def chunks(index: VolumeIndex, content: Callable[[Member], BinaryIO]) -> Iterator[bytes]:
    """The bytes of a volume, in order, given where each member's content is to be had."""
    data = index.to_bytes()
    yield header(index.name, len(data)) + data + bytes(_padding(len(data)))
    for member in index.members:
        yield header(member.name, member.size)
        with content(member) as file:
            while chunk := file.read(CHUNK):
                yield chunk
        yield bytes(_padding(member.size))
    yield TRAILER


class VolumeReader:
    """One volume on media, read front to back against what was signed.

    `name` is how errors call it; `size` and `index_digest` come from the signed bundle document.
    """

    def __init__(self, path: Path, name: str, size: int, index_size: int, index: Digest) -> None:
        self._path, self._name, self._size = path, name, size
        self._index_size, self._index_digest = index_size, index

    def index(self, bundle: str, version: str, number: int) -> VolumeIndex:
        """The volume's index, checked; raises VolumeForeign, VolumeCorrupt, VolumeTruncated."""
        with self._path.open("rb") as file:
            head = self._read(file, BLOCK, "the volume index")
            data = self._read(file, self._index_size, "the volume index")
        if Digest.of(data) != self._index_digest:
            self._refuse_foreign(head, bundle, version, number)
            raise VolumeCorrupt(volume=self._name, blob="the volume index", offset=BLOCK)
        index = VolumeIndex.from_bytes(data, self._name)
        if head != header(index.name, len(data)) or index.size != self._size:
            raise VolumeCorrupt(volume=self._name, blob="the volume index", offset=0)
        self._check_length(index)
        return index

    def read(self, index: VolumeIndex, sink: Callable[[Member], Sink | None]) -> Iterator[int]:
        """Check every byte; each member goes to the sink `sink(member)` gives.

        None as a sink skips the member's content unread. Yields the bytes passed since the last
        yield, so that the caller can report progress. Raises VolumeCorrupt, VolumeUnreadable and
        what the sinks raise.
        """
        with self._path.open("rb") as file:
            own = BLOCK + self._index_size
            file.seek(own)
            self._expect(file, bytes(_padding(own)), "the volume index")
            for member in index.members:
                self._expect(file, header(member.name, member.size), member.name)
                target = sink(member)
                if target is None:
                    file.seek(member.size, 1)
                    yield member.size
                else:
                    yield from self._member(file, member, target)
                self._expect(file, bytes(_padding(member.size)), member.name)
            self._expect(file, TRAILER, "the trailer")

    def _member(self, file: BinaryIO, member: Member, target: Sink) -> Iterator[int]:
        offset, left = file.tell(), member.size
        buffer = memoryview(bytearray(CHUNK))
        with target:
            while left:
                part = self._fill(file, buffer[: min(left, CHUNK)], member.name)
                target.write(part)
                left -= len(part)
                yield len(part)
            try:
                found = target.commit(member.digest, member.size)
            except ChampError as error:
                raise self._corrupt(member, offset) from error
            if found != member.digest:
                raise self._corrupt(member, offset)

    def _corrupt(self, member: Member, offset: int) -> VolumeCorrupt:
        return VolumeCorrupt(volume=self._name, blob=member.digest, offset=offset)

    def _fill(self, file: BinaryIO, part: memoryview, blob: str) -> memoryview:
        try:
            got = file.readinto(part)  # type: ignore[attr-defined]
        except OSError as error:
            raise self._unreadable(file, blob, error) from error
        if not got:
            raise VolumeTruncated(volume=self._name, found=file.tell(), size=self._size, blob=blob)
        return part[:got]

    def _read(self, file: BinaryIO, size: int, blob: str) -> bytes:
        try:
            data = file.read(size)
        except OSError as error:
            raise self._unreadable(file, blob, error) from error
        if len(data) < size:
            raise VolumeTruncated(volume=self._name, found=file.tell(), size=self._size, blob=blob)
        return data

    def _expect(self, file: BinaryIO, expected: bytes, blob: str) -> None:
        offset = file.tell()
        if self._read(file, len(expected), blob) != expected:
            raise VolumeCorrupt(volume=self._name, blob=blob, offset=offset)

    def _unreadable(self, file: BinaryIO, blob: str, error: OSError) -> VolumeUnreadable:
        return VolumeUnreadable(
            volume=self._name, offset=file.tell(), blob=blob, reason=error.strerror or str(error)
        )

    def _check_length(self, index: VolumeIndex) -> None:
        found = self._path.stat().st_size
        if found > self._size:
            raise VolumeCorrupt(volume=self._name, blob="the trailer", offset=self._size)
        end = BLOCK + self._index_size + _padding(self._index_size)
        for member in index.members:
            end += member.span
            if found < end:
                raise VolumeTruncated(
                    volume=self._name, found=found, size=self._size, blob=member.digest
                )
        if found < self._size:
            raise VolumeTruncated(
                volume=self._name, found=found, size=self._size, blob="the trailer"
            )

    def _refuse_foreign(self, head: bytes, bundle: str, version: str, number: int) -> None:
        """Say which volume lies in this one's place; silent when it is this one, or no index."""
        try:
            size = min(tarfile.TarInfo.frombuf(head, "ascii", "strict").size, INDEX_LIMIT)
            with self._path.open("rb") as file:
                file.seek(BLOCK)
                found = VolumeIndex.from_bytes(file.read(size), self._name)
        except (tarfile.HeaderError, UnicodeError, DocumentMalformed):
            return
        if (found.bundle, found.version, found.number) != (bundle, version, number):
            raise VolumeForeign(
                volume=self._name,
                found=f"{found.bundle} {found.version} {found.number:04}",
                expected=f"{bundle} {version} {number:04}",
                blob=found.members[0].digest if found.members else "—",
            )


def _padding(size: int) -> int:
    return -size % BLOCK


def _member(name: str, size: int, digest: str) -> Member:
    member = Member(name, size, Digest.parse(digest))
    blob = _BLOB.fullmatch(name)
    known = blob[1] == member.digest.hex if blob else name in LAYOUT_FILES
    if not known or not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise ValueError(name)
    return member
