"""The seeds of every target: small good inputs, made by packing.

Invariant: the same release makes the same seeds.
"""

from __future__ import annotations

from tests.fuzz.registry import MODULES, target
from tests.fuzz.target import CORPUS


def write_seeds() -> int:
    """Write all seeds into the repository; returns their bytes."""
    total = 0
    for name in MODULES:
        (CORPUS / name).mkdir(parents=True, exist_ok=True)
        for seed, data in target(name).seeds().items():
            (CORPUS / name / seed).write_bytes(data)
            total += len(data)
    return total
