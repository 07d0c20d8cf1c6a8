"""Reading a volume on media against what was signed, going on after what cannot be read.

Invariant: bytes reach a sink in order and its `commit` sees them checked; whatever is not as signed
is named by volume, blob and offset, after a second reading past the page cache.
"""

from __future__ import annotations

import hashlib
import os
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Protocol, Self

from champ_offline.bundle.document import BundleDocument, VolumeEntry
from champ_offline.bundle.errors import (
    DocumentMalformed,
    MediumGone,
    NewerFormat,
    VolumeCorrupt,
    VolumeFault,
    VolumeForeign,
    VolumeStale,
    VolumeTruncated,
    VolumeUnreadable,
)
from champ_offline.bundle.opening import opened
from champ_offline.bundle.volume import (
    BLOCK,
    CHUNK,
    TRAILER,
    Member,
    VolumeIndex,
    header,
    padding,
)
from champ_offline.errors import Phrase, system_said
from champ_offline.oci.digest import Digest
from champ_offline.store.blobs import BlobMismatch

INDEX = Phrase("the volume index")
END = Phrase("the trailer")
# Nobody signed the index of a volume that does not belong here; a larger one is called corrupt.
_FOREIGN_LIMIT = 2 * 1024 * 1024


class Sink(Protocol):
    """Takes one member's bytes; `store.blobs.BlobWriter` is one, `Hasher` another."""

    def __enter__(self) -> Self: ...
    def __exit__(self, *exception: object) -> None: ...
    def write(self, data: memoryview) -> None:
        """Take the next bytes."""

    def commit(self, expected: Digest | None = None, size: int | None = None) -> Digest:
        """All bytes came; raises BlobMismatch where they are not what was announced."""


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


Sinks = Callable[[Member], Sink | None]
OnFault = Callable[[VolumeFault], None]


def every_member(_member: Member) -> Hasher:
    """Sinks that only hash, for reading a volume whole."""
    return Hasher()


