"""The files of a chart's .tgz, whoever made it.

Invariant: an archive and all charts packed inside it unfold to no more than one `Room` holds, of
bytes, files and headers; nothing is written, no link is followed, and Python's tar reader sees only
headers that were found plain before: it has hung and multiplied work on others (CVE-2025-8194).
"""

from __future__ import annotations

import gzip
import io
import tarfile
import zlib
from dataclasses import dataclass

from champ_offline.errors import Phrase, Unfit

_BLOCK = 512
_LARGEST_EXTENSION = 64 * 1024
# Files, folders, and the headers that go before some of them (POSIX pax "x", GNU "L").
_FILES, _EXTENSIONS = b"0\x005", b"xL"
_MOST_HEADERS = 3 * 4096


class NotAnArchive(Unfit):
    """The bytes are no archive that may be unpacked."""


@dataclass
class Room:
    """What may still be unfolded, in bytes."""

    left: int

    def take(self, tgz: bytes) -> bytes:
        """The content of a gzip file that fits; raises NotAnArchive."""
        try:
            with gzip.GzipFile(fileobj=io.BytesIO(tgz)) as file:
                data = file.read(self.left + 1)
        except (OSError, EOFError, zlib.error) as error:
            raise NotAnArchive(Phrase("it is not a gzip file")) from error
        if len(data) > self.left:
            raise NotAnArchive(Phrase("it unfolds to too many bytes"))
        self.left -= len(data)
        return data


def read_archive(tgz: bytes, room: Room) -> dict[str, bytes]:
    """The files by name, without the leading folder that Helm gives every name.

    Raises NotAnArchive.
    """
    data = room.take(tgz)
    _check_headers(data)
    files: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as tar:
            for info in tar:
                if info.isdir():
                    continue
                name = info.name.partition("/")[2]
                if name in files or not _is_plain(info):
                    raise _not_plain(info)
                member = tar.extractfile(info)
                files[name] = member.read() if member else b""
    except (tarfile.TarError, EOFError) as error:
        raise NotAnArchive(Phrase("it is not a chart archive")) from error
    except NotAnArchive:
        raise
    except (ValueError, OverflowError) as error:
        raise NotAnArchive(Phrase("it is not a chart archive")) from error
    return files


def _not_plain(info: tarfile.TarInfo) -> NotAnArchive:
    name = info.name[:100]
    return NotAnArchive(Phrase("“{name}” is a link, a repetition or not a plain name", name=name))


def _is_plain(info: tarfile.TarInfo) -> bool:
    """A file inside a folder, of the size its header says, under a name any system can have."""
    name = info.name
    told_twice = any(key == "size" or key.startswith("GNU.sparse") for key in info.pax_headers)
    plain = name.isprintable() and "\\" not in name and "/" in name
    parts = {*name.split("/")}
    return info.isfile() and plain and not told_twice and not parts & {"", ".", ".."}


def _check_headers(data: bytes) -> None:
    at, count = 0, 0
    while any(head := data[at : at + _BLOCK]):
        count += 1
        kind, size = head[156:157], _size(head)
        extension = kind in _EXTENSIONS and size <= _LARGEST_EXTENSION
        if len(head) < _BLOCK or count > _MOST_HEADERS or not (kind in _FILES or extension):
            raise NotAnArchive(Phrase("it is not a chart archive"))
        at += _BLOCK + size + -size % _BLOCK


def _size(head: bytes) -> int:
    """The size in a header, plain octal; sizes of other forms are none of a chart's."""
    digits = head[124:136].strip(b" \0")
    if digits.strip(b"01234567"):
        raise NotAnArchive(Phrase("it is not a chart archive"))
    return int(digits or b"0", 8)
