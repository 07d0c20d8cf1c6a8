"""systemd units that run a zone's registry: a service that may do little, and its socket.

Invariant: the socket outlives the service, so clients wait while it starts again; the words in them
are those of `durable.units`.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from champ_offline.durable.units import UnitImpossible, command_line, confined, path, plain
from champ_offline.registry.listening import BACKLOG

SERVICE, SOCKET = "champ-registry.service", "champ-registry.socket"
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

{confined}
MemoryDenyWriteExecute=yes
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM

[Install]
WantedBy=multi-user.target
"""


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
    folders = [order.zone, *order.writable]
    try:
        address = ipaddress.ip_address(order.address)
    except ValueError:
        # systemd listens on addresses, not on names.
        raise UnitImpossible(text=order.address[:300]) from None
    listen = f"[{address}]:{order.port}" if address.version == _SIX else f"{address}:{order.port}"
    service = _SERVICE.format(
        socket=SOCKET,
        command=command_line(order.command),
        zone=path(order.zone),
        stop=order.drain + _SPARE_SECONDS,
        user=plain(order.user),
        confined=confined(folders, [Path(order.command[0]), *order.readable]),
    )
    return {SERVICE: service, SOCKET: _SOCKET.format(listen=listen, backlog=BACKLOG)}
