"""A relay before a real server on loopback that counts what passes and breaks connections.

Invariant: bytes pass unchanged until a connection is broken: the client sees it reset, the
server gets what was on the way and then the end.
"""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_PIECE = 65536


class Relay:
    """Connections to `port` here lead to `target`; `sent` counts the bytes from clients.

    `cuts` are numbers of bytes: each time a connection has brought so many, it is broken.
    """

    def __init__(self, target: int) -> None:
        self._target = ("127.0.0.1", target)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.sent = 0
        self.broken = 0
        self.cuts: list[int] = []
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def forget(self) -> None:
        """Count from nothing again."""
        with self._lock:
            self.sent = 0

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._pass_on, args=(client,), daemon=True).start()

    def _pass_on(self, client: socket.socket) -> None:
        with client, suppress(OSError), socket.create_connection(self._target) as server:
            back = threading.Thread(target=_copy, args=(server, client), daemon=True)
            back.start()
            came = 0
            while piece := client.recv(_PIECE):
                came += len(piece)
                if self._counted(len(piece), came):
                    server.sendall(piece[: len(piece) // 2])
                    _reset(client)
                    break
                server.sendall(piece)
            server.shutdown(socket.SHUT_WR)
            back.join(30)

    def _counted(self, size: int, came: int) -> bool:
        """Whether the connection is to be broken now."""
        with self._lock:
            self.sent += size
            if not self.cuts or came < self.cuts[0]:
                return False
            self.cuts.pop(0)
            self.broken += 1
            return True


def _copy(server: socket.socket, client: socket.socket) -> None:
    with suppress(OSError):
        while piece := server.recv(_PIECE):
            client.sendall(piece)
        client.shutdown(socket.SHUT_WR)


def _reset(connection: socket.socket) -> None:
    """Close with a RST, as a box in between does that forgot the connection."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RD)  # whoever waits for it in a thread ends
    connection.close()


@contextmanager
def relay(target: int) -> Iterator[Relay]:
    """A relay to that port of loopback until the block ends."""
    made = Relay(target)
    try:
        yield made
    finally:
        made.close()
