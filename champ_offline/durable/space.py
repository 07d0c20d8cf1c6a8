"""How much room a file system has, asked the same way wherever something is about to be written.

Invariant: what is given is what this user may fill, without the blocks kept for root.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""What a file system says when it takes no more of a file."""


def free_bytes(folder: Path) -> int:
    """Bytes that the file system of `folder` has free for this user; raises OSError."""
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


def is_read_only(folder: Path) -> bool:
    """Whether the file system of `folder` is mounted read-only; raises OSError."""
    return bool(os.statvfs(folder).f_flag & os.ST_RDONLY)


def used_bytes(folder: Path) -> int:
    """Bytes that are used on the file system of `folder`, by whatever; raises OSError."""
    found = os.statvfs(folder)
    return (found.f_blocks - found.f_bfree) * found.f_frsize