class VolumeReader:
    """One copy of a volume, read front to back.

    `name` is how errors call it; `entry` comes from the signed bundle document. `open_volume` gives
    its bytes where they are not simply those of the file at `path`.
    """

    def __init__(
        self,
        path: Path,
        name: str,
        entry: VolumeEntry,
        open_volume: Callable[[], BinaryIO] | None = None,
    ) -> None:
        self.path, self.name, self.entry = path, name, entry
        self._open = open_volume or (lambda: opened(path))

    def open(self) -> BinaryIO:
        """The copy's bytes, unchecked; raises OSError."""
        return self._open()

    def index(self, document: BundleDocument) -> VolumeIndex:
        """The index at the volume's beginning, checked; raises a VolumeFault."""
        try:
            with released(self._open()) as file:
                # Nothing behind the index is wanted yet, so nothing shall be read ahead.
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_RANDOM)
                head = self._read(file, BLOCK, INDEX)
                data = self._read(file, self.entry.index_size, INDEX)
        except OSError as error:
            raise self._unreadable(0, INDEX, error) from error
        if Digest.of(data) != self.entry.index_digest:
            self._refuse_foreign(head, document)
            raise VolumeCorrupt(volume=self.name, blob=INDEX, offset=BLOCK)
        index = VolumeIndex.from_bytes(data, self.name)
        if head != header(index.name, len(data)) or index.size != self.entry.size:
            raise VolumeCorrupt(volume=self.name, blob=INDEX, offset=0)
        return index

    def read_loose(self, member: Member, target: Sink) -> Iterator[int]:
        """Read a file that holds one member and nothing else; raises a VolumeFault.

        Yields the bytes passed since the last yield.
        """
        try:
            file = self._open()
        except OSError as error:
            raise self._gone(0, str(member.digest), error) from error
        with released(file):
            yield from self._content(file, member, 0, target)

    def check_length(self, index: VolumeIndex) -> None:
        """Hold the file's size against the signed one; raises VolumeTruncated, VolumeCorrupt."""
        try:
            found = self.path.lstat().st_size
        except OSError as error:
            raise self._gone(0, END, error) from error
        if found > self.entry.size:
            raise VolumeCorrupt(volume=self.name, blob=END, offset=self.entry.size)
        for member, place in index.places:
            if found < place + member.span:
                raise self._truncated(found, str(member.digest))
        if found < self.entry.size:
            raise self._truncated(found, END)

    def read(self, index: VolumeIndex, sink: Sinks, on_fault: OnFault) -> Iterator[int]:
        """Read every member for which `sink(member)` gives a sink, with the framing around it.

        None as a sink skips the member unread. Yields the bytes read since the last yield. What is
        wrong is read once more from the device, past the page cache, and then goes to
        `on_fault`; reading goes on behind it. Raises MediumGone when nothing can be read any more,
        and what sinks raise on their own account.
        """
        try:
            file = self._open()
        except OSError as error:
            raise self._gone(0, INDEX, error) from error
        with released(file):
            try:
                yield from self._walk(file, index, sink, on_fault)
            except VolumeTruncated as fault:
                on_fault(fault)

    def _walk(
        self, file: BinaryIO, index: VolumeIndex, sink: Sinks, on_fault: OnFault
    ) -> Iterator[int]:
        own = BLOCK + self.entry.index_size
        self._frame(file, own, bytes(padding(own)), INDEX, on_fault)
        for member, place in index.places:
            target = sink(member)
            if target is None:
                continue
            blob = str(member.digest)
            self._frame(file, place, header(member.name, member.size), blob, on_fault)
            try:
                yield from self._content(file, member, place + BLOCK, target)
            except VolumeFault:
                self._again(file, member, place + BLOCK, sink, on_fault)
            end = place + BLOCK + member.size
            self._frame(file, end, bytes(padding(member.size)), blob, on_fault)
        self._frame(file, self.entry.size - len(TRAILER), TRAILER, END, on_fault)

    def _again(
        self, file: BinaryIO, member: Member, offset: int, sink: Sinks, on_fault: OnFault
    ) -> None:
        """Read a member a second time, from the device itself."""
        _forget_cached(file)
        try:
            for _passed in self._content(file, member, offset, sink(member) or Hasher()):
                pass
        except VolumeTruncated:
            raise
        except VolumeFault as fault:
            on_fault(fault)
            if isinstance(fault, VolumeUnreadable):
                self._refuse_gone(file, fault)

    def _refuse_gone(self, file: BinaryIO, fault: VolumeFault) -> None:
        """Tell one bad place from a medium that is not there any more."""
        _forget_cached(file)
        try:
            file.seek(0)
            file.read(BLOCK)
        except OSError as error:
            raise self._gone(fault.fields["offset"], fault.fields["blob"], error) from error

    def _gone(self, offset: object, blob: object, error: OSError) -> MediumGone:
        reason = system_said(error)
        return MediumGone(volume=self.name, blob=blob, offset=offset, reason=reason)

    def _frame(
        self, file: BinaryIO, offset: int, expected: bytes, blob: str, on_fault: OnFault
    ) -> None:
        """Check bytes that follow from the index; content does not depend on them."""
        try:
            self._expect(file, offset, expected, blob)
        except VolumeTruncated:
            raise
        except VolumeFault:
            _forget_cached(file)
            try:
                self._expect(file, offset, expected, blob)
            except VolumeFault as fault:
                on_fault(fault)

    def _content(self, file: BinaryIO, member: Member, offset: int, target: Sink) -> Iterator[int]:
        with target:
            file.seek(offset)
            left = member.size
            buffer = memoryview(bytearray(min(CHUNK, left)))
            while left:
                part = self._fill(file, buffer[: min(left, CHUNK)], str(member.digest))
                target.write(part)
                left -= len(part)
                yield len(part)
            try:
                found = target.commit(member.digest, member.size)
            except BlobMismatch as error:
                raise self._corrupt(member, offset) from error
            if found != member.digest:
                raise self._corrupt(member, offset)

    def _corrupt(self, member: Member, offset: int) -> VolumeCorrupt:
        return VolumeCorrupt(volume=self.name, blob=member.digest, offset=offset)

    def _truncated(self, found: int, blob: str) -> VolumeTruncated:
        return VolumeTruncated(volume=self.name, offset=found, size=self.entry.size, blob=blob)

    def _fill(self, file: BinaryIO, part: memoryview, blob: str) -> memoryview:
        offset = file.tell()
        try:
            got = file.readinto(part)  # type: ignore[attr-defined]
        except OSError as error:
            raise self._unreadable(offset, blob, error) from error
        if not got:
            raise self._truncated(offset, blob)
        return part[:got]

    def _read(self, file: BinaryIO, size: int, blob: str) -> bytes:
        offset = file.tell()
        try:
            data = file.read(size)
        except OSError as error:
            raise self._unreadable(offset, blob, error) from error
        if len(data) < size:
            raise self._truncated(offset + len(data), blob)
        return data

    def _expect(self, file: BinaryIO, offset: int, expected: bytes, blob: str) -> None:
        file.seek(offset)
        if self._read(file, len(expected), blob) != expected:
            raise VolumeCorrupt(volume=self.name, blob=blob, offset=offset)

    def _unreadable(self, offset: int, blob: str, error: OSError) -> VolumeUnreadable:
        reason = system_said(error)
        return VolumeUnreadable(volume=self.name, offset=offset, blob=blob, reason=reason)

    def _refuse_foreign(self, head: bytes, document: BundleDocument) -> None:
        """Say which volume lies in this one's place; silent when it is this one, or no index."""
        try:
            size = tarfile.TarInfo.frombuf(head, "ascii", "strict").size
            if not 0 < size <= _FOREIGN_LIMIT:
                return
            with released(self._open()) as file:
                file.seek(BLOCK)
                found = VolumeIndex.from_bytes(self._read(file, size, INDEX), self.name)
        except (tarfile.HeaderError, UnicodeError, DocumentMalformed, NewerFormat, VolumeFault):
            return
        blob = found.members[0].digest if found.members else END
        expected = (document.name, document.version, self.entry.number)
        if (found.bundle, found.version, found.number) != expected:
            raise VolumeForeign(
                volume=self.name,
                found=f"{found.bundle} {found.version} {found.number:04}",
                expected=f"{expected[0]} {expected[1]} {expected[2]:04}",
                blob=blob,
                offset=0,
                number=found.number if _is_sibling(found, document) else 0,
            )
        if found.volume_set != document.volume_set:
            raise VolumeStale(
                volume=self.name,
                bundle=f"{found.bundle} {found.version}",
                created=document.created,
                blob=blob,
                offset=0,
            )


@contextmanager
def released(file: BinaryIO) -> Iterator[BinaryIO]:
    """Closes a file that was only read; a medium that is gone refuses even that, and no byte hangs
    on it.
    """
    try:
        yield file
    finally:
        with suppress(OSError):
            file.close()


def _is_sibling(found: VolumeIndex, document: BundleDocument) -> bool:
    """Whether an index says that its volume belongs to the pack of `document`."""
    mine = (document.name, document.version, document.volume_set)
    return (found.bundle, found.version, found.volume_set) == mine


def _forget_cached(file: BinaryIO) -> None:
    """Have the next reading come from the device, as far as the kernel lets go.

    The whole file, for the kernel keeps what a range only touches: a page (posix_fadvise(2)), and
    where it reads ahead many pages that it holds as one.
    """
    os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
