"""What a plan says of data: what is saved before, what is brought back, and what a failure does.

Invariant: pure. Whether anything is saved or brought back stands in the plan that is confirmed.
"""

from __future__ import annotations

from dataclasses import dataclass

from champ_offline.catalog.data_parts import DataPart


@dataclass(frozen=True)
class DataChange:
    """`parts` are saved before anything is changed; `last` bytes had the last whole backup.

    Backup `brings` (0: none) is brought back: `size` bytes, saved at `saved` (ISO 8601). Where
    `returns` a failure brings back what was saved before, as the former version cannot read what
    the new one may have made of it.
    """

    parts: tuple[DataPart, ...] = ()
    last: int = 0
    brings: int = 0
    size: int = 0
    saved: str = ""
    returns: bool = False


NO_DATA = DataChange()
