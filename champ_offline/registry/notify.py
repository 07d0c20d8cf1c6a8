"""Tells systemd how this process is: ready, reloading, stopping (sd_notify(3)).

Invariant: without NOTIFY_SOCKET nothing is sent, and a message that cannot be sent stops nothing:
who serves does not depend on who watches.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping
from contextlib import suppress

_SECONDS = 1.0


def tell(environment: Mapping[str, str], **fields: str | int) -> None:
    """Send variable assignments in one message; names are written in capitals."""
    place = environment.get("NOTIFY_SOCKET", "")
    if not place.startswith(("/", "@")):
        return
    text = "\n".join(f"{name.upper()}={value}" for name, value in fields.items())
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as one:
        one.settimeout(_SECONDS)
        one.connect(f"\0{place[1:]}" if place.startswith("@") else place)
        one.sendall(text.encode())


def ready(status: str) -> None:
    """This process serves; also when a reload has ended."""
    tell(os.environ, ready=1, status=status)


def reloading() -> None:
    """A successor is being started."""
    tell(os.environ, reloading=1, monotonic_usec=time.monotonic_ns() // 1000)


def succeeded(process: int) -> None:
    """That process serves from now on and is the one to watch."""
    tell(os.environ, mainpid=process, ready=1, status="Serving; its predecessor finishes.")


def stopping() -> None:
    """No more requests are taken."""
    tell(os.environ, stopping=1, status="Finishing the answers under way.")
