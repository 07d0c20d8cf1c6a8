"""Running Debian's own tools: argument lists only, a fixed environment, output kept.

Invariant: no shell, no inherited locale or apt setting decides about what a tool prints.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from champ_offline.bundle.debian.errors import DebianToolMissing

_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"


def run(command: list[str], config: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a tool to its end, with `config` as apt's settings; raises DebianToolMissing."""
    try:
        return subprocess.run(
            command,
            check=False,
            capture_output=True,
            text=True,
            errors="replace",
            stdin=subprocess.DEVNULL,
            env=environment(config),
        )
    except FileNotFoundError as error:
        raise DebianToolMissing(tool=command[0]) from error


def start(command: list[str]) -> subprocess.Popen[bytes]:
    """Start a tool whose output is read as a stream of bytes; raises DebianToolMissing."""
    try:
        return subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL,
            env=environment(None),
        )
    except FileNotFoundError as error:
        raise DebianToolMissing(tool=command[0]) from error


def environment(config: Path | None) -> dict[str, str]:
    """What the tools see: our language and path, and the proxy the person set."""
    kept = {key: value for key, value in os.environ.items() if key.lower().endswith("_proxy")}
    apt = {"APT_CONFIG": str(config)} if config else {}
    return {**kept, **apt, "LC_ALL": "C", "PATH": _PATH}
