"""The clock of this machine: the one place where the library asks what time it is.

Invariant: only composition roots and front-ends hand it on; everything below is given its `now`.
"""

from __future__ import annotations

from datetime import UTC, datetime


def now_utc() -> datetime:
    """This moment, in UTC."""
    return datetime.now(UTC)
