"""A site plan made and applied: order, several at once, failures, kills, a second time."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from champ_offline.errors import ExitCode
from champ_offline.journal.audit import Audit
from champ_offline.operations import PlanNotOurs
from champ_offline.release.apply.failures import ApplyPutBack
from champ_offline.release.base import PlanStale
from champ_offline.release.records.history import Outcome
from champ_offline.site.carried import Carried
from champ_offline.site.compose import AppNotPlanned
from champ_offline.site.document import ZoneNotInSite
from champ_offline.site.execute import Ending, exit_code
from champ_offline.site.plan import SitePlan, SitePlanUnreadable, is_site_plan
from champ_offline.site.reach import SiteClusterAway
from champ_offline.site.wanted import SecretInDocument, SecretsFileOpen
from tests.unit.site.conftest import Gone, Zone

HEAD = """\
format: 1
defaults:
  greeter: {version: "1.0", answers: {site: North, greeting: hello}}
zones:
  core-business:
    clusters:
"""
# db <- pacs <- viewer, and alone needs nothing; viewer is on the other cluster.
FOUR = f"""{HEAD}\
      main:
        apps:
          db: {{app: greeter, namespace: imaging}}
          pacs: {{app: greeter, namespace: imaging, needs: [db]}}
          alone: {{app: greeter}}
      edge:
        apps:
          viewer: {{app: greeter, needs: [main/pacs]}}
