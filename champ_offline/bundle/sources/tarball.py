"""Reads tar streams from outside, member by member, without ever writing a member to a path.

Invariant: names are only compared, never opened; devices, pipes, hard links, sparse files, symbolic
links and repeated names are refused, with one exception: `docker save` itself writes a symbolic
link for the second copy of a layer, `<id>/layer.tar`; it is passed over, its content is found by
digest. No header makes this module read more than 1 MiB into memory.
"""

from __future__ import annotations

import gzip
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, BinaryIO, Protocol, cast

from champ_offline.bundle.sources.source import CHUNK
from champ_offline.errors import ChampError, ExitCode, Phrase, Quoted

_MOST_MEMBERS = 65536
_LARGEST_MEMBER = 64 * 1024**3


class NotAnImageArchive(ChampError):
    """A file or stream is not what `docker save` or an OCI layout writes."""

    id = "source.not-an-image-archive"
    exit_code = ExitCode.CORRUPT
    message = "{where} cannot be read as an image archive: {reason}."
    remedy = "Give a tar from docker save, podman save or skopeo, or an OCI layout."


class UnsafeArchive(ChampError):
    """An archive holds something that no image tool writes into one."""

    id = "source.unsafe-archive"
    exit_code = ExitCode.CORRUPT
    message = "{where} holds “{member}”, which is refused: {reason}."
    remedy = "Do not use this archive; obtain the image again from its maker."


class Readable(Protocol):
    """The part of a binary file that a stream has too."""

    def read(self, size: int, /) -> bytes:
        """At most `size` bytes; empty at the end."""


@dataclass(frozen=True)
class Member:
    """A regular file in a tar: its data lies at `offset` of the (uncompressed) stream."""

    name: str
    size: int
    offset: int
    data: BinaryIO
    where: str

    def chunks(self) -> Iterator[bytes]:
        """The content; to be read before the next member is asked for."""
        with _translated(self.where):
            while chunk := self.data.read(CHUNK):
                yield chunk


@contextmanager
def _translated(where: str) -> Iterator[None]:
    """What tarfile and gzip say about bytes they cannot read."""
    try:
        yield
    except (tarfile.TarError, gzip.BadGzipFile, EOFError, zlib.error, ValueError) as error:
        raise NotAnImageArchive(where=where, reason=Quoted(str(error)[:200])) from error


class _Forward:
    """A stream that can tell where it is and skip ahead, which is all that reading a tar needs."""

    def __init__(self, stream: Readable) -> None:
        self._stream = stream
        self._position = 0

    def read(self, size: int) -> bytes:
        if size > CHUNK:
            raise tarfile.ReadError("a header claims more than 1 MiB")
        parts: list[bytes] = []
        while size and (part := self._stream.read(size)):
            parts.append(part)
            size -= len(part)
        data = b"".join(parts)
        self._position += len(data)
        return data

    def tell(self) -> int:
        return self._position

    def seek(self, position: int) -> int:
        if position < self._position:
            raise tarfile.ReadError("a member points back into the archive")
        while position > self._position:
            if not self.read(min(CHUNK, position - self._position)):
                raise tarfile.ReadError("it ends too early")
        return self._position


class _ForwardFile(_Forward):
    """The same over a file on disk, where skipping costs nothing."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__(file)
        self._file = file

    def seek(self, position: int) -> int:
        self._position = self._file.seek(position)
        return self._position


def scan(stream: Readable, where: str) -> Iterator[Member]:
    """The regular files of a tar stream in order; raises NotAnImageArchive, UnsafeArchive."""
    return _scan(_Forward(stream), where)


def scan_file(file: BinaryIO, where: str) -> Iterator[Member]:
    """The same of an uncompressed file, skipping what is not read."""
    return _scan(_ForwardFile(file), where)


def _scan(source: _Forward, where: str) -> Iterator[Member]:
    seen: set[str] = set()
    with _translated(where), tarfile.open(fileobj=cast("IO[bytes]", source), mode="r:") as tar:
        for info in tar:
            name = info.name.removeprefix("./")
            if info.isdir():
                continue
            _refuse(info, name, seen, where)
            seen.add(name)
            if info.isfile():
                data = cast("BinaryIO", tar.extractfile(info))
                yield Member(name, info.size, info.offset_data, data, where)


def _refuse(info: tarfile.TarInfo, name: str, seen: set[str], where: str) -> None:
    reason = Phrase("")
    if name in seen:
        reason = Phrase("the name occurs twice")
    elif len(seen) >= _MOST_MEMBERS:
        reason = Phrase("there are too many members")
    elif info.issym():
        reason = Phrase("") if name.endswith("/layer.tar") else Phrase("it is a symbolic link")
    elif not info.isfile() or info.issparse():
        reason = Phrase("it is a link, a device, a pipe or a sparse file")
    elif info.size > _LARGEST_MEMBER:
        reason = Phrase("it is too large")
    if reason:
        raise UnsafeArchive(where=where, member=name[:200], reason=reason)
