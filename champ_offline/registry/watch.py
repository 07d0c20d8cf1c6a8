"""Watches the connections of this process: who takes what was asked for, who has too many.

The server sends files by itself and does not say how far it is; the kernel knows (tcp(7),
TCP_INFO). Invariant: only connections to the registry's own port are ever looked at or ended; which
end is a pure rule over what was seen. Linux only, like the rest of a zone.
"""

from __future__ import annotations

import fcntl
import os
import resource
import socket
import struct
import termios
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from champ_offline.registry.limits import Limits

_OPEN = Path("/proc/self/fd")
# struct tcp_info of linux/tcp.h: milliseconds since data came, bytes the other side has confirmed.
_INFO_BYTES = 128
_SILENT_AT, _TAKEN_AT = 52, 120
# For the database, the store, and files on their way besides those that are counted.
_OTHER_DESCRIPTORS = 256


Peer: TypeAlias = tuple[str, int]
"""Address and port of a client: of one connection alone for as long as that lasts."""


@dataclass(frozen=True)
class Seen:
    """One connection at one look; `key` is its own for as long as it lasts.

    `waiting` are bytes handed to the kernel that the client has not confirmed, `taken` those that
    it has since the connection was made, `silent` the seconds since it sent anything.
    """

    key: int
    peer: Peer
    waiting: int
    taken: int
    silent: float


@dataclass(frozen=True)
class _Mark:
    """How much a client had taken, and when that was looked at."""

    taken: int
    at: float


class Pace:
    """The rule: which connections are to end; it remembers what it saw last."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._marks: dict[int, _Mark] = {}

    def ended(self, seen: Collection[Seen], now: float) -> frozenset[int]:
        """The keys of connections that end; `now` is in seconds of any clock that only goes on."""
        return frozenset(self._slow(seen, now)) | frozenset(self._too_many(seen))

    def _slow(self, seen: Iterable[Seen], now: float) -> Iterator[int]:
        """Those that wanted something and took it too slowly for `patience`."""
        marks: dict[int, _Mark] = {}
        for one in filter(lambda one: one.waiting, seen):
            mark = self._marks.get(one.key) or _Mark(one.taken, now)
            seconds = now - mark.at
            if seconds >= self._limits.patience:
                if one.taken - mark.taken < seconds * self._limits.slowest:
                    yield one.key
                    continue
                mark = _Mark(one.taken, now)
            marks[one.key] = mark
        self._marks = marks

    def _too_many(self, seen: Iterable[Seen]) -> Iterator[int]:
        """Of an address with too many, those that said nothing for longest."""
        groups: defaultdict[str, list[Seen]] = defaultdict(list)
        for one in seen:
            groups[one.peer[0]].append(one)
        most = self._limits.connections_per_address
        for group in groups.values():
            if len(group) > most:
                group.sort(key=lambda one: one.silent)
                yield from (one.key for one in group[most:])


def look(port: int) -> list[Seen]:
    """The connections to `port` that this process holds now."""
    found = []
    for client in _clients(port):
        with client:
            if (one := _seen(client)) is not None:
                found.append(one)
    return found


@dataclass(frozen=True)
class Held:
    """How many connections of clients, and files of the store, this process has open."""

    connections: int
    files: int


def held(port: int, store: Path) -> Held:
    """What is open now (proc(5), /proc/pid/fd)."""
    inside, files = f"{store.resolve()}/", 0
    for descriptor in _OPEN.iterdir():
        with suppress(OSError):
            files += str(descriptor.readlink()).startswith(inside)
    return Held(len(connections(port)), files)


def connections(port: int) -> list[int]:
    """The ports of the clients whose connections to `port` this process holds."""
    found = []
    for client in _clients(port):
        with client, suppress(OSError):
            found.append(_peer(client)[1])
    return found


def end(port: int, keys: Collection[int] | None = None) -> int:
    """End those of the connections to `port`, or all, whatever is under way; returns how many."""
    count = 0
    for client in _clients(port) if keys is None or keys else ():
        with client:
            if keys is None or _key(client) in keys:
                with suppress(OSError):
                    client.shutdown(socket.SHUT_RDWR)
                    count += 1
    return count


def shut(port: int, peer: Peer) -> None:
    """Let the server find no more to read on the connection from `peer`, which it answered."""
    for client in _clients(port):
        with client, suppress(OSError):
            if _peer(client) == peer:
                client.shutdown(socket.SHUT_RD)


def room_for(connections: int) -> int:
    """How many connections this process may have: `connections`, or what its descriptors allow.

    Asks for as many descriptors as the system gives; each connection wants one, and one for a file.
    Without room accepting would fail again and again, at the cost of a whole processor.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * connections + _OTHER_DESCRIPTORS
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        except OSError:
            most = soft
    return max(1, min(connections, (most - _OTHER_DESCRIPTORS) // 2))


def _clients(port: int) -> Iterator[socket.socket]:
    """A copy of each connection to `port`; whoever takes it closes it."""
    for descriptor in _OPEN.iterdir():
        if (found := _client(descriptor, port)) is not None:
            yield found


def _client(descriptor: Path, port: int) -> socket.socket | None:
    try:
        if not str(descriptor.readlink()).startswith("socket:"):
            return None
        copy = socket.socket(fileno=os.dup(int(descriptor.name)))
    except OSError:
        return None  # it has ended meanwhile
    try:
        if _is_client(copy, port):
            return copy
    except OSError:
        pass
    copy.close()
    return None


def _is_client(one: socket.socket, port: int) -> bool:
    if one.family not in {socket.AF_INET, socket.AF_INET6} or one.type != socket.SOCK_STREAM:
        return False
    if one.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        return False
    return bool(one.getsockname()[1] == port)


def _seen(client: socket.socket) -> Seen | None:
    """None of one that has ended meanwhile."""
    with suppress(OSError):
        info = client.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO_BYTES)
        (silent,) = struct.unpack_from("=I", info, _SILENT_AT)
        (taken,) = struct.unpack_from("=Q", info, _TAKEN_AT)
        queued = fcntl.ioctl(client, termios.TIOCOUTQ, bytes(4))
        (waiting,) = struct.unpack("=i", queued)
        return Seen(_key(client), _peer(client), waiting, taken, silent / 1000)
    return None


def _key(client: socket.socket) -> int:
    return os.fstat(client.fileno()).st_ino


def _peer(client: socket.socket) -> Peer:
    address, port = client.getpeername()[:2]
    return str(address), int(port)
