"""How many kills each test makes at least; tests/crash/test_counts.py holds the sum.

    python -m tests.crash.counts

prints what every run of the tests makes at least; a run itself ends by telling what it made.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

AT_LEAST = {
    "import: one medium": 50,
    "import: pieces over several media": 150,
    "import: in the place of an older one": 90,
    "import: over what was pushed": 50,
    "pack: one medium": 70,
    "pack: pieces over several media": 300,
    "pack: with parity": 180,
    "pack: with an installer": 100,
    "pack: over a broken one": 120,
    "repair: volumes and documents": 85,
    "repair: with parity": 55,
    "export: one medium": 70,
    "export: pieces over several media": 160,
    "export: two bundles with parity": 350,
    "push: images": 70,
    "push: deletes": 12,
    "collect: what was retired": 12,
    "collect: retired and collected": 15,
    "collect: what no image uses": 15,
    "check: rotten blobs": 15,
    "mark: a zone made before": 9,
    "mark: a zone that is made": 13,
    "apply: install": 100,
    "apply: install without hooks": 95,
    "apply: install that fails": 110,
    "apply: install without a volume": 100,
    "apply: upgrade": 80,
    "apply: upgrade that fails": 85,
    "apply: upgrade that is stopped": 80,
    "apply: rollback": 80,
    "apply: remove": 65,
    "site: apply": 22,
    "run: install": 100,
    "run: upgrade": 65,
    "run: ferry folder": 100,
    "self: update": 20,
    "self: rollback": 7,
}


# What was made in this run, by each test that came to its end.
MADE: Counter[str] = Counter()


def check_count(what: str, kills: int) -> None:
    """Fail when a test killed less than the sum above rests on."""
    MADE[what] += kills
    assert kills >= AT_LEAST[what], f"{what}: {kills} kills"


def kills_of(verb: str, counts: Mapping[str, int] = AT_LEAST) -> int:
    """The kills of one verb, such as `apply`."""
    return sum(count for what, count in counts.items() if what.partition(":")[0] == verb)


def told(counts: Mapping[str, int]) -> str:
    """A line for each verb, and one for all."""
    verbs = dict.fromkeys(what.partition(":")[0] for what in counts)
    lines = [f"{kills_of(verb, counts):6} kills of {verb}" for verb in verbs]
    return "\n".join([*lines, f"{sum(counts.values()):6} kills in all"])


if __name__ == "__main__":
    print(told(AT_LEAST))
