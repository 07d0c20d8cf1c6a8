"""Whether Helm's record of the release comes near to what Helm can keep.

Invariant: planning refuses what cannot be kept at all (release/seal.py); this warns before.
"""

from __future__ import annotations

from collections.abc import Iterator

from champ_offline.preflight.change import Planned
from champ_offline.preflight.concern import Concern, Sort, Weight

_NEAR = 80

LARGE = Sort(
    "record.large",
    Weight.WARNING,
    "Helm's record of {subject} takes {percent} % of what Helm can keep.",
    "A later version of the app that is a little larger cannot be installed any more.",
    "Tell whoever packed the app: large ConfigMaps are better delivered as an image.",
)
SORTS = (LARGE,)


def check(planned: Planned) -> Iterator[Concern]:
    """A concern from 80 % on."""
    percent = planned.record * 100 // planned.record_limit if planned.record_limit else 0
    if percent >= _NEAR:
        yield LARGE.of(planned.release, percent=percent)
