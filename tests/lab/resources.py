"""How each recorded kind of thing is removed; what a killed lab left goes the same way.

Invariant: a remover acts only on what the record names, and finding it gone already is success.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.lab import cgroups, network, processes
from tests.lab.commands import call
from tests.lab.errors import CommandFailed, LabError, LeftBehind
from tests.lab.records import Record, Records

ESCAPED = re.compile(r"\\([0-7]{3})")  # how proc(5) writes blanks and backslashes


def remove(records: Records, record: Record) -> None:
    """Remove one thing and note it; raises LabError and keeps the record if that fails."""
    try:
        REMOVERS[record.kind](record)
    except OSError as error:
        raise LeftBehind(f"{record} cannot be removed: {error}") from error
    records.gone(record)


def remove_all(records: Records) -> None:
    """Remove everything outstanding, newest first; raises LeftBehind with all that stayed."""
    stayed = []
    for record in reversed(records.outstanding()):
        try:
            remove(records, record)
        except LabError as error:
            stayed.append(str(error))
    if stayed:
        raise LeftBehind(f"Left behind: {'; '.join(stayed)}")
    records.forget()


def _end_process(record: Record) -> None:
    processes.end(record)


def _remove_namespace(record: Record) -> None:
    network.remove(record.text("name"))


def _remove_link(record: Record) -> None:
    if Path("/sys/class/net", record.text("name")).exists():
        call("ip", "link", "delete", record.text("name"))


def _unmount(record: Record) -> None:
    path = record.text("path")
    while path in mount_points():
        try:
            call("umount", path)
        except CommandFailed:
            call("umount", "--lazy", path)  # busy: somebody has it open


def _detach(record: Record) -> None:
    for device in loop_devices(Path(record.text("image"))):
        call("losetup", "--detach", device)


def _remove_cgroup(record: Record) -> None:
    cgroups.remove(record.text("name"))


def _remove_folder(record: Record) -> None:
    path = Path(record.text("path"))
    if path.is_dir():
        shutil.rmtree(path)


def mount_points() -> set[str]:
    """Where something is mounted, as seen by this process."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    return {ESCAPED.sub(lambda found: chr(int(found[1], 8)), line.split()[4]) for line in lines}


def loop_devices(image: Path) -> list[str]:
    """The loop devices that show `image`."""
    listing = call("losetup", "--list", "--noheadings", "--output", "NAME", "-j", image)
    return listing.split()


REMOVERS: Mapping[str, Callable[[Record], None]] = {
    "process": _end_process,
    "namespace": _remove_namespace,
    "link": _remove_link,
    "mount": _unmount,
    "loop": _detach,
    "cgroup": _remove_cgroup,
    "folder": _remove_folder,
}
