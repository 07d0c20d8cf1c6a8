"""`python -m tests.fuzz`: fuzz one target or all of them, list them, or write their seeds."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tests.fuzz.campaign import KEPT, Outcome, run_all
from tests.fuzz.registry import MODULES
from tests.fuzz.seeds import write_seeds

_SHOWN = 4000


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("target", nargs="*", default=[], choices=[*MODULES, []])
    what.add_argument("--all", action="store_true", help="every target, one after the other")
    what.add_argument("--list", action="store_true", help="the targets' names")
    what.add_argument("--seeds", action="store_true", help="write the seeds into the repository")
    parser.add_argument("--seconds", type=int, default=60, help="for each target (60)")
    parser.add_argument("--jobs", type=int, default=1, help="targets at a time (1)")
    parser.add_argument("--keep", type=Path, default=KEPT, help="folder of what is found")
    arguments = parser.parse_args()
    if arguments.list:
        print("\n".join(MODULES))
        return 0
    if arguments.seeds:
        print(f"{write_seeds()} bytes")
        return 0
    chosen = list(MODULES) if arguments.all else arguments.target
    outcomes = run_all(chosen, arguments.seconds, arguments.jobs, arguments.keep.resolve(), _tell)
    return 0 if all(outcome.sound for outcome in outcomes) else 1


def _tell(outcome: Outcome) -> None:
    print(outcome, flush=True)
    for path in outcome.crashes:
        print(f"  {path}", flush=True)
    if not outcome.sound:
        print(outcome.log[-_SHOWN:], flush=True)


sys.exit(main())
