"""How fast a step goes and when it will end, from its `Progress` events.

Invariant: pure; the caller gives the time. The rate is of the last seconds, so that a stick that
slows down is seen at once.
"""

from __future__ import annotations

from collections import deque

WINDOW = 5.0
_LEAST = 0.2


class Meter:
    """Rate (units a second) and seconds to go of one step."""

    def __init__(self) -> None:
        self._samples: deque[tuple[float, int]] = deque()
        self._total = 0

    def add(self, now: float, done: int, total: int) -> None:
        """Take one reading; readings older than WINDOW seconds are forgotten, save the last one."""
        if self._samples and done < self._samples[-1][1]:
            self._samples.clear()
        self._samples.append((now, done))
        self._total = total
        while len(self._samples) > 2 and self._samples[1][0] <= now - WINDOW:
            self._samples.popleft()

    @property
    def rate(self) -> float | None:
        """Units a second, or None while too little was seen."""
        if not self._samples:
            return None
        (first, before), (last, after) = self._samples[0], self._samples[-1]
        return (after - before) / (last - first) if last - first >= _LEAST else None

    @property
    def remaining(self) -> float | None:
        """Seconds to the end at the present rate, or None where that cannot be said."""
        rate = self.rate
        if not rate or not self._total:
            return None
        return max(0.0, (self._total - self._samples[-1][1]) / rate)
