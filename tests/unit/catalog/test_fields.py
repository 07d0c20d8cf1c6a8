"""A form's fields as a tree: their order, and what putting them in order costs."""

from __future__ import annotations

from typing import Any

import pytest

from champ_offline.catalog.fields import build


class Compared(str):
    """A name that counts how often it is held against another one."""

    __slots__ = ()
    times = 0

    def __eq__(self, other: object) -> bool:
        Compared.times += 1
        return str.__eq__(self, other)

    def __hash__(self) -> int:
        return str.__hash__(self)


def named_in_turn(number: int) -> dict[str, Any]:
    return {Compared(f"field{one}"): {"type": "string"} for one in range(number)}


def test_putting_fields_in_order_costs_as_much_for_each_of_many_as_of_few() -> None:
    compared = []
    for number in (50, 800):
        backwards = [f"field{one}" for one in reversed(range(number // 2))]
        schema = {"type": "object", "properties": named_in_turn(number), "required": backwards}
        Compared.times = 0
        found = build(schema, {"ui:order": backwards}).children
        compared.append(Compared.times / number)
        assert [one.name for one in found] == [
            *backwards, *(f"field{one}" for one in range(number // 2, number))
        ]  # fmt: skip
        assert [one.required for one in found] == [place < number // 2 for place in range(number)]
    assert compared[1] <= compared[0] * 1.5


@pytest.mark.parametrize(
    ("order", "found"),
    [
        (["*"], "abcd"),
        ([], "abcd"),
        (["c"], "cabd"),
        (["*", "a"], "bcda"),
        (["d", "*", "b"], "dacb"),
        (["c", "a", "c"], "cabd"),
    ],
)
def test_what_ui_order_does_not_name_comes_at_the_star_else_last(
    order: list[str], found: str
) -> None:
    schema = {"type": "object", "properties": {name: {"type": "string"} for name in "abcd"}}
    assert "".join(one.name for one in build(schema, {"ui:order": order}).children) == found
