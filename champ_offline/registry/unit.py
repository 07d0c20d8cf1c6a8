"""systemd units that run a zone's registry: a service that may do little, and its socket.

Invariant: nothing is written but by `write`; links are looked through only to see what a path
needs. Whatever a path holds, the unit says exactly that path (systemd.service(5), "Command lines";
systemd.unit(5), "Specifiers"). The socket outlives the service, so clients wait while it starts
again.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from champ_offline.durable.write import make_directory, write_atomic
from champ_offline.errors import ChampError, ExitCode
from champ_offline.registry.listening import BACKLOG

SERVICE, SOCKET = "champ-registry.service", "champ-registry.socket"
_HOMES = tuple(map(Path, ("/home", "/root", "/run/user")))
_TEMPORARY = (Path("/tmp"), Path("/var/tmp"))  # noqa: S108 - told apart, not used
_SPARE_SECONDS = 30
_SIX = 6

_SOCKET = """\
[Unit]
Description=Port of the CHAMP zone registry

[Socket]
ListenStream={listen}
NoDelay=yes
Backlog={backlog}

[Install]
WantedBy=sockets.target
"""
_SERVICE = """\
[Unit]
Description=CHAMP zone registry
Requires={socket}
After={socket} network.target
RequiresMountsFor={zone}

[Service]
Type=notify
NotifyAccess=main
ExecStart={command}
ExecReload=/bin/kill -HUP $MAINPID
Restart=on-failure
RestartSec=2
TimeoutStartSec=90
TimeoutStopSec={stop}
User={user}
UMask=0027
LimitNOFILE=65536
# Bounds the cache of blobs too, which the kernel counts as the service's memory:
# MemoryMax=4G

ProtectSystem=strict
ReadWritePaths={writable}
ProtectHome={homes}
PrivateTmp={temporary}
PrivateDevices=yes
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
RemoveIPC=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
MemoryDenyWriteExecute=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM

[Install]
WantedBy=multi-user.target
"""


class UnitImpossible(ChampError):
    """Something that cannot be written into a unit."""

    id = "registry.unit-impossible"
    exit_code = ExitCode.USAGE
    message = "“{text}” cannot stand in a systemd unit."
    remedy = "Use absolute paths and names without control characters, and an IP address as host."


@dataclass(frozen=True)
class Order:
    """What to run: `command` is the program and all its arguments, as absolute paths.

    `writable` are folders it writes to besides the zone, `readable` those that the program itself
    is in; `drain` is in seconds.
    """

    command: Sequence[str]
    zone: Path
    writable: Sequence[Path]
    readable: Sequence[Path]
    address: str
    port: int
    user: str
    drain: int


def units(order: Order) -> Mapping[str, str]:
    """The text of each unit by its file's name; raises UnitImpossible."""
    program, *arguments = order.command
    if set(program) & set("\"'\\"):
        raise UnitImpossible(text=program[:300])  # systemd itself refuses such a program
    folders = [order.zone, *order.writable]
    places = [Path(program), *folders, *order.readable]
    try:
        address = ipaddress.ip_address(order.address)
    except ValueError:
        # systemd listens on addresses, not on names.
        raise UnitImpossible(text=order.address[:300]) from None
    listen = f"[{address}]:{order.port}" if address.version == _SIX else f"{address}:{order.port}"
    service = _SERVICE.format(
        socket=SOCKET,
        command=" ".join([_path(Path(program)), *map(_argument, arguments)]),
        zone=_path(order.zone),
        writable=" ".join(map(_path, folders)),
        stop=order.drain + _SPARE_SECONDS,
        user=_plain(order.user),
        homes="read-only" if _any_below(places, _HOMES) else "yes",
        temporary="no" if _any_below(places, _TEMPORARY) else "yes",
    )
    return {SERVICE: service, SOCKET: _SOCKET.format(listen=listen, backlog=BACKLOG)}


def write(made: Mapping[str, str], folder: Path) -> list[Path]:
    """Put the units into a folder, in place of those that are there."""
    make_directory(folder)
    for name, text in made.items():
        write_atomic(folder / name, text.encode())
    return [folder / name for name in made]


def _any_below(places: Sequence[Path], folders: Sequence[Path]) -> bool:
    """Whether the paths, or what they lead to, are there."""
    every = {*places, *(place.resolve() for place in places)}
    return any(place.is_relative_to(folder) for place in every for folder in folders)


def _path(path: Path) -> str:
    if not path.is_absolute():
        raise UnitImpossible(text=str(path)[:300])
    return _quoted(_plain(str(path)))


def _argument(text: str) -> str:
    return _quoted(_plain(text).replace("$", "$$"))


def _plain(text: str) -> str:
    if not text or not text.isprintable():
        raise UnitImpossible(text=text[:300])
    return text.replace("%", "%%")


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"' if set(text) & set(" \\\"';#") or not text else escaped
