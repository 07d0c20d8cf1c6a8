"""A layer's entries as canonical tar (OCI image-spec 1.1, layer.md): equal entries, equal bytes.

Invariant: members stand sorted by name in GNU format with numeric owners and whole seconds; nothing
of the building machine (user names, umask, time, order of a folder) is in the bytes.
"""

from __future__ import annotations

import tarfile
from typing import IO, Protocol, cast

from champ_offline.bundle.debian.spool import Spool
from champ_offline.bundle.debian.tree import DIRECTORY, LINK, Entry

_BUFFER = 1 << 20


class Sink(Protocol):
    """What takes the bytes."""

    def write(self, data: bytes, /) -> object:
        """Append `data`."""


def write_tar(entries: dict[str, Entry], spool: Spool, sink: Sink) -> None:
    """Write all entries, sorted by name; of hard links the first name carries the content."""
    first: dict[int, str] = {}
    stream = cast("IO[bytes]", sink)
    with tarfile.open(
        fileobj=stream, mode="w|", bufsize=_BUFFER, format=tarfile.GNU_FORMAT, encoding="utf-8",
        errors="surrogateescape",
    ) as archive:  # fmt: skip
        for name in sorted(entries):
            entry = entries[name]
            member = _member(name, entry)
            if entry.content is None:
                archive.addfile(member)
            elif entry.content.number in first:
                member.type, member.linkname = tarfile.LNKTYPE, first[entry.content.number]
                archive.addfile(member)
            else:
                first[entry.content.number] = name
                member.size = entry.content.size
                archive.addfile(member, spool.at(entry.content))


def _member(name: str, entry: Entry) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.mode, member.uid, member.gid, member.mtime = entry.mode, entry.uid, entry.gid, entry.time
    member.uname = member.gname = ""
    if entry.kind == DIRECTORY:
        member.type = tarfile.DIRTYPE
    elif entry.kind == LINK:
        member.type, member.linkname = tarfile.SYMTYPE, entry.target
    return member
