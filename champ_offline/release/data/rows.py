"""What the steps of an operation say of data: which backups it made and brought back, how far.

Invariant: pure; says what is written down and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence

from champ_offline.journal.journal import StepRecord

_DONE = "done"


class Rows:
    """Over the steps of one operation, in order."""

    def __init__(self, steps: Sequence[StepRecord]) -> None:
        self._steps = steps

    def begun(self, name: str) -> bool:
        """Whether a step of that name was begun."""
        return any(one.name == name for one in self._steps)

    def done(self, name: str) -> bool:
        """Whether the last one of that name was done."""
        ended = [one.outcome for one in self._steps if one.name == name]
        return ended[-1:] == [_DONE]

    def backup(self, name: str) -> int:
        """The backup that the last step of that name is about; 0 where there is none."""
        numbers = [int(one.detail.get("backup", 0)) for one in self._steps if one.name == name]
        return numbers[-1] if numbers else 0
