"""A stream to a terminal that may go away: what is at work then goes on unseen.

Invariant: once the terminal is gone nothing is written any more and nothing fails by it; every
other trouble of the stream is raised.
"""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import TextIO

# What the kernel says of a terminal that hung up (tty_ioctl(4), "vhangup").
GONE = errno.EIO


class UnlessGone:
    """Writes to `stream` as long as it is there."""

    def __init__(self, stream: TextIO) -> None:
        self._stream, self._gone = stream, False

    def write(self, text: str) -> int:
        """As TextIO.write."""
        self._try(lambda: self._stream.write(text))
        return len(text)

    def flush(self) -> None:
        """As TextIO.flush."""
        self._try(self._stream.flush)

    def isatty(self) -> bool:
        """As TextIO.isatty."""
        return self._stream.isatty()

    def fileno(self) -> int:
        """As TextIO.fileno."""
        return self._stream.fileno()

    def _try(self, act: Callable[[], object]) -> None:
        if self._gone:
            return
        try:
            act()
        except OSError as error:
            if error.errno != GONE:
                raise
            self._gone = True
