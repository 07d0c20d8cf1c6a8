"""Volumes: tar files whose every byte follows from signed documents (FORMAT.md, "Volumes").

Invariant: a volume is a pure function of its index and of the members the index names. Headers,
padding and trailer are recomputed and compared on reading, members are hashed, so there is no byte
that could be changed unnoticed, and one pass of SHA-256 suffices.
"""

from __future__ import annotations

import hashlib
import re
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from champ_offline.bundle.errors import DocumentMalformed, NewerFormat
from champ_offline.bundle.names import NAME, VERSION, format_number, text
from champ_offline.errors import ChampError, ExitCode, Phrase, Unfit
from champ_offline.oci.digest import Digest
from champ_offline.oci.manifest import encode
from champ_offline.oci.strict_json import canonical, wrong_in

FORMAT = 1
BLOCK = 512
CHUNK = 1024 * 1024
TRAILER = bytes(2 * BLOCK)
# About 100,000 members a volume, 200,000 a bundle: what they take in memory stays bounded.
INDEX_LIMIT = 16 * 1024 * 1024
INDEXES_LIMIT = 2 * INDEX_LIMIT
INDEXES = "volumes"
MOST_VOLUMES = 9999
MOST_PIECES = 9999
# An octal number of eleven digits is the most a ustar header can say of a member's size.
LARGEST_MEMBER = 8**11 - 1
LAYOUT_FILE, INDEX_FILE = "oci-layout", "index.json"
_BLOB = re.compile(r"blobs/sha256/([0-9a-f]{64})(?:\.([0-9]{4}))?")


class MemberDiffers(ChampError):
    """Content that a volume is to be made of is not what it is named."""

    id = "pack.content-differs"
    exit_code = ExitCode.CORRUPT
    message = "Blob {blob} does not have the bytes that it was fetched with."
    remedy = "Remove the cache (~/.cache/champ-offline) and pack again; then check this disk."


@dataclass(frozen=True)
class Member:
    """One file of a volume: its name in the OCI layout, size and digest, all of its own bytes.

    A piece of a blob also says where in the blob it begins (`offset`) and how large the blob is
    (`whole`); both are None otherwise.
    """

    name: str
    size: int
    digest: Digest
    offset: int | None = None
    whole: int | None = None

    @property
    def row(self) -> list[str | int]:
        """The member as it stands in a volume's index."""
        row: list[str | int] = [self.name, self.size, str(self.digest)]
        if self.offset is not None and self.whole is not None:
            row += [self.offset, self.whole]
        return row

    @property
    def blob(self) -> Digest | None:
        """The blob it is, or is a piece of; None for the layout's own files."""
        match = _BLOB.fullmatch(self.name)
        return Digest(match[1]) if match else None

    @property
    def number(self) -> int:
        """Which piece of its blob it is, from 1 on; 0 for what was not cut."""
        match = _BLOB.fullmatch(self.name)
        return int(match[2] or 0) if match else 0

    @property
    def blob_size(self) -> int:
        """Bytes of the whole blob that it is, or is a piece of."""
        return self.size if self.whole is None else self.whole

    @property
    def span(self) -> int:
        """Bytes the member takes in the tar: header, content, padding."""
        return BLOCK + self.size + padding(self.size)

    @classmethod
    def of_blob(cls, digest: Digest, size: int) -> Member:
        """A whole blob."""
        return cls(f"blobs/sha256/{digest.hex}", size, digest)

    @classmethod
    def from_row(cls, row: list[Any]) -> Member:
        """Read a row of an index; raises ValueError, TypeError, InvalidDigest."""
        name, size, digest = row[:3]
        offset, whole = row[3:] or (None, None)
        member = cls(name, size, Digest.parse(digest), offset, whole)
        blob = _BLOB.fullmatch(name)
        sizes = (size,) if offset is None else (size, offset, whole)
        if not all(type(number) is int and 0 <= number <= LARGEST_MEMBER for number in sizes):
            raise Unfit(Phrase("a size is wrong"))
        if blob is None:
            known = name in {LAYOUT_FILE, INDEX_FILE} and offset is None
        elif blob[2] is None:
            known = blob[1] == member.digest.hex and offset is None
        else:
            known = blob[2] != "0000" and size > 0 and _within(size, offset, whole)
        if not known:
            raise Unfit(Phrase("its member {name} is none", name=name[:100]))
        return member


def _within(size: int, offset: int | None, whole: int | None) -> bool:
    return offset is not None and whole is not None and offset + size <= whole and size < whole


