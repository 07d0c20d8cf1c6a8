"""Runs the registry: serves until it is told to stop, hands over to a successor without a gap.

Invariant: one process serves, so nothing is spawned again from a main module (console script or
frozen program alike), except while it hands over; `on_ready` is called only once requests are
answered. Whoever was accepted is answered, unless the time for that has run out (adr/0027).
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from champ_offline import __version__
from champ_offline.errors import ChampError, ExitCode, Phrase
from champ_offline.registry import notify
from champ_offline.registry.asgi import RegistryApp
from champ_offline.registry.granian_server import SocketServer
from champ_offline.registry.listening import CannotListen, Handed, opened
from champ_offline.registry.log import LOG, Event, tell
from champ_offline.registry.pki import Certificates
from champ_offline.registry.signals import heard
from champ_offline.registry.successor import (
    PREPARED,
    READY,
    Predecessor,
    Successor,
    SuccessorFailed,
)
from champ_offline.registry.threads import done
from champ_offline.registry.watch import connections, end

_READY_SECONDS = 10.0
_POLL_SECONDS = 0.02
# How long those have who were just accepted: a stop waits for them, a hand-over costs nobody time.
_SETTLE_SECONDS = 2.0
_SUCCEEDED_SECONDS = 10.0
_CUT_SECONDS = 5.0
_GONE_SECONDS = 2.0
_WRITE_SECONDS = 5.0
_TIDY_TURNS = 12
LOOK_SECONDS = 24 * 3600.0
_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104


@dataclass(frozen=True)
class Listen:
    """Where to listen; `certificates` None means plain HTTP, for loopback only.

    A socket that was `handed` over, or had before, is listened on instead of a new one.
    """

    address: str
    port: int
    certificates: Certificates | None
    handed: Handed | None = None


@dataclass
class Service:
    """How it goes on and how it ends.

    `drain` is how many seconds answers under way may take to end. `command` starts a successor,
    none where there can be none. `due` says, from a thread, whether the certificate is to be
    renewed; it is asked every `look` seconds, and may raise ChampError and OSError. `succeeded` is
    set when a successor serves: what is left has `drain` seconds then, whatever is signalled.
    """

    drain: float = 600.0
    command: Sequence[str] = ()
    due: Callable[[], bool] | None = None
    look: float = LOOK_SECONDS
    hand_over: asyncio.Event = field(default_factory=asyncio.Event)
    at_once: asyncio.Event = field(default_factory=asyncio.Event)
    succeeded: bool = False


class RegistryStopped(ChampError):
    """The server ended without having been told to."""

    id = "registry.stopped"
    exit_code = ExitCode.INTERNAL
    message = "The registry on {address} port {port} stopped by itself."
    remedy = "Start it again; if it happens again, report it together with the log."


def serve(
    app: RegistryApp,
    listen: Listen,
    on_ready: Callable[[], None] | None = None,
    service: Service | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT, then let running answers end; called in the main thread.

    A second signal ends it at once. SIGHUP hands over to a successor, unless a terminal sends it.
    Raises CannotListen, RegistryStopped.
    """
    asyncio.run(_commanded(app, listen, on_ready, service or Service()))


async def _commanded(
    app: RegistryApp, listen: Listen, on_ready: Callable[[], None] | None, service: Service
) -> None:
    stop = asyncio.Event()

    def ended() -> None:
        # systemd sends SIGTERM twice to what is left when the main process has ended.
        if not service.succeeded:
            (service.at_once if stop.is_set() else stop).set()

    acts: dict[signal.Signals, Callable[[], None]] = dict.fromkeys(
        (signal.SIGTERM, signal.SIGINT), ended
    )
    if not (sys.stdin and sys.stdin.isatty()):
        acts[signal.SIGHUP] = service.hand_over.set
    with heard(acts):
        await run(app, listen, stop, on_ready, service)


async def run(
    app: RegistryApp,
    listen: Listen,
    stop: asyncio.Event,
    on_ready: Callable[[], None] | None = None,
    service: Service | None = None,
) -> None:
    """Serve until `stop` is set or a successor serves; raises CannotListen, RegistryStopped."""
    handed = listen.handed
    listening = handed.socket if handed else opened(listen.address, listen.port)
    before = _threads()
    with listening:
        running = _Running(app, listen, listening, stop, service or Service())
        tidying = asyncio.create_task(_tidy(app))
        try:
            await running.serve(on_ready)
        finally:
            tidying.cancel()
            await _tidied(app.tidy)
            await _wait_gone(before)


