"""The socket that clients connect to: opened here, or handed over by who started this process.

Invariant: a socket that outlives a process loses no connection: all who serve it accept from one
queue, and whoever stops accepting leaves the queue to the others (adr/0027). It never shares a port
by SO_REUSEPORT, where each socket has a queue of its own that dies with it.

Handed over either by systemd (sd_listen_fds(3): LISTEN_FDS, LISTEN_PID) or by a running registry to
its successor: CHAMP_REGISTRY_HANDOVER is `<descriptor of the socket>:<descriptor to answer on>`.
"""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass

from champ_offline.errors import ChampError, ExitCode, Phrase, system_said

BACKLOG = 1024
HANDOVER = "CHAMP_REGISTRY_HANDOVER"
_KIN = re.compile(r"([0-9]{1,6}):([0-9]{1,6})")
_FIRST = 3  # SD_LISTEN_FDS_START


class CannotListen(ChampError):
    """The address or port cannot be had."""

    id = "registry.cannot-listen"
    exit_code = ExitCode.PREFLIGHT
    message = "The registry cannot listen on {address} port {port}: {reason}."
    remedy = "Choose an address of this machine and a free port, or end what uses the port."


class SocketUnusable(ChampError):
    """What was handed over is not one listening TCP socket."""

    id = "registry.socket-unusable"
    exit_code = ExitCode.PREFLIGHT
    message = "The registry was handed {found} instead of one listening TCP socket."
    remedy = "Give the socket unit exactly one ListenStream= with an address or a port."


@dataclass(frozen=True)
class Handed:
    """A socket from outside; `answer` is where a predecessor hears of us, -1 without one."""

    socket: socket.socket
    answer: int = -1

    @property
    def address(self) -> tuple[str, int]:
        """Address and port that it listens on."""
        host, port = self.socket.getsockname()[:2]
        return str(host), int(port)


def opened(address: str, port: int) -> socket.socket:
    """A new socket that listens; raises CannotListen."""
    try:
        found = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)
        family, kind, protocol, _, place = found[0]
        made = socket.socket(family, kind, protocol)
        try:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.bind(place)
            return _listening(made)
        except OSError:
            made.close()
            raise
    except OSError as error:
        reason = system_said(error)
        raise CannotListen(address=address, port=port, reason=reason) from error


def successor_of(environment: Mapping[str, str]) -> int:
    """Where the predecessor of this process hears of it; -1 without one. Asked before `handed`."""
    match = _KIN.fullmatch(environment.get(HANDOVER, ""))
    return int(match[2]) if match else -1


def handed(environment: MutableMapping[str, str]) -> Handed | None:
    """The socket this process was started with, if any; its variables are for nobody after it.

    Raises SocketUnusable.
    """
    kin = environment.pop(HANDOVER, "")
    count, process = environment.pop("LISTEN_FDS", ""), environment.pop("LISTEN_PID", "")
    environment.pop("LISTEN_FDNAMES", None)
    if kin:
        match = _KIN.fullmatch(kin)
        if match is None:
            raise SocketUnusable(found=f"“{kin[:40]}”")
        return Handed(_taken(int(match[1])), _kept(int(match[2])))
    if process != str(os.getpid()) or not count.isdecimal() or int(count) < 1:
        return None
    if count != "1":
        raise SocketUnusable(found=Phrase("{count} sockets", count=count))
    return Handed(_taken(_FIRST))


def _taken(descriptor: int) -> socket.socket:
    try:
        found = socket.socket(fileno=descriptor)
    except OSError as error:
        raise SocketUnusable(found=system_said(error)) from error
    inet = found.family in {socket.AF_INET, socket.AF_INET6}
    stream = inet and found.type == socket.SOCK_STREAM
    if not stream or not found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        found.close()
        raise SocketUnusable(found=Phrase("a socket of another kind"))
    found.set_inheritable(False)
    return _listening(found)


def _kept(descriptor: int) -> int:
    try:
        os.set_inheritable(descriptor, False)  # noqa: FBT003 - its own form
    except OSError as error:
        raise SocketUnusable(found=system_said(error)) from error
    return descriptor


def _listening(one: socket.socket) -> socket.socket:
    """Connections inherit what is set here (tcp(7), TCP_NODELAY)."""
    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    one.setblocking(False)  # noqa: FBT003 - its own form
    one.listen(BACKLOG)
    return one
