"""A plan's bytes: canonical, whole, and refused when they are anything else."""

from __future__ import annotations

import json

import pytest

from champ_offline.release.plan import Plan, PlanUnreadable
from champ_offline.release.request import InvalidReleaseName, check_names
from tests.unit.release.conftest import World


def test_a_plan_comes_back_from_its_bytes(world: World) -> None:
    for plan in (world.plan(greeting="moin"), _removal(world)):
        again = Plan.from_bytes(plan.to_bytes())
        assert again == plan
        assert again.digest == plan.digest


def _removal(world: World) -> Plan:
    world.apply(world.plan())
    return world.planner.remove("orthanc", "pacs")


@pytest.mark.parametrize(
    "damage",
    [
        lambda document: document.pop("sealed"),
        lambda document: document.update(format=1),
        lambda document: document.update(format=4),
        lambda document: document.update(format="3"),
        lambda document: document["actions"][0].update(name=7),
        lambda document: document["actions"][0]["restarts"].append({"pods": "many"}),
        lambda document: document["estimate"].update(seconds=True),
        lambda document: document["effects"].append(
            {"happens": "x", "kind": "", "name": "", "fields": {}}
        ),
        lambda document: document.update(operation="destroy"),
        lambda document: document.update(sealed="sha256:12"),
        lambda document: document.update(extra=1),
        lambda document: document["actions"][0].update(change="eaten"),
        lambda document: document["images"].append({"name": "x"}),
        lambda document: document.update(actions=None),
    ],
)
def test_an_altered_plan_is_not_read(world: World, damage: object) -> None:
    document = json.loads(world.plan().to_bytes())
    damage(document)  # type: ignore[operator]
    data = json.dumps(document, sort_keys=True, separators=(",", ":")).encode()
    with pytest.raises(PlanUnreadable):
        Plan.from_bytes(data)


def test_what_a_plan_lacks_is_said_in_words() -> None:
    with pytest.raises(PlanUnreadable, match="it lacks “format”"):
        Plan.from_bytes(b"{}")


@pytest.mark.parametrize("data", [b"", b"[]", b"null", b"{}", b"\xff"])
def test_what_is_no_plan_is_not_read(data: bytes) -> None:
    with pytest.raises(PlanUnreadable):
        Plan.from_bytes(data)


@pytest.mark.parametrize("name", ["", "A", "a_b", "-a", "a-", "a.b", "a/b", "x" * 54, "../x"])
def test_names_that_kubernetes_refuses_are_refused_first(name: str) -> None:
    with pytest.raises(InvalidReleaseName):
        check_names(name, "pacs")
