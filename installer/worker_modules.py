"""A frozen `champ` as the interpreter of its own child processes.

Children are started as `python -m module`. A frozen build has no `-m`; there the executable gets
one of the words below instead.

Invariant: only these modules run this way; the words are no verbs and stand in no help.
"""

from __future__ import annotations

import runpy
from collections.abc import Sequence

MODULES = {
    "helm-child": "champ_offline.helm.child",
    "values-child": "champ_offline.catalog.values_child",
}


def run_if_asked(arguments: Sequence[str]) -> bool:
    """Run the child's module when its word is the whole command line; False otherwise."""
    if len(arguments) != 1 or arguments[0] not in MODULES:
        return False
    runpy.run_module(MODULES[arguments[0]], run_name="__main__", alter_sys=True)
    return True
