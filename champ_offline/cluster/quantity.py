"""Kubernetes quantities (`100m`, `2Gi`) as exact numbers (apimachinery, resource.Quantity).

Invariant: exact; no floating point takes part.
"""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction

# Bounded in length and exponent: the text may come from anywhere.
_FORM = re.compile(
    r"([+-]?(?:[0-9]{1,40}\.?[0-9]{0,40}|\.[0-9]{1,40})(?:[eE][+-]?[0-9]{1,2})?)([numkMGTPE]?|[KMGTPE]i)"
)
_FACTORS: dict[str, Fraction] = {
    "n": Fraction(1, 10**9),
    "u": Fraction(1, 10**6),
    "m": Fraction(1, 1000),
    "": Fraction(1),
    **{unit: Fraction(1000**power) for power, unit in enumerate("kMGTPE", start=1)},
    **{f"{unit}i": Fraction(1024**power) for power, unit in enumerate("KMGTPE", start=1)},
}


def amount(text: str) -> Fraction:
    """The number that a quantity stands for; zero for text that is none."""
    match = _FORM.fullmatch(text)
    return Fraction(Decimal(match[1])) * _FACTORS[match[2]] if match else Fraction(0)
