"""How long it will take, from how long it took.

Invariant: pure; what the figure rests on is always told, and without earlier runs there is none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import median

_RECENT = 5


class Basis(StrEnum):
    """Whose runs the figure comes from."""

    RELEASE = "release"
    APP = "app"
    NONE = "none"


@dataclass(frozen=True)
class Estimate:
    """The median and the longest of the last `runs` runs, in whole seconds; zero without any."""

    seconds: int = 0
    longest: int = 0
    runs: int = 0
    basis: Basis = Basis.NONE


UNKNOWN = Estimate()


def estimate(own: Sequence[float], of_app: Sequence[float]) -> Estimate:
    """From the seconds of runs of the same operation that ended well, oldest first.

    Those of the release count, else those of the app's other releases.
    """
    for basis, seconds in ((Basis.RELEASE, own), (Basis.APP, of_app)):
        if recent := seconds[-_RECENT:]:
            usual, longest = (max(1, round(one)) for one in (median(recent), max(recent)))
            return Estimate(usual, longest, len(recent), basis)
    return UNKNOWN
