"""How fast a medium gives its bytes, from a short reading of the device itself.

Invariant: reads at most a few MiB and for about half a second, and changes nothing.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from champ_offline.bundle.volume import CHUNK

_SECONDS = 0.5
_MOST = 64 * CHUNK


def bytes_a_second(path: Path, clock: Callable[[], float] = time.monotonic) -> float | None:
    """The pace of reading `path` past the page cache; None when it cannot be measured.

    A place that cannot be read is nothing to stop for here: whoever reads the file names it.
    """
    try:
        with path.open("rb", buffering=0) as file:
            os.posix_fadvise(file.fileno(), 0, _MOST, os.POSIX_FADV_DONTNEED)
            began, done = clock(), 0
            while done < _MOST and clock() - began < _SECONDS:
                part = len(file.read(CHUNK))
                done += part
                if not part:
                    break
            taken = clock() - began
            os.posix_fadvise(file.fileno(), 0, done, os.POSIX_FADV_DONTNEED)
    except OSError:
        return None
    return done / taken if done and taken > 0 else None
