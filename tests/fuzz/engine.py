"""The child process in which atheris drives one target until a limit, or until it falls.

python -m tests.fuzz.engine TARGET [options and corpus folders of libFuzzer]
"""

from __future__ import annotations

import sys
from random import Random

import atheris  # type: ignore[import-untyped]

with atheris.instrument_imports(include=["champ_offline"]):
    from tests.fuzz.registry import target

# A change of values may outgrow what libFuzzer wants; then bytes are changed.
_PATIENCE = 3


def main() -> None:
    name = sys.argv.pop(1)
    with atheris.instrument_imports(include=["champ_offline"]):
        chosen = target(name)
        for data in chosen.seeds().values():
            # What a reader imports when it is first used is instrumented as well.
            chosen.attempt(data)

    def mutate(data: bytes, most: int, seed: int) -> bytes:
        random = Random(seed)
        for _ in range(_PATIENCE if chosen.mutate else 0):
            changed = chosen.mutate(data, random) if chosen.mutate else None
            if changed is not None and len(changed) <= most:
                return changed
        return bytes(atheris.Mutate(data, most))

    atheris.Setup(sys.argv, chosen.attempt, custom_mutator=mutate)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
