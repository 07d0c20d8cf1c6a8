"""When changes may begin: days of the week and times of day in one zone.

Pure. Invariant: a window belongs to the day on which it begins, also where it ends on the next; all
comparing is done in UTC, so a change of the clock lengthens or shortens a window and never moves
what it names.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WEEK = 8  # days ahead: the same weekday again, one later


@dataclass(frozen=True)
class Window:
    """From `begins` on each of `days` (0 is Monday) until the next `ends`, which is not in it."""

    days: frozenset[int]
    begins: time
    ends: time


@dataclass(frozen=True)
class Hours:
    """All windows; `waits`: whether a run outside of them waits, or ends."""

    zone: tzinfo
    windows: tuple[Window, ...]
    waits: bool = False

    def are_open(self, now: datetime) -> bool:
        """Whether a change may begin now."""
        return any(begins <= now < ends for begins, ends in self._spans(now))

    def opens(self, now: datetime) -> datetime | None:
        """When the next window begins, in the policy's zone; None where none does in a week."""
        later = [begins for begins, _ends in self._spans(now) if begins > now]
        return min(later).astimezone(self.zone) if later else None

    def _spans(self, now: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Each window's begin and end from yesterday until a week ahead, in UTC."""
        today = now.astimezone(self.zone).date()
        for ahead in range(-1, _WEEK):
            day = today + timedelta(days=ahead)
            for window in self.windows:
                if day.weekday() in window.days:
                    over = timedelta(days=1 if window.ends <= window.begins else 0)
                    begins = datetime.combine(day, window.begins, self.zone)
                    ends = datetime.combine(day + over, window.ends, self.zone)
                    yield begins.astimezone(UTC), ends.astimezone(UTC)