@dataclass(frozen=True)
class VolumeIndex:
    """The first member of a volume: whose it is, which one, and what follows.

    `volume_set` is the same in all volumes that were cut together (FORMAT.md, "Volume sets").
    """

    bundle: str
    version: str
    volume_set: Digest
    number: int
    members: tuple[Member, ...]

    @property
    def name(self) -> str:
        """The index's own name, among the untarred files and beside the volumes."""
        return f"{INDEXES}/{self.number:04}.json"

    @property
    def size(self) -> int:
        """Size of the whole volume in bytes."""
        own = len(self.to_bytes())
        members = sum(member.span for member in self.members)
        return BLOCK + own + padding(own) + members + len(TRAILER)

    @property
    def places(self) -> Iterator[tuple[Member, int]]:
        """Each member and where its header begins in the volume."""
        own = len(self.to_bytes())
        place = BLOCK + own + padding(own)
        for member in self.members:
            yield member, place
            place += member.span

    def to_bytes(self) -> bytes:
        """The index as canonical JSON."""
        return encode(
            {
                "format": FORMAT,
                "bundle": self.bundle,
                "version": self.version,
                "set": str(self.volume_set),
                "number": self.number,
                "members": [member.row for member in self.members],
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes, where: str) -> VolumeIndex:
        """Read an index, which must be canonical; raises DocumentMalformed, NewerFormat."""
        try:
            document = canonical(data)
            found = format_number(document["format"])
            if found == FORMAT:
                return _index(document, data)
        except (ValueError, TypeError, KeyError, ChampError) as error:
            reason = wrong_in(error)
            raise DocumentMalformed(
                where=where, kind=Phrase("volume index"), reason=reason
            ) from error
        raise NewerFormat(where=where, found=found, known=FORMAT)


def _index(document: dict[str, Any], data: bytes) -> VolumeIndex:
    index = VolumeIndex(
        bundle=text(document["bundle"], NAME),
        version=text(document["version"], VERSION),
        volume_set=Digest.parse(document["set"]),
        number=_number(document["number"]),
        members=tuple(Member.from_row(row) for row in document["members"]),
    )
    if len({member.name for member in index.members}) < len(index.members):
        raise Unfit(Phrase("it names a member twice"))
    if index.to_bytes() != data:
        raise Unfit(Phrase("it is not canonical"))
    return index


def _number(found: object) -> int:
    if type(found) is not int or not 1 <= found <= MOST_VOLUMES:
        raise Unfit(Phrase("the number of the volume is wrong"))
    return found


def header(name: str, size: int) -> bytes:
    """The POSIX ustar header (512 bytes) that stands before every member of ours."""
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, 0o444
    return info.tobuf(tarfile.USTAR_FORMAT)


@dataclass(frozen=True)
class Region:
    """A stretch of a volume, `offset` and `size` in bytes: a member's content, or framing.

    `frame` is the framing itself, which follows from the index; None where `member` is.
    """

    offset: int
    size: int
    frame: bytes | None
    member: Member | None = None


def regions(index: VolumeIndex) -> Iterator[Region]:
    """All of a volume, in order and without gaps; none is empty."""
    data = index.to_bytes()
    head = header(index.name, len(data)) + data + bytes(padding(len(data)))
    yield Region(0, len(head), head)
    end = len(head)
    for member, place in index.places:
        yield Region(place, BLOCK, header(member.name, member.size))
        content, filler = place + BLOCK, padding(member.size)
        if member.size:
            yield Region(content, member.size, None, member)
        if filler:
            yield Region(content + member.size, filler, bytes(filler))
        end = place + member.span
    yield Region(end, len(TRAILER), TRAILER)


def chunks(index: VolumeIndex, content: Callable[[Member], BinaryIO]) -> Iterator[bytes]:
    """The bytes of a volume, in order, given where each member's content is to be had.

    `content` opens at the member's first byte; what follows its `size` is not read. Raises
    MemberDiffers behind content that is not what the index names.
    """
    data = index.to_bytes()
    yield header(index.name, len(data)) + data + bytes(padding(len(data)))
    for member in index.members:
        yield header(member.name, member.size)
        left, found = member.size, hashlib.sha256()
        with content(member) as file:
            while left and (chunk := file.read(min(CHUNK, left))):
                left -= len(chunk)
                found.update(chunk)
                yield chunk
        if left or found.hexdigest() != member.digest.hex:
            raise MemberDiffers(blob=member.blob or member.digest)
        yield bytes(padding(member.size))
    yield TRAILER


def padding(size: int) -> int:
    """Zero bytes that follow content of `size` bytes in a tar."""
    return -size % BLOCK
