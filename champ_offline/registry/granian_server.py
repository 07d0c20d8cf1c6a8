"""granian's embedded server on a socket that is given to it, and can be taken from it again.

Invariant: whoever was accepted is answered. granian drops connections whose TLS handshake is under
way when it is told to stop, and those that have not sent a request yet; so it stops accepting
first, unseen by it, and is told to stop only when those had their time. This is the only module
that imports granian.
"""

from __future__ import annotations

import os
import socket
from typing import Any

from granian.constants import HTTPModes, Interfaces, SSLProtocols
from granian.http import HTTP1Settings
from granian.net import SocketHolder  # type: ignore[attr-defined]
from granian.server.embed import Server

from champ_offline.registry.asgi import RegistryApp
from champ_offline.registry.listening import BACKLOG
from champ_offline.registry.pki import Certificates
from champ_offline.registry.watch import room_for


class SocketServer(Server):
    """Serves on a copy of `listening`; that one stays with whoever gave it."""

    def __init__(
        self, app: RegistryApp, listening: socket.socket, certificates: Certificates | None
    ) -> None:
        self._listening = listening
        self._accepting = os.dup(listening.fileno())
        super().__init__(
            app,
            interface=Interfaces.ASGINL,
            http=HTTPModes.http1,
            http1_settings=HTTP1Settings(
                header_read_timeout=round(app.limits.head * 1000),
                max_buffer_size=app.limits.buffer,
            ),
            websockets=False,
            runtime_threads=1,
            runtime_blocking_threads=4,
            backlog=BACKLOG,
            backpressure=room_for(app.limits.connections),
            log_enabled=False,
            ssl_cert=certificates.certificate if certificates else None,
            ssl_key=certificates.key if certificates else None,
            ssl_protocol_min=SSLProtocols.tls12,
        )

    def _init_shared_socket(self) -> None:
        """In place of granian's own, which would share the port and not the queue."""
        unix = False
        # Its stubs lack the constructor.
        holder: Any = SocketHolder
        self._shd = holder(self._accepting, unix, BACKLOG)

    def pause(self) -> None:
        """Accept nobody any more; whoever was accepted is served on.

        Its descriptor becomes one of a socket to which nobody ever connects. dup2(2) does so at
        once and for all threads; the old registration in its epoll(7) wakes it for nothing then.
        """
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as nowhere:
            nowhere.bind("")  # unix(7), "Autobind feature"
            nowhere.listen()
            nowhere.setblocking(False)  # noqa: FBT003 - its own form
            os.dup2(nowhere.fileno(), self._accepting, inheritable=False)

    def resume(self) -> None:
        """Accept again, from the next connection on."""
        os.dup2(self._listening.fileno(), self._accepting, inheritable=False)
