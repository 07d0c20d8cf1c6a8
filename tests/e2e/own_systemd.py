"""A systemd of our own: the first process of a process namespace, with units of ours and no others.

Invariant: it sees its own control groups, mounts and processes alone; whatever it started ends with
it, and its control groups are removed.
"""

from __future__ import annotations

import os
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.served_zone import until

_GROUPS = Path("/sys/fs/cgroup")
_TARGETS = (
    "sysinit", "basic", "shutdown", "sockets", "network", "umount", "multi-user", "final", "exit",
)  # fmt: skip
_ENTER = """
for group in $GROUPS; do mkdir -p "$group"; echo $$ > "$group/cgroup.procs"; done
exec unshare --cgroup --mount --pid --fork --uts --mount-proc --propagation private --kill-child \
    sh -c "$INSIDE"
"""
_INSIDE = """
umount -R /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup && mount -t tmpfs none /run
exec env -i container=lab PATH="$PATH" SYSTEMD_UNIT_PATH="$UNITS" SYSTEMD_LOG_TARGET=console \
    SYSTEMD_PROC_CMDLINE="systemd.unified_cgroup_hierarchy=1" /lib/systemd/systemd --system
"""


@dataclass
class Systemd:
    """How to speak to it: `process` is its id as this process sees it."""

    process: int

    def ctl(self, *words: str) -> str:
        """What systemctl prints; it must succeed."""
        enter = ["nsenter", "-t", str(self.process), "-m", "-p", "-C", "-u", "systemctl"]
        done = subprocess.run([*enter, *words], capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
        return done.stdout

    def shows(self, unit: str, name: str) -> str:
        """A property of a unit."""
        return self.ctl("show", unit, "--value", "--property", name).strip()


@contextmanager
def booted(units: Path, wanted: str, log: Path) -> Iterator[Systemd]:
    """Run it with the units in a folder; it starts `wanted`, and writes to `log`."""
    for name in _TARGETS:
        (units / f"{name}.target").write_text(f"[Unit]\nDescription={name}\n")
    default = f"[Unit]\nDescription=All\nWants={wanted}\nAfter={wanted}\n"
    (units / "default.target").write_text(default)
    groups = _own_groups()
    environment = {
        "PATH": os.environ["PATH"], "INSIDE": _INSIDE, "UNITS": str(units),
        "GROUPS": " ".join(map(str, groups)),
    }  # fmt: skip
    with (
        log.open("wb") as told,
        subprocess.Popen(
            ["sh", "-ec", _ENTER], env=environment, stdin=subprocess.DEVNULL, stdout=told,
            stderr=told,
        ) as outside,
    ):  # fmt: skip
        try:
            yield Systemd(until(lambda: _first(outside.pid), "nothing starts", log))
        finally:
            outside.kill()
            outside.wait(20)
            until(lambda: all(map(_removed, groups)), "control groups stay")


def _own_groups() -> list[Path]:
    name = f"champ-systemd-{secrets.token_hex(4)}"
    if (_GROUPS / "cgroup.procs").exists():
        return [_GROUPS / name]
    return [_GROUPS / top / name for top in ("unified", "systemd") if (_GROUPS / top).is_dir()]


def _first(outside: int) -> int:
    """The first process inside, once it is systemd."""
    with suppress(OSError):
        for child in Path(f"/proc/{outside}/task/{outside}/children").read_text().split():
            if Path(f"/proc/{child}/comm").read_text() == "systemd\n":
                return int(child)
    return 0


def _removed(group: Path) -> bool:
    with suppress(OSError):
        for folder in sorted((one for one in group.rglob("*") if one.is_dir()), reverse=True):
            folder.rmdir()
        group.rmdir()
    return not group.exists()
