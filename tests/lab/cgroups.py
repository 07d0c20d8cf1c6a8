"""The control group of one node: made in every hierarchy, ended with everything in it.

Invariant: the name is the lab's own, so whatever runs below it was started by this node's kubelet.
Both cgroup v1 (a folder in each controller) and v2 (one tree) are handled.
"""

from __future__ import annotations

import os
from pathlib import Path

from tests.lab.errors import LeftBehind
from tests.lab.processes import end_all, wait_until

ROOT = Path("/sys/fs/cgroup")
WANTED = ("cpu", "cpuset", "hugetlb", "io", "memory", "pids")


def make(name: str) -> None:
    """Make the group `name` in every hierarchy of this machine."""
    if (ROOT / "cgroup.controllers").exists():
        _delegate(ROOT)
        (ROOT / name).mkdir(exist_ok=True)
        _delegate(ROOT / name)
        return
    for controller in _controllers():
        (controller / name).mkdir(exist_ok=True)
        for setting in ("cpuset.cpus", "cpuset.mems"):
            # A new v1 cpuset is empty, and an empty one accepts no process.
            if (controller / name / setting).exists():
                (controller / name / setting).write_text((controller / setting).read_text())


def members(name: str) -> list[int]:
    """The ids of all processes in the group and below."""
    found: set[int] = set()
    for top in _tops(name):
        for listing in top.rglob("cgroup.procs"):
            try:
                found.update(int(pid) for pid in listing.read_text().split())
            except (FileNotFoundError, OSError):
                continue  # removed meanwhile, or a v2 group that lists threads only
    return sorted(found)


def remove(name: str) -> None:
    """End every process in the group and remove it; raises LeftBehind."""
    end_all(lambda: members(name), what=f"A process of the control group {name}")
    if not wait_until(lambda: _remove_folders(name), 10):
        raise LeftBehind(f"The control group {name} cannot be removed.")


def _delegate(group: Path) -> None:
    offered = (group / "cgroup.controllers").read_text().split()
    for controller in WANTED:
        if controller in offered:
            (group / "cgroup.subtree_control").write_text(f"+{controller}")


def _controllers() -> list[Path]:
    return [entry for entry in ROOT.iterdir() if entry.is_dir() and entry.name != "unified"]


def _tops(name: str) -> list[Path]:
    places = [ROOT, *(entry for entry in ROOT.iterdir() if entry.is_dir())]
    return [place / name for place in places if (place / name).is_dir()]


def _remove_folders(name: str) -> bool:
    for top in _tops(name):
        folders = [entry for entry in top.rglob("*") if entry.is_dir()]
        for folder in [*sorted(folders, key=lambda path: -len(path.parts)), top]:
            try:
                folder.rmdir()
            except FileNotFoundError:
                continue
            except OSError:
                return False  # still being emptied by the kernel
    return not _tops(name)


def usable() -> bool:
    """Whether this machine has control groups that can be made here."""
    probe = f"champ-probe-{os.getpid()}"
    try:
        make(probe)
    except OSError:
        return False
    made = bool(_tops(probe))
    remove(probe)
    return made
