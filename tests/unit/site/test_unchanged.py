"""What was applied and touched by nobody is not planned anew; whatever moved is noticed."""

from __future__ import annotations

from typing import Any, NoReturn

import pytest

from champ_offline.helm.engine import FAILED
from champ_offline.site.compose import AppNotPlanned
from tests.unit.site.conftest import Zone
from tests.unit.site.test_applying import many

KEYS = {f"main/app{number}" for number in range(3)}


@pytest.fixture
def applied(zone: Zone) -> Zone:
    zone.apply(zone.plan(many(3)))
    zone.places["main"].cluster.requests.clear()
    return zone


def asked(zone: Zone) -> list[str]:
    """What was asked beyond looking: a render through Helm, a dry run."""
    return [one for one in zone.places["main"].cluster.requests if one.startswith("preview")]


def changed(zone: Zone, text: str = many(3)) -> set[str]:
    return {one.name for one in zone.plan(text).members}


def live(zone: Zone, kind: str, name: str) -> dict[str, Any]:
    version = "apps/v1" if kind == "Deployment" else "v1"
    found = zone.places["main"].cluster.get(version, kind, name.partition("-")[0], name)
    assert found is not None
    return found


def test_nothing_is_rendered_and_nothing_tried(
    applied: Zone, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object, **__: object) -> NoReturn:
        raise AssertionError

    for verb in ("render", "check", "status"):
        monkeypatch.setattr(applied.places["main"].helm, verb, never)
    plan = applied.plan(many(3))
    assert set(plan.unchanged) == KEYS
    assert not plan.has_changes
    assert asked(applied) == []


def test_more_releases_cost_no_more_lists(zone: Zone) -> None:
    counts = []
    for number in (2, 6):
        zone.apply(zone.plan(many(number)))
        requests = zone.places["main"].cluster.requests
        requests.clear()
        assert changed(zone, many(number)) == set()
        counts.append(len(requests))
    assert counts[0] == counts[1]


def test_a_value_changed_by_hand_is_noticed(applied: Zone) -> None:
    item = live(applied, "ConfigMap", "app1-config")
    item["data"]["greeting"] = "by hand"
    applied.places["main"].cluster.edit(item, "kubectl-edit", {"f:data": {"f:greeting": {}}})
    assert changed(applied) == {"main/app1"}


def test_an_object_that_is_gone_is_noticed(applied: Zone) -> None:
    applied.places["main"].cluster.delete(live(applied, "Deployment", "app2-work"), "app2")
    assert changed(applied) == {"main/app2"}


def test_a_field_that_another_holds_is_asked_about(applied: Zone) -> None:
    """Its value is as sealed, but who took it may have changed more than values show."""
    item = live(applied, "Deployment", "app1-work")
    applied.places["main"].cluster.edit(item, "somebody", {"f:spec": {"f:selector": {}}})
    assert changed(applied) == set()
    assert {one.rpartition(" ")[2].partition("-")[0] for one in asked(applied)} == {"app1"}


def test_another_answer_is_noticed(applied: Zone) -> None:
    assert changed(applied, many(3, ", answers: {greeting: moin}")) == KEYS


def test_another_version_is_noticed(applied: Zone) -> None:
    assert changed(applied, many(3, ', version: "2.0"')) == KEYS


def test_a_release_whose_record_is_another_is_noticed(applied: Zone) -> None:
    applied.places["main"].helm.mark("app0", "app0", FAILED)
    with pytest.raises(AppNotPlanned, match="main/app0"):
        applied.plan(many(3))


def test_another_cluster_version_is_asked_about(
    applied: Zone, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A template may ask for it."""
    cluster = applied.places["main"].cluster
    offer = cluster.offer()
    monkeypatch.setattr(cluster, "offer", lambda: type(offer)("v1.36.0", offer.api_versions))
    assert changed(applied) == set()
    assert asked(applied) != []
