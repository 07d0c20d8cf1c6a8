"""Who works on what next: needs first, then each cluster its share."""

from __future__ import annotations

import threading
from contextlib import nullcontext
from typing import Any

from champ_offline.site.crew import Crew


def began(needs: dict[str, tuple[str, ...]], workers: int) -> list[str]:
    """The names in the order in which they begin."""
    order: list[str] = []
    turn = threading.Lock()

    def act(name: str) -> bool:
        with turn:
            order.append(name)
        return True

    def reach(_cluster: str) -> Any:
        return nullcontext()

    with Crew(reach, workers) as crew:
        assert crew.run(needs, act) == frozenset(needs)
    return order


def test_the_first_to_begin_are_of_all_clusters() -> None:
    names = [f"{cluster}/{number}" for cluster in ("main", "edge") for number in range(8)]
    order = began(dict.fromkeys(names, ()), 2)
    assert {one.partition("/")[0] for one in order[:2]} == {"main", "edge"}


def test_one_cluster_alone_is_worked_on_in_the_order_given() -> None:
    names = [f"main/{number}" for number in range(9)]
    assert began(dict.fromkeys(names, ()), 1) == names


def test_what_is_needed_comes_before_a_fair_share() -> None:
    order = began({"main/a": (), "main/b": (), "edge/c": ("main/b",)}, 1)
    assert order == ["main/a", "main/b", "edge/c"]


def test_what_needs_something_that_did_not_go_well_is_not_begun() -> None:
    seen: list[str] = []

    def act(name: str) -> bool:
        seen.append(name)
        return name != "main/b"

    def reach(_cluster: str) -> Any:
        return nullcontext()

    needs = {"main/a": (), "main/b": (), "edge/c": ("main/b",), "edge/d": ("main/a",)}
    with Crew(reach, 1) as crew:
        assert crew.run(needs, act) == {"main/a", "edge/d"}
    assert "edge/c" not in seen
