"""What looking at something found: one check each, how it ended, and why where all is not well.

Invariant: a finding that is not well carries a `ChampError`, so its words and remedy come from the
same catalog as every other error's.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from champ_offline.errors import ChampError


class State(StrEnum):
    """How a check ended; BAD would stop an installation, UNSEEN was not looked at."""

    OK = "ok"
    WARN = "warn"
    BAD = "bad"
    UNSEEN = "not looked at"


@dataclass(frozen=True)
class Finding:
    """One check: its name, how it ended and, unless all is well, why; `note` is what to keep.

    `where` is the name of the cluster it is about, if it is about a named one.
    """

    check: str
    state: State
    error: ChampError | None = None
    note: str = ""
    where: str = ""
