"""Quantities are exact; texts that are none, or would be without end, are nothing."""

from __future__ import annotations

from fractions import Fraction

import pytest

from champ_offline.cluster.quantity import amount


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("100m", Fraction(1, 10)), ("2", 2), ("1.5Gi", 3 * 2**29), (".5", Fraction(1, 2)),
        ("1e3", 1000), ("12E", 12 * 10**18), ("1.", 1),
    ],
)  # fmt: skip
def test_a_quantity_is_a_number(text: str, number: object) -> None:
    assert amount(text) == number


@pytest.mark.parametrize("text", ["", "x", "1.2.3", ".", "1e99999999", "9" * 400, "1 Gi", "²"])
def test_anything_else_is_nothing(text: str) -> None:
    assert amount(text) == 0
