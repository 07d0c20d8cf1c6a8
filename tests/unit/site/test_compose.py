"""What becomes of plans with concerns that block them, and of needs of what stays as it is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from champ_offline.oci.digest import Digest
from champ_offline.preflight.concern import Concern, Weight
from champ_offline.release.plan import Change, Plan
from champ_offline.release.prospect import ConcernUnknown
from champ_offline.site.compose import Head, Tried, composed
from champ_offline.site.plan import Member, SitePlan
from champ_offline.site.verbs import SiteBlocked
from champ_offline.site.wanted import Order
from tests.unit.site.conftest import Zone
from tests.unit.site.test_applying import FOUR, many

HEAD = Head("core", Digest.of(b"document"), "2026-01-01T00:00:00+00:00", (), "site.yaml")
NEEDS = {"main/a": (), "main/b": ("main/a",), "main/c": ("main/b",)}


@pytest.fixture
def plan(zone: Zone) -> Plan:
    return next(zone.sites.carried(zone.plan(many(1))).plans())


def tried(found: Plan) -> Tried:
    order = Order("main", "app0", "app0", "greeter", "1.0", {})
    return Tried("uid-1", order, Digest.of(b"wanted"), found)


def members(plans: dict[str, Plan]) -> dict[str, Member]:
    made = composed(HEAD, NEEDS, {name: tried(one) for name, one in plans.items()})
    return {one.name: one for one in made.members}


def blocked(plan: Plan, *ids: str) -> Plan:
    return replace(plan, concerns=tuple(Concern(one, Weight.BLOCKING, "x") for one in ids))


def same(plan: Plan) -> Plan:
    kept = tuple(replace(one, change=Change.UNCHANGED) for one in plan.actions)
    return replace(plan, actions=kept, from_version=plan.to_version)


def test_what_stays_hands_its_needs_on(plan: Plan) -> None:
    made = composed(HEAD, NEEDS, {n: tried(same(plan) if n == "main/b" else plan) for n in NEEDS})
    assert made.unchanged == ("main/b",)
    assert [[one.name for one in wave] for wave in made.waves] == [["main/a"], ["main/c"]]
    assert members({**dict.fromkeys(NEEDS, plan)})["main/c"].needs == ("main/a", "main/b")


def test_what_another_app_brings_is_waited_for(plan: Plan) -> None:
    lacking = blocked(plan, "api.kind-unknown", "storage.class-unknown")
    found = members({**dict.fromkeys(NEEDS, plan), "main/b": lacking})["main/b"]
    assert (found.plan, found.stops) == (None, ())
    assert found.later == "api.kind-unknown, storage.class-unknown"
    first = members({**dict.fromkeys(NEEDS, plan), "main/a": lacking})["main/a"]
    assert first.stops == ("api.kind-unknown", "storage.class-unknown")
    mixed = blocked(plan, "api.kind-unknown", "api.removed")
    assert members({**dict.fromkeys(NEEDS, plan), "main/b": mixed})["main/b"].stops


def test_a_blocked_site_plan_is_not_applied(zone: Zone) -> None:
    plan = zone.plan(FOUR)
    first = tuple(replace(one, stops=("api.removed",)) for one in plan.waves[0])
    stopped = replace(plan, waves=(first, *plan.waves[1:]))
    assert SitePlan.from_bytes(stopped.to_bytes()) == stopped
    zone.sites._vault.put(stopped.to_bytes())
    with pytest.raises(SiteBlocked, match=r"main/alone \(api\.removed\)"):
        zone.apply(stopped)
    assert zone.places["main"].helm.releases() == ()


def test_what_is_accepted_is_kept_in_the_plan(zone: Zone) -> None:
    made = zone.sites.plan(zone.write(FOUR), zone.told.append, 2, ["api.removed"])
    assert made.accepted == ("api.removed",)
    assert {one.ending for one in zone.apply(made).values()} == {"applied"}
    with pytest.raises(ConcernUnknown):
        zone.sites.plan(zone.write(many(5)), zone.told.append, 2, ["nothing"])
