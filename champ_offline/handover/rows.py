"""What the audit chain tells a report, read row by row.

Invariant: only rows that are sound in themselves are believed; the detail of another, or one of
another shape, tells nothing. Whether the chain as a whole stands is another question (`chain`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from champ_offline.journal.audit import Audit, Row


@dataclass(frozen=True)
class Told:
    """One sound row."""

    time: str
    actor: str
    act: str
    subject: str
    detail: Mapping[str, Any]

    def text(self, name: str) -> str:
        """A text of the detail; empty where it has none of that name."""
        found = self.detail.get(name)
        return found if isinstance(found, str) else ""

    def count(self, name: str) -> int:
        """A whole number of the detail; 0 where it has none of that name."""
        found = self.detail.get(name)
        return found if type(found) is int else 0

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of texts of the detail."""
        found = self.detail.get(name)
        return tuple(map(str, found)) if isinstance(found, list) else ()


def told(audit: Audit, *acts: str) -> Iterator[Told]:
    """The sound rows of these acts, oldest first, a piece of the chain in memory at a time."""
    return sound(audit.of_acts(*acts))


def sound(rows: Iterable[Row]) -> Iterator[Told]:
    """Those of the rows that are as they were written."""
    for row in rows:
        detail = row.told() if row.sound else None
        if detail is not None:
            yield Told(row.time, row.actor, row.act, row.subject, detail)
