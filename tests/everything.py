"""Every test, in parts that run side by side.

    python -m tests.everything

Tests wait as much as they compute: for disks, for real servers, for pods. So several parts run at a
time; each is a pytest of its own, and those with real clusters have a lab of their own. Kubernetes
is built meanwhile where it is not yet. Invariant: each test is in one part and in no other; the
exit code is 0 only if all parts' are.
"""

from __future__ import annotations

import functools
import os
import subprocess
import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Final

from tests.architecture.source import ROOT
from tests.lab import build

AT_ONCE = 4
E2E: Final = "tests/e2e"
# What shares a cluster or packed bundles is in one part: they are made once for it.
END_TO_END: Final[dict[str, tuple[str, ...]]] = {
    "faults": ("causes",),
    "registry": ("registry*", "nodes", "sources", "recipe_sources", "external_registries"),
    "single": ("killed_*", "run_*", "token", "reproducible", "signatures"),
    "stick": ("bare_zones", "frozen", "one_file", "self", "terminal"),
}
APART: Final = ("tests/crash", "tests/hostile", "tests/fuzz", "tests/tui", E2E)


def _files(names: tuple[str, ...]) -> list[str]:
    found = [path for name in names for path in (ROOT / E2E).glob(f"test_{name}.py")]
    return sorted(str(path.relative_to(ROOT)) for path in found)


def parts() -> dict[str, list[str]]:
    """What each part gives to pytest, by the part's name; first what needs no Kubernetes."""
    named = {name: _files(names) for name, names in END_TO_END.items()}
    elsewhere = [f"--ignore={path}" for paths in named.values() for path in paths]
    return {
        "all others": ["tests", *(f"--ignore={folder}" for folder in APART)],
        "crash": ["tests/crash"],
        "hostile": ["tests/hostile"],
        "cluster": [E2E, *elsewhere],
        "screens": ["tests/tui"],
        **named,
        "fuzz": ["tests/fuzz"],
    }


def run(name: str, words: list[str], built: Future[Path]) -> tuple[int, list[str]]:
    """Run one part, its name before each line of it; the exit code, what failed, and its last."""
    last, lab, failed = "", list[str](), list[str]()
    if words[0].startswith(E2E):
        built.result()
        lab = [f"--lab={name}"]
    begun = time.monotonic()
    with subprocess.Popen(
        [sys.executable, "-m", "pytest", *lab, *words], env=_environment(),
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        for line in process.stdout:
            last = f"{name} | {line}"
            sys.stdout.write(last)
            sys.stdout.flush()
            if line.startswith(("FAILED ", "ERROR ")):
                failed.append(last.rstrip())
    seconds = time.monotonic() - begun
    end = f"{last.rstrip()} exit {process.returncode}, {seconds:.0f} s"
    return process.returncode, [*failed, end]


def _environment() -> dict[str, str]:
    """Modules are compiled once, as an installed program's are, and not for each command tried."""
    kept = {key: text for key, text in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, "PYTHONPYCACHEPREFIX": str(ROOT / ".venv" / "bytecode")}


def main() -> int:
    """Run all parts; 1 if one of them did not end well."""
    every = parts()
    with ThreadPoolExecutor(AT_ONCE) as pool, ThreadPoolExecutor(1) as builder:
        built = builder.submit(build.build, functools.partial(print, flush=True))
        ended = list(pool.map(lambda name: run(name, every[name], built), every))
    print("", *(line for _code, said in ended for line in said), sep="\n")
    return int(any(code for code, _said in ended))


if __name__ == "__main__":
    sys.exit(main())
