"""Keep secrets out of what people and files see.

Invariant: text that went through a mask holds none of its secrets, in none of the forms that
`hiding` knows; values of Secret objects never appear at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from champ_offline.errors import ChampError
from champ_offline.release.hiding import HIDDEN, Hiding

CHANGED = "(hidden, changed)"
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


class Mask:
    """Hides the given texts."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._hiding = Hiding(secrets)

    def text(self, text: str) -> str:
        """`text` with each secret replaced."""
        return self._hiding.text(text)

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Hide the secrets in the fields of a ChampError that passes through."""
        try:
            yield
        except ChampError as error:
            self.hide_in(error)
            raise

    def hide_in(self, error: ChampError) -> None:
        """Hide the secrets in the fields of `error`, and of an error that is its cause."""
        for key, value in error.fields.items():
            if isinstance(value, str):
                error.fields[key] = self.text(value)
            elif isinstance(value, ChampError):
                self.hide_in(value)
        error.args = (error.fields,)


def hide_values(old: dict[str, Any] | None, new: dict[str, Any] | None) -> None:
    """Replace, in place, the values of a Secret's two states; a changed one says so."""
    for part in ("data", "stringData"):
        before = (old or {}).get(part) or {}
        after = (new or {}).get(part) or {}
        for key in after:
            differs = old is not None and before.get(key) != after[key]
            after[key] = CHANGED if differs else HIDDEN
        for key in before:
            before[key] = HIDDEN
    for item in (old, new):
        notes = ((item or {}).get("metadata") or {}).get("annotations") or {}
        if _LAST_APPLIED in notes:
            notes[_LAST_APPLIED] = HIDDEN
