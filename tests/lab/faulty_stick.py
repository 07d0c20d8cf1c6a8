"""A stick that fails as told: a read-only FUSE file system over a folder; it counts what it reads.

The kernel's protocol is spoken directly (linux/fuse.h, version 7.31), so errors are the kernel's
own: EIO for a bad place or a pulled stick, ENOTCONN where the server has died. Invariant: it never
writes, and every byte it hands out is counted under its file's name.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat
import struct
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

from tests.lab import resources
from tests.lab.errors import LabError
from tests.lab.records import Record, Records

How: TypeAlias = Literal["pulled", "died"]

LARGEST_REQUEST = 256 * 1024
LARGEST_READ = 128 * 1024
READ_ONLY, NO_SETUID, NO_DEVICES = 1, 2, 4  # mount(2)
IN, OUT = struct.Struct("<IIQQIIII"), struct.Struct("<IiQ")
ATTRIBUTES = struct.Struct("<6Q10I")
READ_IN, DIRECTORY_ENTRY = struct.Struct("<QQIIQII"), struct.Struct("<QQII")
INIT_OUT = struct.Struct("<IIIIHHIIHHI28x")
OPEN_OUT, STATFS_OUT = struct.Struct("<QII"), struct.Struct("<5Q10I")
UNCACHED, CACHED = 1, 2  # FOPEN_DIRECT_IO, FOPEN_KEEP_CACHE
LOOKUP, FORGET, GETATTR, OPEN, READ, STATFS, RELEASE = 1, 2, 3, 14, 15, 17, 18
FLUSH, INIT, OPENDIR, READDIR, RELEASEDIR, INTERRUPT, BATCH_FORGET = 25, 26, 27, 28, 29, 36, 42
SILENT = {FORGET, INTERRUPT, BATCH_FORGET}
ROOT = 1


class Refused(Exception):
    """A request to be answered with an error number."""

    def __init__(self, number: int) -> None:
        super().__init__(os.strerror(number))
        self.number = number


@dataclass
class Fault:
    """Bytes `begin` to `end` of the files called `name` fail, `times` times or always (None).

    `garbled` hands out wrong bytes instead of an error.
    """

    name: str
    begin: int
    end: int
    times: int | None = None
    garbled: bool = False

    def strikes(self, name: str, offset: int, size: int) -> bool:
        """Whether a reading is hit, which uses up one of the times."""
        if (
            name != self.name
            or offset >= self.end
            or offset + size <= self.begin
            or self.times == 0
        ):
            return False
        if self.times is not None:
            self.times -= 1
        return True


@dataclass
class Behaviour:
    """What the stick does: faults, and after how many bytes of volumes it is lost, and how."""

    faults: list[Fault] = field(default_factory=list)
    lost_after: int | None = None
    how: How = "pulled"
    cached: bool = False


class FaultyStick:
    """Shows the folder `source` at `mount_point`; `read` counts bytes by file name."""

    def __init__(self, records: Records, source: Path, mount_point: Path) -> None:
        self._records, self._source, self._mount_point = records, source, mount_point
        self._paths: dict[int, Path] = {}
        self._record: Record | None = None
        self._server = threading.Thread()
        self.behaviour = Behaviour()
        self.read: Counter[str] = Counter()

    def plug(self, behaviour: Behaviour | None = None) -> Path:
        """Mount it, counting from zero; the mount point."""
        self.behaviour = behaviour or Behaviour()
        self.read.clear()
        self._paths = {ROOT: self._source}
        self._mount_point.mkdir(parents=True, exist_ok=True)
        device = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
        self._record = self._records.made("mount", path=str(self._mount_point))
        _mount(self._mount_point, device)
        self._server = threading.Thread(target=self._serve, args=(device,), daemon=True)
        self._server.start()
        return self._mount_point

    def unplug(self) -> None:
        """Unmount it, whatever state it is in."""
        if self._record is not None:
            resources.remove(self._records, self._record)
            self._record = None
            self._server.join(30)

    @property
    def volume_bytes(self) -> int:
        """Bytes handed out of volumes."""
        return sum(count for name, count in self.read.items() if name.endswith(".tar"))

    def _serve(self, device: int) -> None:
        try:
            while not (self._lost and self.behaviour.how == "died"):
                self._answer(device, os.read(device, LARGEST_REQUEST))
        except OSError as error:
            if error.errno != errno.ENODEV:  # unmounted
                raise
        finally:
            os.close(device)

    @property
    def _lost(self) -> bool:
        after = self.behaviour.lost_after
        return after is not None and self.volume_bytes >= after

    def _answer(self, device: int, request: bytes) -> None:
        _size, operation, unique, node, *_ = IN.unpack_from(request)
        if operation in SILENT:
            return
        try:
            number, data = 0, self._do(operation, node, request[IN.size :])
        except Refused as refused:
            number, data = refused.number, b""
        except FileNotFoundError:
            number, data = errno.ENOENT, b""
        with suppress(FileNotFoundError):  # the asking process was killed meanwhile
            os.write(device, OUT.pack(OUT.size + len(data), -number, unique) + data)

    def _do(self, operation: int, node: int, body: bytes) -> bytes:
        if self._lost and operation != INIT:
            raise Refused(errno.EIO)
        known: dict[int, Callable[[Path, bytes], bytes]] = {
            LOOKUP: self._look_up,
            GETATTR: lambda path, _: struct.pack("<QII", 0, 0, 0) + _attributes(path),
            OPEN: self._open,
            OPENDIR: self._open,
            READ: self._read,
            READDIR: _names,
            STATFS: lambda _, __: STATFS_OUT.pack(0, 0, 0, 0, 0, 4096, 255, 4096, *[0] * 7),
            RELEASE: lambda _, __: b"",
            RELEASEDIR: lambda _, __: b"",
            FLUSH: lambda _, __: b"",
            INIT: lambda _, __: INIT_OUT.pack(7, 31, LARGEST_READ, 0, 12, 9, 4096, 1, 32, 0, 0),
        }
        if operation not in known:
            raise Refused(errno.ENOSYS)
        return known[operation](self._paths[node or ROOT], body)

    def _look_up(self, folder: Path, body: bytes) -> bytes:
        path = folder / os.fsdecode(body.rstrip(b"\0"))
        node = path.lstat().st_ino
        self._paths[node] = path
        return struct.pack("<4Q2I", node, 0, 0, 0, 0, 0) + _attributes(path)

    def _open(self, _path: Path, _body: bytes) -> bytes:
        return OPEN_OUT.pack(0, CACHED if self.behaviour.cached else UNCACHED, 0)

    def _read(self, path: Path, body: bytes) -> bytes:
        _handle, offset, size, *_ = READ_IN.unpack_from(body)
        with path.open("rb") as file:
            file.seek(offset)
            data = file.read(size)
        self.read[path.name] += len(data)
        for fault in self.behaviour.faults:
            if fault.strikes(path.name, offset, len(data)):
                if not fault.garbled:
                    raise Refused(errno.EIO)
                data = bytes(byte ^ 0xFF for byte in data)
        return data


def _mount(path: Path, device: int) -> None:
    options = f"fd={device},rootmode=40000,user_id=0,group_id=0,allow_other,max_read={LARGEST_READ}"
    flags = READ_ONLY | NO_SETUID | NO_DEVICES
    system = ctypes.CDLL(None, use_errno=True)
    if system.mount(b"stick", bytes(path), b"fuse", flags, options.encode()) != 0:
        raise LabError(f"FUSE cannot be mounted at {path}: {os.strerror(ctypes.get_errno())}")


def _attributes(path: Path) -> bytes:
    found = path.lstat()
    times = [int(found.st_atime), int(found.st_mtime), int(found.st_ctime)]
    return ATTRIBUTES.pack(
        found.st_ino, found.st_size, -(-found.st_size // 512), *times, 0, 0, 0,
        found.st_mode & ~0o222, 1, 0, 0, 0, 4096, 0,
    )  # fmt: skip


def _names(folder: Path, body: bytes) -> bytes:
    _handle, offset, size, *_ = READ_IN.unpack_from(body)
    listing = b""
    for number, path in enumerate(sorted(folder.iterdir()), start=1):
        name = os.fsencode(path.name)
        kind = stat.S_IFMT(path.lstat().st_mode) >> 12
        entry = DIRECTORY_ENTRY.pack(path.lstat().st_ino, number, len(name), kind) + name
        entry += bytes(-len(entry) % 8)
        if number > offset and len(listing) + len(entry) <= size:
            listing += entry
    return listing
