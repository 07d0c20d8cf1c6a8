"""Starts a zone's registry: certificate, clients, content, log and server put together.

Invariant: it wires the parts and decides nothing; every other module here is given what it needs.
The socket is had before the certificate is looked at, so a start that fails for want of it changes
nothing; clients that come in between wait in the socket's queue.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from champ_offline.durable.database import Database
from champ_offline.durable.owner import telling_owner
from champ_offline.durable.rotating import RotatingFile
from champ_offline.paths import ZonePaths
from champ_offline.registry.accounts import Accounts
from champ_offline.registry.asgi import registry
from champ_offline.registry.authority import Authority, minding
from champ_offline.registry.challenge import Called
from champ_offline.registry.listening import Handed, handed, opened
from champ_offline.registry.log import Event, Writer, tell, written
from champ_offline.registry.pki import Certificates, certificate_end, check_hosts
from champ_offline.registry.server import LOOK_SECONDS, Listen, Service, serve
from champ_offline.store.home import home


@dataclass(frozen=True)
class Address:
    """Where to listen, and the names that clients use for it: those go into the certificate."""

    address: str
    port: int
    names: Sequence[str]


@dataclass(frozen=True)
class LogFile:
    """A file for the log: at most `size` bytes, and so many older ones beside it."""

    path: Path
    size: int
    count: int


@dataclass(frozen=True)
class Running:
    """How the registry runs; `drain` in seconds, `successor` is the command that starts another.

    Every `look` seconds it looks whether the certificate is to be renewed. The log goes into a
    file, or to whoever is given as `log`, or nowhere.
    """

    drain: float = 600.0
    successor: Sequence[str] = ()
    log: LogFile | Callable[[bytes], None] | None = None
    look: float = LOOK_SECONDS


def serve_zone(
    paths: ZonePaths,
    database: Database,
    clock: Callable[[], datetime],
    where: Address,
    on_ready: Callable[[], None] | None = None,
    running: Running | None = None,
) -> None:
    """Serve a zone's store over TLS until SIGTERM, or until a successor does after SIGHUP.

    A socket that systemd or a predecessor handed over is listened on in place of `where`.
    Raises CannotListen, SocketUnusable, RegistryStopped, and as `Authority.certified`.
    """
    running = running or Running()
    check_hosts(where.names)
    given = handed(os.environ)
    address, port = given.address if given else (where.address, where.port)
    had = given or Handed(opened(address, port))
    authority = Authority(database, paths.pki, clock)
    with had.socket, _log(running) as writer, _certified(authority, paths, where) as certificates:
        accounts = Accounts(database, Called(tuple(where.names), port), clock)
        app = registry(database, home(database, paths.store), paths.uploads, clock, accounts)
        app.monitor.minding = minding(paths.pki)
        if writer is not None:
            app.monitor.dropped = writer.dropped

        def due() -> bool:
            # Somebody else may have renewed it.
            served = certificate_end(paths.pki) == certificates.not_after
            return not served or authority.due(where.names)

        service = Service(running.drain, running.successor, due, running.look)
        serve(app, Listen(address, port, certificates, had), on_ready, service)


@contextmanager
def _certified(authority: Authority, paths: ZonePaths, where: Address) -> Iterator[Certificates]:
    with telling_owner():
        before = certificate_end(paths.pki)
    with authority.certified(where.names) as found:
        if found.not_after != before:
            end = found.not_after.isoformat(timespec="seconds")
            tell(Event.CERTIFICATE, "a new certificate was issued", end)
        yield found


def _log(running: Running) -> AbstractContextManager[Writer | None]:
    found = running.log
    if isinstance(found, LogFile):
        return written(RotatingFile(found.path, found.size, found.count).write)
    return written(found) if found is not None else nullcontext()
