"""How fast a medium gives its bytes, from a short reading of the device itself.

Invariant: reads at most a few MiB and for about half a second, and changes nothing. What was read
stays in the page cache for whoever reads it in earnest, so the medium gives it once.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from champ_offline.bundle.opening import opened
from champ_offline.bundle.volume import CHUNK

_SECONDS = 0.5
_MOST = 64 * CHUNK


def bytes_a_second(
    path: Path, offset: int, size: int, clock: Callable[[], float] = time.monotonic
) -> float | None:
    """The pace of reading those bytes past the page cache; None when it cannot be measured.

    A place that cannot be read is nothing to stop for here: whoever reads the file names it.
    """
    try:
        with opened(path) as file:
            most = min(size, _MOST)
            os.posix_fadvise(file.fileno(), offset, most, os.POSIX_FADV_DONTNEED)
            file.seek(offset)
            began, done = clock(), 0
            while done < most and clock() - began < _SECONDS:
                part = len(file.read(min(CHUNK, most - done)))
                done += part
                if not part:
                    break
            taken = clock() - began
    except OSError:
        return None
    return done / taken if done and taken > 0 else None
