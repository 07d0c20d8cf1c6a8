"""Which process began an operation, so that a later one can tell whether it still lives.

Invariant: a process is its number, its start time and the boot it runs in; a number alone is
given out again by the kernel.
"""

from __future__ import annotations

import os
import pwd
from dataclasses import dataclass
from pathlib import Path

_START_TIME = 19  # field 22 of proc_pid_stat(5), counted after the command's closing bracket


@dataclass(frozen=True)
class Process:
    """One process for ever; `started` in clock ticks since boot, `boot` the kernel's boot id."""

    pid: int
    started: int
    boot: str

    @classmethod
    def of(cls, pid: int) -> Process | None:
        """The process that has this number now; None when there is none."""
        try:
            stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
            boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        except (FileNotFoundError, ProcessLookupError):
            return None
        fields = stat.rpartition(")")[2].split()
        if fields[0] in {"Z", "X"}:
            return None
        return cls(pid, int(fields[_START_TIME]), boot)

    @classmethod
    def own(cls) -> Process:
        """The calling process."""
        found = cls.of(os.getpid())
        if found is None:
            raise ProcessLookupError(os.getpid())
        return found

    @property
    def alive(self) -> bool:
        """Whether this very process still runs."""
        return Process.of(self.pid) == self


def current_user() -> str:
    """The name under which this process acts, for history and audit."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())
