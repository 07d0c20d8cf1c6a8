"""The containerd that runs on this machine: is it the one whose configuration was read?

Invariant: only this machine's own processes count, not those of containers, which have a mount
namespace of their own; what the kernel does not let us see says nothing (proc(5)).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from champ_offline.errors import ChampError, ExitCode
from champ_offline.node.containerd import CONFIG, Settings

_PROC = Path("/proc")
_NAME = "containerd"
_OPTIONS = ("--config", "-c")
_LIMIT = 64 * 1024
# Times of processes are whole ticks since a boot that is known to the second.
_GRAIN_SECONDS = 2.0
_START_TIME = 19  # of the fields behind the name, the 22nd of all


class ConfigurationNewer(ChampError):
    """containerd has not read its configuration since it was changed."""

    id = "node.configuration-newer"
    exit_code = ExitCode.PREFLIGHT
    message = "{path} was changed after containerd was started, so it does not count yet."
    remedy = "Run `systemctl restart containerd`; containers go on running."


class RunsOtherwise(ChampError):
    """containerd runs with another configuration."""

    id = "node.runs-otherwise"
    exit_code = ExitCode.PREFLIGHT
    message = "containerd runs with {found}, not with {path}."
    remedy = "Run the command again with --containerd-config {found}."


@dataclass(frozen=True)
class Daemon:
    """A containerd that runs: its configuration, and when it was started (seconds since 1970)."""

    config: PurePosixPath
    started: float


def running_problems(config: PurePosixPath, settings: Settings) -> list[ChampError]:
    """What stands between the files and the containerd that runs; none where none runs."""
    daemons = list(_daemons())
    same = [daemon for daemon in daemons if daemon.config == config]
    if daemons and not same:
        return [RunsOtherwise(found=daemons[0].config, path=config)]
    newer = [
        path
        for path in settings.files
        if any(_changed(path) > daemon.started + _GRAIN_SECONDS for daemon in same)
    ]
    return [ConfigurationNewer(path=path) for path in newer[:1]]


def _changed(path: PurePosixPath) -> float:
    try:
        return Path(path).stat().st_mtime
    except OSError:
        return 0.0


def _daemons() -> Iterator[Daemon]:
    own, booted = _namespace(_PROC / "self"), _booted()
    for process in _PROC.glob("[0-9]*"):
        if _text(process / "comm").strip() == _NAME and _namespace(process) == own:
            fields = _text(process / "stat").rpartition(") ")[2].split()
            words = _text(process / "cmdline").split("\0")
            if len(fields) > _START_TIME and fields[_START_TIME].isdecimal():
                ticks = int(fields[_START_TIME]) / os.sysconf("SC_CLK_TCK")
                yield Daemon(_config(words), booted + ticks)


def _config(words: list[str]) -> PurePosixPath:
    """Which configuration a command line names."""
    for word, following in zip(words, [*words[1:], ""], strict=True):
        name, equals, value = word.partition("=")
        if name in _OPTIONS:
            return PurePosixPath(value if equals else following)
    return CONFIG


def _booted() -> float:
    for line in _text(_PROC / "stat").splitlines():
        name, _, value = line.partition(" ")
        if name == "btime" and value.strip().isdecimal():
            return float(value)
    return 0.0


def _namespace(process: Path) -> str:
    try:
        return str((process / "ns" / "mnt").readlink())
    except OSError:
        return str(process)


def _text(path: Path) -> str:
    """What the kernel says, "" where it does not or the process is gone."""
    try:
        with path.open("rb") as file:
            return file.read(_LIMIT).decode("utf-8", "replace")
    except OSError:
        return ""
