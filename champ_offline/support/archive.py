"""The files of a support bundle as one archive (docs/support.md).

Invariant: pure; the same files and time give the same bytes. Every file is bounded, and so is their
sum; what is cut off says so.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import re
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from champ_offline.errors import ChampError, ExitCode
from champ_offline.release.hiding import Hiding

LARGEST_FILE = 1024 * 1024
LARGEST = 16 * 1024 * 1024
_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
_CUT = "\n(cut off here)\n"
README = """\
Support bundle of the zone {zone}, written by champ {version} on {time}.

It was made to be given to somebody who helps. It holds no answers, no values of Secrets, no keys,
no passwords and no kubeconfig; wherever one of them stood in a text, it is "(hidden)". It holds
{logs}.
Look through it before you give it away; every file is plain text.

{files}
"""
LOGS = "last lines of containers' logs, which may tell of patients"
NO_LOGS = "no lines of containers' logs"


class SupportWouldLeak(ChampError):
    """A file of a support bundle still holds a secret."""

    id = "support.would-leak"
    exit_code = ExitCode.INTERNAL
    message = "Nothing was written: {file} would hold a secret of a release."
    remedy = "Report this with the name of the file; give nothing away by hand instead."


@dataclass(frozen=True)
class SupportFile:
    """One file: its name within the bundle, its size in bytes and what it is."""

    name: str
    size: int
    about: str
    data: bytes = field(repr=False)


@dataclass(frozen=True)
class SupportBundle:
    """All files, README.txt first; `to_bytes` is the archive (.tar.gz)."""

    zone: str
    made: datetime
    files: tuple[SupportFile, ...]

    @property
    def size(self) -> int:
        """Bytes of all files together."""
        return sum(file.size for file in self.files)

    def to_bytes(self) -> bytes:
        """A gzip of a USTAR archive: owner 0, mode 0600, all in one folder."""
        buffer, seconds = io.BytesIO(), int(self.made.timestamp())
        with tarfile.TarFile(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
            for file in self.files:
                member = tarfile.TarInfo(f"champ-support-{self.zone}/{file.name}")
                member.size, member.mode, member.mtime = file.size, 0o600, seconds
                archive.addfile(member, io.BytesIO(file.data))
        return gzip.compress(buffer.getvalue(), compresslevel=9, mtime=seconds)


class Collection:
    """Files on their way into a bundle: hidden, bounded and in the order of their names."""

    def __init__(self, hiding: Hiding) -> None:
        self._hiding = hiding
        self._files: dict[str, SupportFile] = {}
        self._left = LARGEST

    def document(self, name: str, about: str, value: object) -> None:
        """Add a value as JSON; one that is too large is told by its size alone."""
        text = json.dumps(hidden(value, self._hiding), ensure_ascii=False, indent=1, sort_keys=True)
        if len(text.encode()) > min(LARGEST_FILE, self._left):
            text = json.dumps({"left out": f"{len(text)} characters"})
        self._add(name, about, text + "\n")

    def text(self, name: str, about: str, text: str) -> None:
        """Add a text; of one that is too large the end is cut off."""
        clean = self._hiding.text(text)
        room = min(LARGEST_FILE, self._left) - len(_CUT)
        if len(clean.encode()) > room:
            clean = clean.encode()[: max(0, room)].decode(errors="ignore") + _CUT
        self._add(name, about, clean)

    def bundle(self, zone: str, version: str, now: datetime, *, logs: bool) -> SupportBundle:
        """The bundle; raises SupportWouldLeak where a secret stands in a file all the same."""
        files = [self._files[name] for name in sorted(self._files)]
        lines = "\n".join(f"{file.name}\n    {file.about}; {_sum(file.data)}" for file in files)
        told = README.format(
            zone=zone, version=version, time=f"{now:%Y-%m-%d %H:%M} UTC", files=lines,
            logs=LOGS if logs else NO_LOGS,
        )  # fmt: skip
        first = _file("README.txt", "what this is", told)
        for file in (first, *files):
            if self._hiding.leaks(file.data):
                raise SupportWouldLeak(file=file.name)
        return SupportBundle(zone, now, (first, *files))

    def _add(self, name: str, about: str, text: str) -> None:
        file = _file(name, about, text)
        self._left -= file.size
        self._files[name] = file


def hidden(value: object, hiding: Hiding) -> object:
    """The value with each of its texts hidden, the keys of objects too."""
    match value:
        case str():
            return hiding.text(value)
        case Mapping():
            return {hiding.text(str(key)): hidden(one, hiding) for key, one in value.items()}
        case list() | tuple():
            return [hidden(one, hiding) for one in value]
        case bool() | int() | float() | None:
            return value
    return hiding.text(str(value))


def place(*names: str) -> str | None:
    """A file's name from names that a cluster gave; None where one of them is none."""
    return "/".join(names) if all(map(_NAME.fullmatch, names)) else None


def _file(name: str, about: str, text: str) -> SupportFile:
    data = text.encode()
    return SupportFile(name, len(data), about, data)


def _sum(data: bytes) -> str:
    return f"{len(data)} bytes, sha256:{hashlib.sha256(data).hexdigest()}"


def newest(values: Sequence[Any], most: int) -> list[Any]:
    """The last of them, at most so many."""
    return list(values[-most:])
