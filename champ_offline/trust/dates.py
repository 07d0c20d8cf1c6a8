"""Dates of signed documents against this machine's clock.

Pure. Invariant: the local clock never raises what later bundles are measured by.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Protocol

from tuf.api.metadata import Root, Signed

from champ_offline.errors import Phrase
from champ_offline.trust.errors import (
    ClockBehind,
    DocumentUnreadable,
    Expired,
    PackedInFuture,
    RootExpired,
)
from champ_offline.trust.overrides import CLOCK, EXPIRED, Overridden, Overrides

# Clocks of honest machines differ, by a wrong time zone at worst.
TOLERANCE = timedelta(days=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# The year 9999 in milliseconds: a version above it is no time, nor does a datetime hold it.
_LAST = 253_402_300_799_999


class _Versioned(Protocol):
    @property
    def version(self) -> int: ...


class Dates:
    """The time under which one bundle or root is judged; collects what had to be overridden."""

    def __init__(self, now: datetime, overrides: Overrides, where: str) -> None:
        self._now, self._overrides, self._where = now, overrides, where
        self._expired: list[str] = []
        self._clock: list[str] = []

    def not_before(self, accepted: Sequence[_Versioned]) -> None:
        """Refuse a clock behind the latest packing time among `accepted`.

        Raises ClockBehind; where it is overridden, that packing time is now.
        """
        if not accepted:
            return
        latest = packing_time(max(one.version for one in accepted))
        if latest <= self._now + TOLERANCE:
            return
        if self._overrides.clock is None:
            raise ClockBehind(where=self._where, now=_minute(self._now), latest=_minute(latest))
        self._clock.append(f"clock {_minute(self._now)}, accepted {_minute(latest)}")
        self._now = latest

    def packed(self, version: int) -> None:
        """Refuse a packing time in the future; raises PackedInFuture, DocumentUnreadable."""
        if version > _LAST:
            reason = Phrase("version {version} is no time of packing", version=version % 10**20)
            raise DocumentUnreadable(where=self._where, role="timestamp", reason=reason)
        packed = packing_time(version)
        if packed <= self._now + TOLERANCE:
            return
        if self._overrides.clock is None:
            raise PackedInFuture(where=self._where, packed=_minute(packed), now=_minute(self._now))
        self._clock.append(f"clock {_minute(self._now)}, packed {_minute(packed)}")

    def check(self, signed: Signed) -> None:
        """Refuse an expired document; raises Expired, for a root RootExpired."""
        if not signed.is_expired(self._now):
            return
        expires = signed.expires.date().isoformat()
        if self._overrides.expired is None:
            now = _minute(self._now)
            kind = RootExpired if signed.type == Root.type else Expired
            raise kind(where=self._where, role=signed.type, expires=expires, now=now)
        self._expired.append(f"{signed.type} {expires}")

    def overridden(self) -> tuple[Overridden, ...]:
        """The overrides without which it would have been refused."""
        found = (
            (EXPIRED, self._expired, self._overrides.expired),
            (CLOCK, self._clock, self._overrides.clock),
        )
        return tuple(
            Overridden(kind, tuple(about), reason)
            for kind, about, reason in found
            if about and reason
        )


def packing_time(version: int) -> datetime:
    """The time that a bundle's version number stands for: milliseconds since 1970."""
    return _EPOCH + timedelta(milliseconds=min(version, _LAST))


def packed_on(version: int) -> str:
    """The packing time to the second, in UTC, for people."""
    return packing_time(version).strftime("%Y-%m-%d %H:%M:%S UTC")


def _minute(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
