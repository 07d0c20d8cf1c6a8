"""Every test, in parts that run side by side.

    python -m tests.everything

Tests wait as much as they compute: for disks, for real servers, for pods. So several parts run at a
time, the longest begun first; each is a pytest of its own, and those with real clusters have a lab
of their own. Invariant: each test is in one part and in no other; the exit code is 0 only if all
parts' are.
"""

from __future__ import annotations

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from tests.architecture.source import ROOT

AT_ONCE = 4
E2E: Final = "tests/e2e"
# What shares a cluster or packed bundles is in one part: they are made once for it.
END_TO_END: Final[dict[str, tuple[str, ...]]] = {
    "registry": ("registry*", "nodes", "sources", "recipe_sources", "external_registries"),
    "faults": ("causes", "killed_*", "run_*", "token", "reproducible", "signatures"),
}
APART: Final = ("tests/crash", "tests/hostile", "tests/fuzz", E2E)


def _files(names: tuple[str, ...]) -> list[str]:
    found = [path for name in names for path in (ROOT / E2E).glob(f"test_{name}.py")]
    return sorted(str(path.relative_to(ROOT)) for path in found)


def parts() -> dict[str, list[str]]:
    """What each part gives to pytest, by the part's name; the longest first."""
    named = {name: _files(names) for name, names in END_TO_END.items()}
    elsewhere = [f"--ignore={path}" for paths in named.values() for path in paths]
    return {
        "cluster": [E2E, *elsewhere],
        **named,
        "all others": ["tests", *(f"--ignore={folder}" for folder in APART)],
        "crash": ["tests/crash"],
        "hostile": ["tests/hostile"],
        "fuzz": ["tests/fuzz"],
    }


def run(name: str, words: list[str]) -> tuple[int, str]:
    """Run one part, its name before each line of it; the exit code and what it said last."""
    last, begun = "", time.monotonic()
    lab = [f"--lab={name}"] if words[0].startswith(E2E) else []
    with subprocess.Popen(
        [sys.executable, "-m", "pytest", *lab, *words],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        for line in process.stdout:
            last = f"{name} | {line}"
            sys.stdout.write(last)
            sys.stdout.flush()
    if not last:
        last = f"{name} | said nothing in {time.monotonic() - begun:.0f} s\n"
    return process.returncode, last


def main() -> int:
    """Run all parts; 1 if one of them did not end well."""
    every = parts()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        ended = list(pool.map(run, every, every.values()))
    print()
    for code, last in ended:
        print(f"{code} {last}", end="")
    return int(any(code for code, _last in ended))


if __name__ == "__main__":
    sys.exit(main())
