"""What looks into a ferry folder by itself: a path, a service and a timer of systemd's.

Invariant: the folder and all in it are read-only to the service, which runs as the zone's owner and
may do little. The path starts a look when the folder changes; what happens deeper down, and a
change that nobody noticed, is found by the timer. The words are those of `durable.units`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from champ_offline.durable.units import command_line, confined, path, plain, whole_line

SERVICE, PATH, TIMER = "champ-ferry.service", "champ-ferry.path", "champ-ferry.timer"

_PATH = """\
[Unit]
Description=Something new in the ferry folder of CHAMP
RequiresMountsFor={folder}

[Path]
PathChanged={watched}
Unit={service}

[Install]
WantedBy=multi-user.target
"""
_TIMER = """\
[Unit]
Description=A look into the ferry folder of CHAMP, whatever was noticed

[Timer]
OnActiveSec=1min
OnUnitInactiveSec={minutes}min
Unit={service}

[Install]
WantedBy=timers.target
"""
_SERVICE = """\
[Unit]
Description=CHAMP looks into its ferry folder
After=local-fs.target network-online.target
RequiresMountsFor={zone} {folder}

[Service]
Type=exec
ExecStart={command}
# Another run is at work (8): again when it has ended. What is not all there is awaited (9).
RestartForceExitStatus=8
RestartSec=30
SuccessExitStatus=9 143
# An end that was asked for comes after the change that is under way.
TimeoutStopSec=20min
KillMode=mixed
User={user}
UMask=0027

{confined}
ReadOnlyPaths={folder}
SystemCallFilter=~@privileged
SystemCallErrorNumber=EPERM
"""


@dataclass(frozen=True)
class FerryOrder:
    """What to run: `command` is `champ run --watch FOLDER --once` with all its arguments.

    `writable` are folders it writes to besides the zone, `readable` what else it reads; `minutes`
    is how long nothing may have been looked at.
    """

    command: Sequence[str]
    zone: Path
    folder: Path
    writable: Sequence[Path]
    readable: Sequence[Path]
    user: str
    minutes: int = 2


def ferry_units(order: FerryOrder) -> Mapping[str, str]:
    """The text of the units by the name of their file; raises UnitImpossible."""
    readable = [order.folder, Path(order.command[0]), *order.readable]
    folder = path(order.folder)
    service = _SERVICE.format(
        zone=path(order.zone),
        folder=folder,
        command=command_line(order.command),
        user=plain(order.user),
        confined=confined([order.zone, *order.writable], readable),
    )
    return {
        SERVICE: service,
        PATH: _PATH.format(folder=folder, watched=whole_line(order.folder), service=SERVICE),
        TIMER: _TIMER.format(minutes=order.minutes, service=SERVICE),
    }
