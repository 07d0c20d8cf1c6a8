"""Small Debian packages made by hand: they can hold what dpkg-deb would never put in one."""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from champ_offline.bundle.debian.lock import LockedPackage

TIME = 1_600_000_000


def directory(name: str, mode: int = 0o755) -> tarfile.TarInfo:
    return _member(name, tarfile.DIRTYPE, mode)


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    member = _member(name, kind, 0o777)
    member.linkname = target
    return member


def device(name: str) -> tarfile.TarInfo:
    return _member(name, tarfile.CHRTYPE, 0o666)


@dataclass(frozen=True)
class File:
    """A regular file for a package."""

    name: str
    data: bytes = b""
    mode: int = 0o644
    uid: int = 0
    time: int = TIME

    def member(self) -> tarfile.TarInfo:
        member = _member(self.name, tarfile.REGTYPE, self.mode)
        member.size, member.uid, member.gid, member.mtime = (
            len(self.data),
            self.uid,
            self.uid,
            self.time,
        )
        member.uname = "builder"
        return member


def deb(name: str, members: Iterable[tarfile.TarInfo | File], version: str = "1.0-1") -> bytes:
    """The bytes of a package (deb(5)): an ar archive of a version, control data and data."""
    control = (
        f"Package: {name}\nVersion: {version}\nArchitecture: all\n"
        "Maintainer: Somebody <nobody@example.org>\nDescription: a test\n more of it\n"
    )
    parts = (
        ("debian-binary", b"2.0\n"),
        ("control.tar", _tar([File("./control", control.encode())])),
        ("data.tar", _tar(members)),
    )
    return b"!<arch>\n" + b"".join(_ar(part, data) for part, data in parts)


def locked(name: str, data: bytes, version: str = "1.0-1") -> LockedPackage:
    return LockedPackage(
        name=name,
        version=version,
        architecture="all",
        suite="bookworm",
        path=f"pool/main/{name}.deb",
        size=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
    )


def put(folder: Path, name: str, members: Iterable[tarfile.TarInfo | File]) -> Path:
    path = folder / f"{name}.deb"
    path.write_bytes(deb(name, members))
    return path


def _tar(members: Iterable[tarfile.TarInfo | File]) -> bytes:
    found = io.BytesIO()
    with tarfile.open(fileobj=found, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for member in members:
            if isinstance(member, File):
                archive.addfile(member.member(), io.BytesIO(member.data))
            else:
                archive.addfile(member)
    return found.getvalue()


def _member(name: str, kind: bytes, mode: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.type, member.mode, member.mtime = kind, mode, TIME
    return member


def _ar(name: str, data: bytes) -> bytes:
    head = f"{name:<16}{TIME:<12}{0:<6}{0:<6}{100644:<8}{len(data):<10}`\n"
    return head.encode() + data + b"\n" * (len(data) % 2)