class _Running:
    """One server on one socket, until its end."""

    def __init__(
        self,
        app: RegistryApp,
        listen: Listen,
        listening: socket.socket,
        stop: asyncio.Event,
        service: Service,
    ) -> None:
        self._app, self._listen, self._service = app, listen, service
        self._listening, self._stop = listening, stop
        self._port = app.monitor.port = int(listening.getsockname()[1])
        app.sending.port = self._port
        certificates = listen.certificates
        app.monitor.metrics.certificate_end = certificates.not_after if certificates else None
        self._server = SocketServer(app, listening, certificates)

    async def serve(self, on_ready: Callable[[], None] | None) -> None:
        serving = asyncio.create_task(self._server.serve())
        looking = asyncio.create_task(self._look())
        watching = asyncio.create_task(self._app.sending.watch())
        succeeded = False
        try:
            await self._come_up(serving, on_ready)
            succeeded = await self._until_told(serving)
        finally:
            looking.cancel()
            watching.cancel()
            await self._finish(serving, succeeded=succeeded)

    async def _come_up(
        self, serving: asyncio.Task[None], on_ready: Callable[[], None] | None
    ) -> None:
        """Until it answers; raises CannotListen."""
        handed = self._listen.handed
        predecessor = Predecessor(handed.answer) if handed and handed.answer >= 0 else None
        if predecessor:
            predecessor.hears(PREPARED)
        deadline = asyncio.get_running_loop().time() + _READY_SECONDS
        while not await self._accepts():
            if serving.done() or asyncio.get_running_loop().time() > deadline:
                address, port = self._listen.address, self._listen.port
                raise CannotListen(address=address, port=port, reason=Phrase("it does not come up"))
        tell(Event.STARTED, __version__, os.getpid(), self._listen.address, self._port)
        if predecessor:
            predecessor.hears(READY)
            return
        notify.ready("Serving.")
        if on_ready is not None:
            on_ready()

    async def _accepts(self) -> bool:
        """Whether this process takes a connection: one that is made now is soon held by it."""
        try:
            _, writer = await asyncio.open_connection(*self._reachable())
        except OSError:
            await asyncio.sleep(_POLL_SECONDS)
            return False
        try:
            own = int(writer.get_extra_info("sockname")[1])
            for _ in range(10):
                if own in connections(self._port):
                    return True
                await asyncio.sleep(_POLL_SECONDS)
            return False
        finally:
            writer.close()

    def _reachable(self) -> tuple[str, int]:
        address = str(self._listening.getsockname()[0])
        return _ANY.get(address, address), self._port

    async def _until_told(self, serving: asyncio.Task[None]) -> bool:
        """Until it is to stop; True where a successor has taken over. Raises RegistryStopped."""
        service = self._service
        while True:
            await _first(serving, self._stop.wait(), service.hand_over.wait())
            if self._stop.is_set():
                return False
            if serving.done():
                raise RegistryStopped(address=self._listen.address, port=self._listen.port)
            if await self._handed_over():
                return True
            service.hand_over.clear()

    async def _handed_over(self) -> bool:
        tell(Event.HANDOVER_BEGUN, os.getpid())
        try:
            successor = await self._succeeded()
        except SuccessorFailed as error:
            tell(Event.HANDOVER_FAILED, os.getpid(), str(error), level=logging.ERROR)
            notify.ready("Serving; the last hand-over failed.")
            return False
        self._service.succeeded = True
        successor.leave()
        notify.succeeded(successor.id)
        tell(Event.HANDOVER_DONE, os.getpid(), successor.id)
        return True

    async def _succeeded(self) -> Successor:
        """A successor that serves; raises SuccessorFailed, and this process serves on then."""
        if not self._service.command or os.getpid() == 1:
            raise SuccessorFailed(reason=Phrase("this one may not start another"))
        notify.reloading()
        successor = await Successor.start(self._service.command, self._listening)
        try:
            await self._taken_over(successor)
        except SuccessorFailed:
            await successor.end()
            self._server.resume()
            await self._accepts()  # so that it looks at who came meanwhile
            raise
        return successor

    async def _taken_over(self, successor: Successor) -> None:
        taking = asyncio.create_task(self._taking_over(successor))
        await _first(taking, self._stop.wait())
        if not taking.done():
            taking.cancel()
            raise SuccessorFailed(reason=Phrase("this one was told to stop"))
        taking.result()

    async def _taking_over(self, successor: Successor) -> None:
        await successor.says(PREPARED)
        self._server.pause()
        await successor.says(READY)

    async def _look(self) -> None:
        """Hand over now and then, when the successor would renew the certificate."""
        due = self._service.due
        while due is not None:
            await asyncio.sleep(self._service.look)
            try:
                if await done(due):
                    self._service.hand_over.set()
            except (ChampError, OSError) as error:
                LOG.error("certificate: %s", error)

    async def _finish(self, serving: asyncio.Task[None], *, succeeded: bool) -> None:
        """Let answers under way end: whoever comes back finds the successor, or nobody."""
        self._app.leave(ending=not succeeded)
        tell(Event.STOPPING, os.getpid(), len(connections(self._port)))
        if not succeeded:
            notify.stopping()
        if not serving.done():
            self._server.pause()
            self._listening.close()
            await self._settle(_SUCCEEDED_SECONDS if succeeded else _SETTLE_SECONDS)
        self._server.stop()  # type: ignore[no-untyped-call]
        at_once = self._service.at_once.wait()
        await _first(serving, at_once, timeout=self._service.drain)
        cut = end(self._port)
        await asyncio.wait({serving}, timeout=_CUT_SECONDS)
        await _end(serving)
        tell(Event.STOPPED, os.getpid(), cut)

    async def _settle(self, seconds: float) -> None:
        """Give those who were just accepted the time to send what they want."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while connections(self._port) and not self._service.at_once.is_set():
            if loop.time() > deadline:
                return
            await asyncio.sleep(_POLL_SECONDS)


async def _first(
    *awaited: asyncio.Task[None] | Coroutine[None, None, object], timeout: float | None = None
) -> None:
    """Until one of them has ended, or the time has; tasks go on, coroutines do not."""
    tasks = [asyncio.ensure_future(one) for one in awaited]
    try:
        await asyncio.wait(tasks, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for one, task in zip(awaited, tasks, strict=True):
            if one is not task:
                task.cancel()


async def _tidy(app: RegistryApp) -> None:
    """Write refusals down soon and end idle uploads now and then, also while nobody asks."""
    for turn in count():
        await _tidied(app.refusals.write if turn % _TIDY_TURNS else app.tidy)
        await asyncio.sleep(_WRITE_SECONDS)


async def _tidied(act: Callable[[], None]) -> None:
    try:
        await done(act)
    except (ChampError, OSError) as error:
        # A full or read-only disk; the next round tries again.
        LOG.error("uploads and audit: %s", error)


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
        await asyncio.sleep(_POLL_SECONDS)
