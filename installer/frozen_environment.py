"""What a frozen `champ` undoes before anything else: the loader path it was started with.

The boot program of PyInstaller points LD_LIBRARY_PATH at its own libraries and leaves variables of
its own; children (apt, docker, helm) would load the wrong libraries. build.spec runs this file as a
runtime hook. Invariant: children see the environment that the user gave.
"""

from __future__ import annotations

import os
from collections.abc import MutableMapping


def restore(environment: MutableMapping[str, str]) -> None:
    """Put back the user's LD_LIBRARY_PATH and drop the boot program's variables."""
    original = environment.pop("LD_LIBRARY_PATH_ORIG", None)
    if original is not None:
        environment["LD_LIBRARY_PATH"] = original
    else:
        environment.pop("LD_LIBRARY_PATH", None)
    for name in [name for name in environment if name.startswith("_PYI_")]:
        del environment[name]


if __name__ == "__main__":
    restore(os.environ)
