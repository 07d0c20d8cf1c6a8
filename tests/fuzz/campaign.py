"""Running targets in child processes, and what came of it.

Invariant: a child has bounded time, memory and files; every input that makes a target fall is kept.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.fuzz.target import CORPUS, CRASHES, HERE, memory

ROOT = HERE.parents[1]
KEPT = ROOT / "build" / "fuzz"
_MEMORY_MB, _HANG_SECONDS = 1024, 10
_LONGEST_INPUT = 64 * 1024
_STARTING_SECONDS = 300
# A program begins with the memory of whoever started it as its peak (execve(2) keeps it), which the
# fuzzer takes for its own. So a small shell starts it, and stays.
_SMALL_PARENT = ("sh", "-c", '"$@"; exit $?', "sh")
_DONE = re.compile(r"^Done ([0-9]+) runs", re.MULTILINE)
_SEEN = re.compile(r"^#([0-9]+)\s", re.MULTILINE)
_COVERED = re.compile(r"\bcov: ([0-9]+).*\bcorp: ([0-9]+)/")


@dataclass(frozen=True)
class Outcome:
    """One run: `executions`, places of code reached, inputs that reach different ones, falls."""

    target: str
    status: int
    executions: int
    covered: int
    corpus: int
    crashes: tuple[Path, ...]
    log: str

    @property
    def sound(self) -> bool:
        return self.status == 0 and not self.crashes

    def __str__(self) -> str:
        told = f"{self.target:14} {self.executions:>9} executions, {self.corpus:>5} in corpus, "
        told += f"{self.covered:>5} covered, {len(self.crashes)} crashes"
        return told if self.status == 0 else f"{told}, status {self.status}"


def run(target: str, seconds: int, kept: Path = KEPT, seed: int = 0) -> Outcome:
    """Fuzz one target; new inputs go to `kept`/<target>/corpus, crashes beside it."""
    folder = kept / target
    corpus, crashes = folder / "corpus", folder / "crashes"
    for path in (corpus, crashes):
        path.mkdir(parents=True, exist_ok=True)
    before = set(crashes.iterdir())
    more = [str(path) for path in (CORPUS / target, CRASHES / target) if path.is_dir()]
    command = [
        *_SMALL_PARENT,
        *("nice", "-n", "19", sys.executable, "-m", "tests.fuzz.engine", target),
        *(f"-max_total_time={seconds}", f"-timeout={_HANG_SECONDS}"),
        *(f"-rss_limit_mb={_MEMORY_MB}", f"-max_len={_LONGEST_INPUT}", f"-seed={seed}"),
        *(f"-artifact_prefix={crashes}{os.sep}", str(corpus), *more),
    ]
    with tempfile.TemporaryDirectory(prefix="champ-fuzz-", dir=memory()) as files:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env={**os.environ, "TMPDIR": files},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=seconds + _STARTING_SECONDS,
            check=False,
        )
    log = done.stdout.decode(errors="replace")
    (folder / "log").write_text(log, encoding="utf-8")
    found = tuple(sorted(set(crashes.iterdir()) - before))
    return _outcome(target, done.returncode, found, log)


def run_all(
    targets: Iterable[str],
    seconds: int,
    jobs: int,
    kept: Path,
    tell: Callable[[Outcome], object],
    seed: int = 0,
) -> list[Outcome]:
    """Fuzz targets for `seconds` each, `jobs` at a time; `tell` hears of each when it is over.

    With a `seed` other than 0 every run tries the same inputs in the same order.
    """

    def one(target: str) -> Outcome:
        outcome = run(target, seconds, kept, seed)
        tell(outcome)
        return outcome

    with ThreadPoolExecutor(jobs) as pool:
        return list(pool.map(one, targets))


def _outcome(target: str, status: int, crashes: tuple[Path, ...], log: str) -> Outcome:
    counts = [int(count) for count in _DONE.findall(log) or _SEEN.findall(log)]
    covered = _COVERED.findall(log) or [("0", "0")]
    return Outcome(
        target=target,
        status=status,
        executions=max(counts, default=0),
        covered=int(covered[-1][0]),
        corpus=int(covered[-1][1]),
        crashes=crashes,
        log=log,
    )
