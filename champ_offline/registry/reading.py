"""Reads the files that are sent: what the kernel has in memory at once, the rest in a thread.

Invariant: the event loop never waits for a disk (preadv2(2), RWF_NOWAIT). Handing over to a thread
and back for every piece costs more than reading it, so it is done only for those that must wait.
"""

from __future__ import annotations

import asyncio
import errno
import io
import os
from typing import BinaryIO

from champ_offline.registry.answers import FilePart

_NOT_AT_ONCE = frozenset({errno.EAGAIN, errno.EOPNOTSUPP, errno.ENOSYS})


class Reader:
    """The bytes of `part` in order; `left` are still to come."""

    def __init__(self, file: BinaryIO, part: FilePart) -> None:
        self._descriptor, self._at, self.left = file.fileno(), part.start, part.length

    async def piece(self, most: int) -> bytes:
        """The next piece, of at most `most` bytes; empty where the file ends too soon.

        Raises OSError where the disk does not give it.
        """
        size = min(most, self.left)
        got = self._at_once(size)
        if got is None:
            got = await asyncio.to_thread(self._read, size, 0)
        self._at += len(got)
        self.left -= len(got)
        return got

    def _at_once(self, size: int) -> bytes | None:
        """What is in memory; None where the disk is to be waited for."""
        try:
            return self._read(size, os.RWF_NOWAIT)
        except OSError as error:
            if error.errno not in _NOT_AT_ONCE:
                raise
            return None

    def _read(self, size: int, flags: int) -> bytes:
        # Read into what becomes the answer's bytes: getvalue() hands its memory on, without a copy.
        room = io.BytesIO()
        room.seek(size - 1)
        room.write(b"\0")
        with room.getbuffer() as view:
            got = os.preadv(self._descriptor, [view], self._at, flags)
        room.truncate(got)
        return room.getvalue()
