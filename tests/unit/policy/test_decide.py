"""What a policy allows, and every reason for which it does not."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from champ_offline.errors import ChampError, ExitCode
from champ_offline.policy import reasons
from champ_offline.policy.decide import (
    BundleFacts,
    Decision,
    Effect,
    Moment,
    PlanFacts,
    Severe,
    Warned,
    Wish,
    decide,
    decide_bundle,
    decide_time,
    decide_wish,
)
from champ_offline.policy.hours import Hours, Window
from champ_offline.policy.result import worst
from champ_offline.policy.versions import Kind, kind_of
from tests.unit.policy.documents import LEAST, policy

CLUSTER = ("8f0f-11", "main")
CLAIM = "PersistentVolumeClaim"
# A Saturday, 23:00 in the policy's zone.
OPEN = datetime(2026, 8, 1, 15, 0, tzinfo=UTC)
SHUT = datetime(2026, 8, 3, 15, 0, tzinfo=UTC)
NOW = Moment(OPEN, OPEN)


def ids(decision: Decision) -> list[str]:
    assert decision.allowed == (not decision.reasons)
    return [one.id for one in decision.reasons]


def warned(id_: str) -> Warned:
    return Warned(id_, reasons.WarningStops(release="pacs", warning=id_, object="Job/x"))


def wish(found: str = "1.12.6", wanted: str = "1.12.7", release: str = "pacs") -> Wish:
    return Wish("orthanc", release, "pacs", found, wanted)


@pytest.mark.parametrize(
    ("found", "wanted", "kind"),
    [
        ("", "1.0", Kind.INSTALL),
        ("1.0", "1.0", Kind.SAME),
        ("1.12.6", "1.12.7", Kind.PATCH),
        ("1.12.9", "1.12.10", Kind.PATCH),
        ("1.12.6", "1.12.6.1", Kind.PATCH),
        ("1.12", "1.12.1", Kind.PATCH),
        ("1.12-rc1", "1.12", Kind.PATCH),
        ("1.12.6", "1.13", Kind.MINOR),
        ("1", "1.1", Kind.MINOR),
        ("1.9", "1.10", Kind.MINOR),
        ("1.12.6", "2.0", Kind.MAJOR),
        ("v1.2", "v2.0", Kind.MAJOR),
        ("9", "10", Kind.MAJOR),
        ("1.01", "1.2", Kind.MINOR),
        ("bookworm", "trixie", Kind.OTHER),
        ("1.0", "trixie", Kind.OTHER),
        ("1" * 5000, "2" * 5000, Kind.MAJOR),
        ("1.12.7", "1.12.6", Kind.DOWN),
        ("2.0", "1.9.9", Kind.DOWN),
        ("1.12", "1.12-rc1", Kind.DOWN),
    ],
)
def test_how_far_a_step_goes(found: str, wanted: str, kind: Kind) -> None:
    # A text is newer or older than a number by the catalog's order; it is never a small step.
    if kind is Kind.OTHER:
        assert kind_of(found, wanted) in {Kind.OTHER, Kind.DOWN}
    else:
        assert kind_of(found, wanted) is kind


@pytest.mark.parametrize(
    ("name", "holders", "expected"),
    [
        ("orthanc-1.12", ("release engineering",), []),
        ("viewer", ("somebody", "release engineering"), []),
        ("viewer-2", ("release engineering",), ["policy.bundle-not-named"]),
        ("orthanc-1.12", ("somebody",), ["policy.holder-missing"]),
        ("other", (), ["policy.bundle-not-named", "policy.holder-missing"]),
        ("Orthanc-1", ("release engineering",), ["policy.bundle-not-named"]),
    ],
)
def test_bundles(name: str, holders: tuple[str, ...], expected: list[str]) -> None:
    assert ids(decide_bundle(policy(), BundleFacts(name, holders))) == expected


def test_any_trusted_holder_will_do_where_none_is_named() -> None:
    assert ids(decide_bundle(policy(LEAST), BundleFacts("demo", ("whoever",)))) == []


@pytest.mark.parametrize(
    ("found", "wanted", "expected"),
    [
        ("1.12.6", "1.12.7", []),
        ("1.12.6", "1.13", []),
        ("1.12.6", "2.0.1", []),
        ("1.12.6", "2.0.2", ["policy.step-not-allowed"]),
        ("1.11.6", "2.0.1", ["policy.step-not-allowed"]),
        ("1.12.7", "1.12.7", ["policy.step-not-allowed"]),
        ("1.12.7", "1.12.6", ["policy.step-not-allowed"]),
        ("2.0.3", "1.12.7", []),
        ("2.1", "1.12.7", ["policy.step-not-allowed"]),
        ("", "1.12.7", []),
    ],
)
def test_steps(found: str, wanted: str, expected: list[str]) -> None:
    assert ids(decide_wish(policy(), wish(found, wanted))) == expected


def test_a_table_of_versions_goes_up_alone() -> None:
    text = LEAST + "rules: [{apps: [orthanc], steps: [{from: '1.*', to: '1.*'}]}]\n"
    assert ids(decide_wish(policy(text), wish("1.1", "1.2"))) == []
    assert ids(decide_wish(policy(text), wish("1.2", "1.1"))) == ["policy.step-not-allowed"]


def test_nothing_is_installed_or_changed_that_no_rule_is_about() -> None:
    assert ids(decide_wish(policy(LEAST), wish())) == ["policy.app-not-named"]
    assert ids(decide_wish(policy(LEAST), wish(""))) == ["policy.app-not-named"]
    # The second rule is about it, and installs nothing.
    assert ids(decide_wish(policy(), wish("", release="x"))) == ["policy.install-not-allowed"]


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (PlanFacts(CLUSTER), []),
        (PlanFacts(("other",)), ["policy.cluster-not-named"]),
        (PlanFacts(("other", "second")), []),
        (PlanFacts(CLUSTER, (Severe(Effect.REPLACED, "Job/pacs-index"),)), []),
        (PlanFacts(CLUSTER, (Severe(Effect.REPLACED, "Deployment/pacs"),)),
         ["policy.effect-not-allowed"]),
        (PlanFacts(CLUSTER, (Severe(Effect.DELETED, "ConfigMap/pacs"),)), []),
        (PlanFacts(CLUSTER, (Severe(Effect.DELETED, "Job/pacs-index"),)),
         ["policy.effect-not-allowed"]),
        (PlanFacts(CLUSTER, (Severe(Effect.DELETED, f"{CLAIM}/scratch", volume=True),)), []),
        (PlanFacts(CLUSTER, (Severe(Effect.CHANGED, f"{CLAIM}/data", volume=True),)),
         ["policy.volume-touched"]),
        (PlanFacts(CLUSTER, (Severe(Effect.STOPPED, "StatefulSet/pacs-db"),)), []),
        (PlanFacts(CLUSTER, (Severe(Effect.STOPPED, "StatefulSet/pacs"),)),
         ["policy.effect-not-allowed"]),
        (PlanFacts(CLUSTER, (), (warned("policy.troubled-before"),)), []),
        (PlanFacts(CLUSTER, stops=(reasons.CheckStops(release="pacs", check="x", object="y"),)),
         ["policy.check-stops"]),
        (PlanFacts(CLUSTER, (), (warned("irreversible.hook-runs"),)), ["policy.warning-stops"]),
    ],
)  # fmt: skip
def test_plans(facts: PlanFacts, expected: list[str]) -> None:
    assert ids(decide(policy(), wish(), facts, NOW)) == expected


def test_a_rule_for_claims_is_no_rule_for_deletions_of_other_objects() -> None:
    text = LEAST + "rules: [{apps: [orthanc], steps: [patch], allow: {deleted: ['*']}}]\n"
    claim = Severe(Effect.DELETED, "PersistentVolumeClaim/data", volume=True)
    assert ids(decide(policy(text), wish(), PlanFacts(CLUSTER, (claim,)), NOW)) == [
        "policy.volume-touched"
    ]


def test_every_reason_is_told() -> None:
    facts = PlanFacts(("other",), (Severe(Effect.DELETED, "Service/pacs"),))
    late = Moment(SHUT, SHUT - timedelta(minutes=90))
    assert ids(decide(policy(), wish("1.0", "3.0"), facts, late)) == [
        "policy.outside-hours",
        "policy.time-over",
        "policy.step-not-allowed",
        "policy.cluster-not-named",
        "policy.effect-not-allowed",
    ]


@pytest.mark.parametrize(
    ("moment", "is_open"),
    [
        ("2026-08-01T21:59:59+08:00", False),
        ("2026-08-01T22:00:00+08:00", True),
        ("2026-08-02T04:59:59+08:00", True),
        ("2026-08-02T05:00:00+08:00", False),
        ("2026-08-03T04:59:00+08:00", True),  # Sunday's window, on Monday
        ("2026-08-03T22:30:00+08:00", False),
        ("2026-08-05T02:30:00+08:00", True),
        ("2026-08-05T03:00:00+08:00", False),
    ],
)
def test_windows_belong_to_the_day_they_begin_on(moment: str, is_open: bool) -> None:
    now = datetime.fromisoformat(moment)
    for told in (now, now.astimezone(UTC)):
        assert decide_time(policy(), Moment(told, told)).allowed == is_open


def test_outside_of_hours_the_next_window_is_told() -> None:
    (reason,) = decide_time(policy(), Moment(SHUT, SHUT)).reasons
    assert reason.fields["now"] == "2026-08-03 23:00+08:00"
    assert reason.fields["opens"] == "2026-08-04 02:00+08:00"
    assert reason.exit_code is ExitCode.APPROVAL_MISSING


def test_the_same_hour_next_week_is_found() -> None:
    hours = Hours(UTC, (Window(frozenset({0}), *_clock("01:00", "02:00")),))
    now = datetime(2026, 8, 3, 2, 0, tzinfo=UTC)
    assert hours.opens(now) == datetime(2026, 8, 10, 1, 0, tzinfo=UTC)


def test_hours_of_a_zone_whose_clocks_change() -> None:
    """In Berlin 02:30 does not come on 2026-03-29 and comes twice on 2026-10-25."""
    hours = Hours(ZoneInfo("Europe/Berlin"), (Window(frozenset({6}), *_clock("01:00", "04:00")),))
    spring = datetime(2026, 3, 29, tzinfo=UTC)
    autumn = datetime(2026, 10, 25, tzinfo=UTC) - timedelta(hours=2)
    minutes = [timedelta(minutes=n) for n in range(8 * 60)]
    assert sum(hours.are_open(spring - timedelta(hours=2) + one) for one in minutes) == 2 * 60
    assert sum(hours.are_open(autumn + one) for one in minutes) == 4 * 60


def test_a_run_begins_nothing_after_its_time() -> None:
    for minutes, expected in ((89, []), (90, ["policy.time-over"])):
        began = OPEN - timedelta(minutes=minutes)
        assert ids(decide_time(policy(), Moment(OPEN, began))) == expected


def test_without_hours_any_time_will_do() -> None:
    assert ids(decide_time(policy(LEAST), Moment(SHUT, SHUT))) == []


@pytest.mark.parametrize(
    ("codes", "code"),
    [
        ((), 0),
        ((9, 8, 7), 7),
        ((9, 8), 8),
        ((7, 14), 14),
        ((7, 4, 2), 4),
        ((4, 11, 3), 3),
        ((3, 5, 7), 5),
        ((5, 6, 3), 6),
        ((9,), 9),
    ],
)
def test_the_worst_of_all_wins(codes: tuple[int, ...], code: int) -> None:
    assert worst(map(ExitCode, codes)) == code


def test_reasons_have_words_for_their_fields() -> None:
    facts = PlanFacts(("other",), (Severe(Effect.DELETED, "Service/pacs"),))
    found: list[ChampError] = [*decide(policy(), wish("1.0", "3.0"), facts, NOW).reasons]
    found += decide_bundle(policy(), BundleFacts("other", ())).reasons
    assert all(str(one) and one.advice for one in found)


def _clock(begins: str, ends: str) -> tuple[time, time]:

    return time.fromisoformat(begins), time.fromisoformat(ends)
