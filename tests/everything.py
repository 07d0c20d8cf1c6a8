"""Every test: two halves of what runs without a cluster side by side, then the rest by itself.

    python -m tests.everything

Both halves wait as much as they compute, for disks and for real servers. What follows has the
machine to itself: Kubernetes and busy clients need it, and fuzzing has its time by the clock. Each
part is a pytest of its own. Invariant: each test is in one part and in no other; the exit code is 0
only if all parts' are.
"""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from tests.architecture.source import ROOT

HALF, REST = ["tests/crash", "tests/hostile"], ["tests/e2e", "tests/fuzz"]
SIDE_BY_SIDE = {
    "crash and hostile": HALF,
    "all others": ["tests", *(f"--ignore={folder}" for folder in (*HALF, *REST))],
}
AFTERWARDS = {"end to end": REST}


def run(name: str, words: list[str]) -> tuple[int, str]:
    """Run one part, its name before each line of it; the exit code and what it said last."""
    last = ""
    with subprocess.Popen(
        [sys.executable, "-m", "pytest", *words],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        for line in process.stdout:
            last = f"{name} | {line}"
            sys.stdout.write(last)
            sys.stdout.flush()
    return process.returncode, last


def main() -> int:
    """Run all parts; 1 if one of them did not end well."""
    with ThreadPoolExecutor(len(SIDE_BY_SIDE)) as pool:
        ended = list(pool.map(run, SIDE_BY_SIDE, SIDE_BY_SIDE.values()))
    ended += [run(name, words) for name, words in AFTERWARDS.items()]
    print()
    for _code, last in ended:
        print(last, end="")
    return int(any(code for code, _last in ended))


if __name__ == "__main__":
    sys.exit(main())
