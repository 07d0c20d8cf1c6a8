"""Reading one .deb: its control data, and its data as entries of a layer. Nothing is unpacked.

Invariant: only plain files, directories and links with names inside the layer come out, without
set-user-id bits, extended attributes and devices; a package that holds anything else is refused.
"""

from __future__ import annotations

import math
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from champ_offline.bundle.debian.errors import PackageHostile, PackageUnreadable
from champ_offline.bundle.debian.names import MERGED, BadName, canonical
from champ_offline.bundle.debian.process import run, start
from champ_offline.bundle.debian.spool import Content, Spool
from champ_offline.bundle.debian.tree import DIRECTORY, FILE, LINK, Entry
from champ_offline.errors import Phrase, Quoted, Reason

_HIGHEST_ID = 2**31 - 1


def control_text(path: Path, package: str) -> str:
    """The package's control file; raises PackageUnreadable."""
    done = run(["dpkg-deb", "--info", str(path), "control"])
    if done.returncode != 0:
        raise PackageUnreadable(package=package, reason=Quoted(done.stderr.strip()[:200]))
    return done.stdout


class PackageReader:
    """The members of one package's data, as entries with canonical names."""

    def __init__(self, package: str, spool: Spool, epoch: int) -> None:
        self._package, self._spool, self._epoch = package, spool, epoch
        self._contents: dict[str, Entry] = {}

    def entries(self, path: Path, wanted: Callable[[str], bool]) -> Iterator[tuple[str, Entry]]:
        """Name and entry of each member that is `wanted`; raises PackageHostile, -Unreadable."""
        with self._data(path) as stream:
            try:
                with tarfile.open(fileobj=stream, mode="r|") as archive:
                    for member in archive:
                        name = self._name(member)
                        entry = self._entry(archive, member)
                        if name and name not in MERGED and wanted(name):
                            yield name, entry
            except tarfile.TarError as error:
                raise PackageUnreadable(
                    package=self._package, reason=Quoted(str(error)[:200])
                ) from error

    def _name(self, member: tarfile.TarInfo) -> str:
        try:
            name = canonical(member.name)
        except BadName as error:
            raise self._hostile(member, error.reason) from error
        if name in MERGED and not (member.isdir() or member.issym()):
            raise self._hostile(member, Phrase("a file in place of a merged directory"))
        return name

    def _entry(self, archive: tarfile.TarFile, member: tarfile.TarInfo) -> Entry:
        if not (0 <= member.uid <= _HIGHEST_ID and 0 <= member.gid <= _HIGHEST_ID):
            raise self._hostile(member, Phrase("an owner that no system has"))
        if member.islnk():
            return self._hard_link(member)
        if member.issym():
            return Entry(LINK, 0o777, 0, 0, self._time(member), target=self._target(member))
        if member.isdir():
            return Entry(DIRECTORY, member.mode & 0o1777, member.uid, member.gid)
        if not member.isreg() or member.issparse():
            raise self._hostile(member, Phrase("a device, a pipe or a file with holes"))
        entry = Entry(
            # Nothing in a container gains rights through a file: no set-user-id, no set-group-id.
            FILE, member.mode & 0o777, member.uid, member.gid, self._time(member),
            content=self._content(archive, member),
        )  # fmt: skip
        self._contents[canonical(member.name)] = entry
        return entry

    def _content(self, archive: tarfile.TarFile, member: tarfile.TarInfo) -> Content:
        source = archive.extractfile(member)
        if source is None:  # pragma: no cover - extractfile gives None for other kinds only
            raise self._hostile(member, Phrase("a member without content"))
        return self._spool.store(source)

    def _hard_link(self, member: tarfile.TarInfo) -> Entry:
        try:
            return self._contents[canonical(member.linkname)]
        except (BadName, KeyError) as error:
            raise self._hostile(
                member, Phrase("a hard link to something outside the package")
            ) from error

    def _target(self, member: tarfile.TarInfo) -> str:
        # A link's target is resolved inside the container, where it can do no more than a program
        # there could; but an empty one or one with a zero byte cannot be written to a tar.
        if not member.linkname or "\0" in member.linkname:
            raise self._hostile(member, Phrase("a link to nothing"))
        return member.linkname

    def _time(self, member: tarfile.TarInfo) -> int:
        time = member.mtime if math.isfinite(member.mtime) else 0
        return int(min(max(time, 1), self._epoch))

    def _hostile(self, member: tarfile.TarInfo, reason: Reason) -> PackageHostile:
        name = member.name.encode("ascii", "backslashreplace").decode()[:200]
        return PackageHostile(package=self._package, name=name, reason=reason)

    @contextmanager
    def _data(self, path: Path) -> Iterator[IO[bytes]]:
        process = start(["dpkg-deb", "--fsys-tarfile", str(path)])
        try:
            yield _output(process)
            _output(process).read()  # what stands after the archive's end mark
        finally:
            _output(process).close()
            code = process.wait()
        if code != 0:
            raise PackageUnreadable(
                package=self._package, reason=Phrase("dpkg-deb ended with {code}", code=code)
            )


def _output(process: subprocess.Popen[bytes]) -> IO[bytes]:
    assert process.stdout is not None  # noqa: S101 - given as a pipe
    return process.stdout
