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

    def ahead(self, save: str, restore: str, back: str, wake: str) -> tuple[str, ...]:
        """What a recovery of a saving or restoring with steps of these names is about to do."""
        if not self.backup(restore):
            return (wake,) if self.backup(save) else ()
        if self.done(restore) or self.done(back):
            return (wake,)
        again = restore if not self.begun(back) else back
        number = self.backup(restore) if again == restore else self.backup(save)
        return (f"{again} {number}", wake)

    @property
    def told(self) -> tuple[str, ...]:
        """The steps as people read them: `restore 3`, `wake`."""
        texts = (f"{one.name} {one.detail.get('backup', '')}" for one in self._steps)
        return tuple(text.strip() for text in texts)