"""


def many(count: int, more: str = "", top: str = "") -> str:
    apps = "".join(f"          app{n}: {{app: greeter{more}}}\n" for n in range(count))
    return f"{HEAD}      main:\n{top}        apps:\n{apps}"


def test_apps_come_in_the_order_of_their_needs(zone: Zone) -> None:
    plan = zone.plan(FOUR)
    waves = [[one.name for one in wave] for wave in plan.waves]
    assert waves == [["main/alone", "main/db"], ["main/pacs"], ["edge/viewer"]]
    assert zone.places["main"].helm.releases() == ()
    assert set(zone.endings(plan).values()) == {Ending.APPLIED}
    begun = zone.places["main"].helm.begun
    assert begun.index("db") < begun.index("pacs")
    assert [one.name for one in zone.places["edge"].helm.releases()] == ["viewer"]
    standing = zone.history.standing(None, None)
    assert {one.cluster for one in standing} == {"uid-1", "uid-99"}
    acts = [row.act for row in Audit(zone.appliance._database, zone.appliance._clock).rows()]
    assert acts.count("site.plan") == acts.count("site.apply") == 1
    assert acts.count("release.apply.end") == 4


def test_the_second_time_nothing_is_done_and_no_cluster_asked(zone: Zone) -> None:
    plan = zone.plan(FOUR)
    zone.apply(plan)
    zone.ways = 0
    assert set(zone.endings(plan).values()) == {Ending.THERE}
    assert zone.ways == 0
    again = zone.plan(FOUR)
    assert not again.has_changes
    assert len(again.unchanged) == 4
    assert zone.apply(again) == {}
    assert len(zone.history.revisions("uid-1", "imaging", "db")) == 1


def test_independent_ones_go_at_the_same_time(zone: Zone) -> None:
    plan = zone.plan(many(4), workers=4)
    # Each waits for the three others: one after the other they would never come.
    zone.places["main"].helm.together = threading.Barrier(4)
    assert set(zone.endings(plan, workers=4).values()) == {Ending.APPLIED}
    zone.ways = 0
    zone.plan(many(6), workers=3)
    assert zone.ways <= 1 + 3  # looked at once, then a way for each worker


def test_a_failure_stops_what_needs_it_and_nothing_else(zone: Zone) -> None:
    plan = zone.plan(FOUR)
    helm = zone.places["main"].helm
    helm.broken = {"db"}
    ended = zone.apply(plan)
    assert {name: one.ending for name, one in ended.items()} == {
        "main/alone": Ending.APPLIED,
        "main/db": Ending.FAILED,
        "main/pacs": Ending.LEFT,
        "edge/viewer": Ending.LEFT,
    }
    assert exit_code(ended.values()) is ExitCode.PUT_BACK
    assert ended["main/db"].error_id == "release.put-back"
    helm.broken = set()
    helm.begun.clear()
    assert zone.endings(plan) == {
        "main/alone": Ending.THERE,
        "main/db": Ending.APPLIED,
        "main/pacs": Ending.APPLIED,
        "edge/viewer": Ending.APPLIED,
    }
    assert helm.begun == ["db", "pacs"]


def test_a_kill_between_members_is_gone_on_from(zone: Zone) -> None:
    plan = zone.plan(FOUR)
    helm = zone.places["main"].helm
    helm.deadly, zone.dying = "pacs", True
    with pytest.raises(Gone):
        zone.apply(plan, workers=1)  # one, as others of the process would take it for dead too
    helm.deadly, zone.dying = "", False
    ended = zone.endings(plan)
    assert (ended["main/db"], ended["main/alone"]) == (Ending.THERE, Ending.THERE)
    assert (ended["main/pacs"], ended["edge/viewer"]) == (Ending.APPLIED, Ending.APPLIED)
    assert helm.begun.count("db") == 1
    outcomes = [one.outcome for one in zone.history.revisions("uid-1", "imaging", "pacs")]
    assert outcomes[-1] is Outcome.DEPLOYED


def test_an_upgrade_that_was_put_back_is_taken_up_again(zone: Zone) -> None:
    zone.apply(zone.plan(many(2)))
    plan = zone.plan(many(2, ', version: "2.0"'))
    put_back(zone, plan, "main/app0")
    ended = zone.apply(plan)
    assert {one.ending for one in ended.values()} == {Ending.APPLIED}
    assert {one.version for one in zone.history.standing(None, None)} == {"2.0"}
    zone.ways = 0
    assert set(zone.endings(plan).values()) == {Ending.THERE}
    assert zone.ways == 0


def put_back(zone: Zone, plan: SitePlan, name: str) -> None:
    """Let one member be tried and put back as Helm does it: two more of its revisions."""
    (member,) = (one for one in plan.members if one.name == name)
    (made,) = (one for one in zone.sites.carried(plan).plans() if one.digest == member.plan)
    helm = zone.places["main"].helm
    helm.late = {made.release}
    with pytest.raises(ApplyPutBack):
        zone.releases.apply(made, Path("/srv/main.conf"), zone.told.append)
    helm.late = set()
    found = helm.status(made.release, made.namespace)
    assert found is not None
    assert found.revision > made.base_revision


def test_what_somebody_else_moved_is_stale(zone: Zone) -> None:
    zone.apply(zone.plan(many(1)))
    plan = zone.plan(many(1, ', version: "2.0"'))
    zone.apply(zone.plan(many(1, ", answers: {greeting: moin}")))
    (ended,) = zone.apply(plan).values()
    assert isinstance(ended.error, PlanStale)
    assert zone.history.standing(None, None)[0].version == "1.0"


def test_what_is_not_named_is_left_alone_unless_pruned(zone: Zone) -> None:
    zone.apply(zone.plan(many(3)))
    assert not zone.plan(many(2)).has_changes
    plan = zone.plan(many(2, top="        prune: true\n"))
    (member,) = plan.members
    assert (member.name, member.operation) == ("main/app2.app2", "remove")
    assert zone.endings(plan) == {"main/app2.app2": Ending.APPLIED}
    assert [one.name for one in zone.places["main"].helm.releases()] == ["app0", "app1"]
    assert zone.endings(plan) == {"main/app2.app2": Ending.THERE}


def test_what_cannot_be_planned_yet_is_planned_in_its_turn(zone: Zone) -> None:
    zone.places["main"].helm.unready = {"pacs": "db"}
    plan = zone.plan(FOUR)
    later = {one.name: one for one in plan.members}["main/pacs"]
    assert later.plan is None
    assert "no kind Sample" in later.later
    assert SitePlan.from_bytes(plan.to_bytes()) == plan
    assert set(zone.endings(plan).values()) == {Ending.APPLIED}
    again = zone.endings(plan)
    assert set(again.values()) == {Ending.THERE}


def test_what_can_never_be_planned_stops_the_whole(zone: Zone) -> None:
    zone.places["main"].helm.unready = {"alone": "never"}
    with pytest.raises(AppNotPlanned, match="main/alone"):
        zone.plan(FOUR)
    assert zone.places["main"].helm.releases() == ()


def test_a_cluster_that_does_not_answer_is_named_and_others_can_go_on(zone: Zone) -> None:
    plan = zone.plan(FOUR)
    zone.places["edge"].cluster.reachable = False
    with pytest.raises(SiteClusterAway, match="“edge” is away") as raised:
        zone.plan(FOUR)
    assert "leaves “edge” out" in raised.value.advice
    with pytest.raises(SiteClusterAway, match="“edge” is away"):
        zone.apply(plan)
    assert zone.places["main"].helm.releases() == ()
    others = FOUR[: FOUR.index("      edge:")]
    assert set(zone.endings(zone.plan(others)).values()) == {Ending.APPLIED}
    zone.places["edge"].cluster.reachable = True
    assert [one.name for one in zone.plan(FOUR).members] == ["edge/viewer"]


def test_secrets_are_kept_or_come_from_a_private_file(zone: Zone) -> None:
    plan = zone.plan(many(1))
    zone.apply(plan)
    password = secret(zone)
    assert len(password) == 24
    zone.apply(zone.plan(many(1, ", answers: {greeting: moin}")))
    assert secret(zone) == password
    own = zone.folder.parent / "own.yaml"
    own.write_text("databasePassword: chosen-by-a-person\n", encoding="utf-8")
    with pytest.raises(SecretsFileOpen, match=r"own\.yaml"):
        zone.plan(many(1, ", secrets_file: own.yaml"))
    own.chmod(0o600)
    made = zone.plan(many(1, ", secrets_file: own.yaml"))
    zone.apply(made)
    assert secret(zone) == "chosen-by-a-person"
    assert b"chosen-by" not in made.to_bytes()
    assert all(b"chosen-by" not in one.to_bytes() for one in zone.sites.carried(made).plans())
    with pytest.raises(SecretInDocument, match="line 9: “databasePassword”") as raised:
        zone.plan(many(1, ", answers: {databasePassword: seen-by-all-of-us}"))
    assert "seen-by" not in str(raised.value)


def secret(zone: Zone) -> str:
    return str(zone.places["main"].helm.values("app0", "app0")["password"])


def test_a_zone_that_is_not_named_and_plans_of_others_are_refused(zone: Zone) -> None:
    text = FOUR.replace("core-business", "core-other")
    with pytest.raises(ZoneNotInSite, match="“core-business”"):
        zone.plan(text)
    plan = zone.plan(FOUR)
    edited = json.loads(plan.to_bytes())
    edited["unchanged"] = ["main/x"]
    forged = SitePlan.from_bytes(json.dumps(edited, sort_keys=True, separators=(",", ":")).encode())
    with pytest.raises(PlanNotOurs):
        zone.apply(forged)


def test_a_site_plan_is_read_as_it_was_written(zone: Zone) -> None:
    plan = zone.plan(FOUR)
    data = plan.to_bytes()
    assert is_site_plan(data)
    assert SitePlan.from_bytes(data) == plan
    made = list(zone.sites.carried(plan).plans())
    assert not is_site_plan(made[0].to_bytes())
    assert [one.digest for one in made] == [one.plan for one in plan.members]
    for wrong in (b"{", b"[]", data.replace(b'"format":1', b'"format":9'), data + b" "):
        with pytest.raises(SitePlanUnreadable):
            SitePlan.from_bytes(wrong)


def test_a_site_plan_is_carried_with_every_plan_that_it_names_and_no_other(zone: Zone) -> None:
    carried = zone.sites.carried(zone.plan(FOUR))
    data = carried.to_bytes()
    assert is_site_plan(data)
    assert Carried.from_bytes(data) == carried
    lines = data.splitlines(keepends=True)
    changed = lines[2].replace(b"greeter", b"greeted", 1)
    for wrong in (lines[:-1], [*lines, lines[1]], [lines[0]], [*lines[:2], changed, *lines[3:]]):
        with pytest.raises(SitePlanUnreadable, match="are not those that it names"):
            Carried.from_bytes(b"".join(wrong))
