"""A frozen `champ` as the interpreter of its own child processes.

Children are started as `[sys.executable, "-m", module, ...]`. In a frozen build the executable is
`champ` itself, which has no `-m`; it answers this form for the modules listed here.

Invariant: only modules of this list run, and only in a frozen build; with a real interpreter the
form never reaches this module.
"""

from __future__ import annotations

import runpy
import sys
from collections.abc import Sequence

MODULES = frozenset({"champ_offline.helm.child"})


def run_if_asked(arguments: Sequence[str]) -> bool:
    """Run `-m module ...` as the interpreter would; False when that is not what was asked."""
    if not getattr(sys, "frozen", False) or list(arguments[:1]) != ["-m"]:
        return False
    if len(arguments) < 2 or arguments[1] not in MODULES:
        return False
    module = arguments[1]
    sys.argv = [module, *arguments[2:]]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
    return True
