"""Runs the registry: granian inside this process, TLS 1.2 or newer, until it is told to stop.

Invariant: one process, so nothing is spawned again from a main module (console script or frozen
program alike) and one SIGTERM ends it after the running answers; `on_ready` is called only once the
port answers. This is the only module that imports granian.
"""

from __future__ import annotations

import asyncio
import signal
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from granian.constants import HTTPModes, Interfaces, SSLProtocols
from granian.http import HTTP1Settings
from granian.server.embed import Server

from champ_offline.errors import ChampError, ExitCode
from champ_offline.registry.asgi import ACCESS, RegistryApp
from champ_offline.registry.pki import Certificates
from champ_offline.registry.threads import done

_READY_SECONDS = 10.0
_READY_POLL_SECONDS = 0.02
_DRAIN_SECONDS = 10.0
_GONE_SECONDS = 2.0
_BACKLOG = 1024
# Of one connection, in bytes: what waits to be sent, and the most its headers may have.
_BUFFER = 400 * 1024
_TIDY_SECONDS = 60.0


class CannotListen(ChampError):
    """The address or port cannot be had."""

    id = "registry.cannot-listen"
    exit_code = ExitCode.PREFLIGHT
    message = "The registry cannot listen on {address} port {port}: {reason}."
    remedy = "Choose an address of this machine and a free port, or end what uses the port."


@dataclass(frozen=True)
class Listen:
    """Where to listen; `certificates` None means plain HTTP, for loopback only."""

    address: str
    port: int
    certificates: Certificates | None


class RegistryStopped(ChampError):
    """The server ended without having been told to."""

    id = "registry.stopped"
    exit_code = ExitCode.INTERNAL
    message = "The registry on {address} port {port} stopped by itself."
    remedy = "Start it again; if it happens again, report it together with the log."


def serve(app: RegistryApp, listen: Listen, on_ready: Callable[[], None] | None = None) -> None:
    """Serve until SIGTERM or SIGINT, then let running answers end; called in the main thread.

    Raises CannotListen, RegistryStopped.
    """

    async def main() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        await run(app, listen, stop, on_ready)

    asyncio.run(main())


async def run(
    app: RegistryApp,
    listen: Listen,
    stop: asyncio.Event,
    on_ready: Callable[[], None] | None = None,
) -> None:
    """Serve until `stop` is set; raises CannotListen, RegistryStopped."""
    _probe(listen)
    before = _threads()
    server = _server(app, listen)
    serving = asyncio.create_task(server.serve())
    stopping = asyncio.create_task(stop.wait())
    tidying = asyncio.create_task(_tidy(app))
    try:
        await _wait_ready(listen, serving)
        if on_ready is not None:
            on_ready()
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not stop.is_set():
            raise RegistryStopped(address=listen.address, port=listen.port)
    finally:
        stopping.cancel()
        tidying.cancel()
        server.stop()  # type: ignore[no-untyped-call]
        await asyncio.wait({serving}, timeout=_DRAIN_SECONDS)
        await _end(serving)
        await _tidied(app)
        await _wait_gone(before)


async def _tidy(app: RegistryApp) -> None:
    """End idle uploads and write refusals down now and then, also while nobody asks anything."""
    while True:
        await _tidied(app)
        await asyncio.sleep(_TIDY_SECONDS)


async def _tidied(app: RegistryApp) -> None:
    try:
        await done(app.tidy)
    except (ChampError, OSError) as error:
        # A full or read-only disk; the next round tries again.
        ACCESS.error("uploads and audit: %s", error)


async def _end(serving: asyncio.Task[None]) -> None:
    """Cut off what is left; how the server ended no longer matters to anyone."""
    serving.cancel()
    await asyncio.wait({serving})
    if not serving.cancelled():
        serving.exception()


def _threads() -> set[int]:
    """Ids of the process's threads that Python did not start (proc(5), /proc/pid/task)."""
    own = {thread.native_id for thread in threading.enumerate()}
    return {int(task.name) for task in Path("/proc/self/task").iterdir()} - own


async def _wait_gone(before: set[int]) -> None:
    """Until the server's threads have ended: one alive at the interpreter's end would abort it."""
    deadline = asyncio.get_running_loop().time() + _GONE_SECONDS
    while _threads() - before and asyncio.get_running_loop().time() < deadline:
        await asyncio.sleep(_READY_POLL_SECONDS)


def _server(app: RegistryApp, listen: Listen) -> Server:
    certificates = listen.certificates
    return Server(
        app,
        address=listen.address,
        port=listen.port,
        interface=Interfaces.ASGINL,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(max_buffer_size=_BUFFER),
        websockets=False,
        runtime_threads=1,
        runtime_blocking_threads=4,
        backlog=_BACKLOG,
        log_enabled=False,
        ssl_cert=certificates.certificate if certificates else None,
        ssl_key=certificates.key if certificates else None,
        ssl_protocol_min=SSLProtocols.tls12,
    )


def _probe(listen: Listen) -> None:
    """The server shares ports (SO_REUSEPORT); a second registry on one port is refused here."""
    try:
        found = socket.getaddrinfo(listen.address, listen.port, type=socket.SOCK_STREAM)
        family, kind, protocol, _, address = found[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        reason = error.strerror or "it is not an address"
        raise CannotListen(address=listen.address, port=listen.port, reason=reason) from error


async def _wait_ready(listen: Listen, serving: asyncio.Task[None]) -> None:
    address = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(listen.address, listen.address)  # noqa: S104
    deadline = asyncio.get_running_loop().time() + _READY_SECONDS
    while asyncio.get_running_loop().time() < deadline and not serving.done():
        try:
            _, writer = await asyncio.open_connection(address, listen.port)
        except OSError:
            await asyncio.sleep(_READY_POLL_SECONDS)
            continue
        writer.close()
        return
    raise CannotListen(address=listen.address, port=listen.port, reason="it does not come up")
