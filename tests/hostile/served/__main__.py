"""Attack a served zone for as long as wanted: `python -m tests.hostile.served --seconds 600`.

Ends with 1 at the first answer that must not be, and prints the request that got it.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.fuzz.target import memory
from tests.hostile.served.aftermath import Before, sound
from tests.hostile.served.campaign import Broken, fire
from tests.hostile.served.ground import ground, seed
from tests.hostile.served.process import served

HASTE = {"silence": 1.0, "head": 2.0, "uploads": 4000, "uploads_per_client": 4000}
_ALL = 10**9


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.hostile.served", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--requests", type=int, default=_ALL)
    parser.add_argument("--seed", default=str(time.time_ns()))
    parser.add_argument("--tls", action="store_true")
    parser.add_argument("--attackers", type=int, default=4)
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="champ-hostile-", dir=memory()) as folder:
        place = ground(Path(folder))
        with served(place.zone, HASTE) as target:
            seed(target.registry)
        with served(place.zone, HASTE, tls=options.tls) as target:
            before = Before.of(target)
            count, seconds, guns = options.requests, options.seconds, options.attackers
            try:
                print(fire(target, place, options.seed, count, seconds, guns), flush=True)
            except Broken as broken:
                print(broken)
                return 1
            print(before.compared(target))
        sound(place)
    return 0


if __name__ == "__main__":
    sys.exit(main())
