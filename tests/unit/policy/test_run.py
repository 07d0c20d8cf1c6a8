"""Runs on a real zone and a simulated cluster: only what the policy allows, and never twice."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from champ_offline.appliance import Appliance
from champ_offline.bundle.media import DOCUMENT
from champ_offline.durable.lock import FileLock, Locked
from champ_offline.errors import ExitCode, Quoted
from champ_offline.events import Event, StepStarted, ignore
from champ_offline.helm.engine import FAILED, Options, Release, Values
from champ_offline.helm.faults import ReleaseFailed
from champ_offline.policy.document import Policy
from champ_offline.policy.result import Result, Verdict
from champ_offline.policy.run import Runner
from champ_offline.release.clusters import ClusterNotNamed
from tests.simulators.charts import NOWHERE
from tests.simulators.helm import SimulatedHelm
from tests.tui.sample_app import ZONE, Media, make_media
from tests.tui.simulated import World

ALWAYS = "format: 1\nbundles: [greeter]\nhours: always\n"
INSTALL = ALWAYS + "rules: [{apps: [greeter], install: true}]\n"
MAJOR = ALWAYS + "rules: [{apps: [greeter], steps: [major], warnings: go-on}]\n"
NIGHT = 'hours: {zone: "+00:00", open: [{from: "22:00", to: "04:00"}], outside: %s}\n'
ANSWERS = "site: North Clinic\nusers: [{name: admin, password: not-so-secret-1}]\n"
DAY = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Media:
    return make_media(tmp_path_factory.mktemp("media"))


@dataclass
class Site:
    """A zone, its cluster, and the sticks that are brought to it."""

    zone: Path
    media: Media
    world: World = field(default_factory=World)
    now: datetime | None = None

    def run(self, policy: str, *versions: str, rehearsal: bool = False) -> Result:
        return self.runner(policy).run(self.sticks(*versions), ignore, rehearsal=rehearsal)

    def runner(self, policy: str, pause: Callable[[float], None] = lambda _seconds: None) -> Runner:
        read = Policy.from_bytes(policy.encode(), "policy.yaml")
        return Runner(self.appliance, read, self.zone / "kubeconfig", self.clock, pause)

    def clock(self) -> datetime:
        return self.now or datetime.now(UTC)

    @property
    def appliance(self) -> Appliance:
        return self.world.open(self.zone)

    def sticks(self, *versions: str) -> list[Path]:
        found = [one.parent for one in sorted(self.media.stick.rglob(DOCUMENT))]
        return [one for one in found if not versions or one.name.split("-")[-1] in versions]

    def answer(self) -> None:
        path = self.appliance.paths.answers("greeter", "greeter")
        path.parent.mkdir(parents=True)
        path.write_text(ANSWERS)

    def version(self) -> str:
        rows = self.appliance.releases.status(None, None, self.zone / "kubeconfig")
        return " ".join(f"{row.release} {row.version} {row.health}" for row in rows)

    def decisions(self) -> list[tuple[str, str, bool, list[str]]]:
        rows = [row for row in self.appliance.audit.rows() if row.act == "policy.decide"]
        details = [json.loads(row.detail) for row in rows]
        assert all(one["policy"].startswith("sha256:") for one in details)
        return [
            (row.subject, one.get("wanted", one.get("version")), one["allowed"], one["reasons"])
            for row, one in zip(rows, details, strict=True)
        ]


@pytest.fixture
def site(tmp_path: Path, media: Media) -> Site:
    Appliance.create(tmp_path / "zone", ZONE, media.root, media.fingerprint)
    made = Site(tmp_path / "zone", media)
    made.answer()
    return made


@pytest.fixture
def running(site: Site) -> Site:
    """Version 1.0 of the app runs."""
    assert site.run(INSTALL, "1.0").exit_code is ExitCode.OK
    assert site.version() == "greeter 1.0 healthy"
    return site


def verdicts(result: Result) -> list[tuple[str, str, str]]:
    bundles = [(one.bundle, one.version, one.verdict.value) for one in result.bundles]
    return bundles + [(one.release, one.wanted, one.verdict.value) for one in result.releases]


def ids(result: Result) -> list[str]:
    return [reason.id for row in result.rows for reason in row.reasons]


def test_a_stick_with_an_app_is_taken_in_and_installed(site: Site) -> None:
    result = site.run(INSTALL, "1.0")
    assert verdicts(result) == [("greeter", "1.0", "done"), ("greeter", "1.0", "done")]
    assert result.exit_code is ExitCode.OK
    assert site.version() == "greeter 1.0 healthy"
    assert site.decisions() == [
        ("greeter", "1.0", True, []), ("greeter/greeter", "1.0", True, []),
    ]  # fmt: skip
    (ended,) = (row for row in site.appliance.audit.rows() if row.act == "policy.run")
    assert json.loads(ended.detail)["releases"] == ["greeter/greeter 1.0"]


def test_the_zone_tells_under_which_policy_the_last_change_was(site: Site) -> None:
    before = site.appliance.settings()
    assert (before.policy, before.ran) == ("", "")
    first = str(site.run(INSTALL, "1.0").policy)
    found = site.appliance.settings()
    assert found.policy == first
    last = site.appliance.audit.rows()[-1]
    assert (last.act, last.time) == ("policy.run", found.ran)
    second = str(site.run(INSTALL + "# changes nothing more\n", "1.0").policy)
    assert second != first
    assert site.appliance.settings().policy == first


def test_the_same_run_again_changes_nothing(running: Site) -> None:
    before = running.appliance.audit.head()
    result = running.run(INSTALL, "1.0")
    assert verdicts(result) == [("greeter", "1.0", "as it is"), ("greeter", "1.0", "as it is")]
    assert result.exit_code is ExitCode.OK
    assert running.appliance.audit.head() == before
    assert len(running.appliance.releases.history("greeter", "greeter")) == 1


def test_an_upgrade_that_is_allowed_keeps_the_answers(running: Site) -> None:
    result = running.run(MAJOR, "2.0")
    assert verdicts(result) == [("greeter", "2.0", "done"), ("greeter", "2.0", "done")]
    assert (result.releases[0].found, result.exit_code) == ("1.0", ExitCode.OK)
    assert running.version() == "greeter 2.0 healthy"


def test_a_step_that_is_not_allowed_is_refused_with_its_reason(running: Site) -> None:
    result = running.run(INSTALL.replace("install: true", "steps: [minor]"), "2.0")
    assert verdicts(result) == [("greeter", "2.0", "done"), ("greeter", "2.0", "forbidden")]
    assert ids(result) == ["policy.step-not-allowed"]
    assert result.exit_code is ExitCode.APPROVAL_MISSING
    assert running.version() == "greeter 1.0 healthy"
    assert running.decisions()[-1] == (
        "greeter/greeter", "2.0", False, ["policy.step-not-allowed"],
    )  # fmt: skip


def test_of_two_versions_the_newest_that_is_allowed_is_taken(site: Site) -> None:
    text = ALWAYS + "rules: [{apps: [greeter], install: true}]\n"
    assert verdicts(site.run(text))[2:] == [("greeter", "2.0", "done")]


def test_older_media_change_nothing(running: Site) -> None:
    assert running.run(MAJOR, "2.0").exit_code is ExitCode.OK
    result = running.run(MAJOR, "1.0")
    assert verdicts(result) == [("greeter", "1.0", "as it is"), ("greeter", "1.0", "as it is")]
    assert result.exit_code is ExitCode.OK
    assert running.version() == "greeter 2.0 healthy"


def test_an_app_that_does_not_run_is_left_alone(site: Site) -> None:
    result = site.run(MAJOR, "1.0")
    assert verdicts(result) == [("greeter", "1.0", "done"), ("greeter", "1.0", "left alone")]
    assert ids(result) == ["policy.install-not-allowed"]
    assert result.exit_code is ExitCode.OK
    assert site.version() == ""


def test_a_bundle_that_is_not_named_stays_on_the_stick(site: Site) -> None:
    result = site.run(INSTALL.replace("bundles: [greeter]", "bundles: [orthanc]"))
    assert [row.verdict for row in result.rows] == [Verdict.REFUSED, Verdict.REFUSED]
    assert result.exit_code is ExitCode.APPROVAL_MISSING
    assert site.appliance.summary().bundles == ()


def test_a_bundle_of_another_holder_stays_on_the_stick(site: Site) -> None:
    assert ids(site.run(ALWAYS + "holders: [vendor]\n", "1.0")) == ["policy.holder-missing"]
    assert site.run(ALWAYS + "holders: [Release *]\n", "1.0").exit_code is ExitCode.OK


def test_a_rehearsal_says_everything_and_changes_nothing(running: Site) -> None:
    head = running.appliance.audit.head()
    result = running.run(MAJOR, "2.0", rehearsal=True)
    assert verdicts(result) == [("greeter", "2.0", "would be done")] * 2
    assert running.appliance.audit.head() == head
    assert running.version() == "greeter 1.0 healthy"
    assert [one.document.version for one in running.appliance.summary().bundles] == ["1.0"]
    # Once the bundle is here it says by which plan.
    running.run(ALWAYS, "2.0")
    (row,) = running.run(MAJOR, "2.0", rehearsal=True).releases
    assert (row.verdict, row.plan is None) == (Verdict.WOULD, False)


def test_outside_of_hours_nothing_begins(running: Site) -> None:
    running.now = DAY
    result = running.run(MAJOR.replace("hours: always\n", NIGHT % "end"), "2.0")
    assert verdicts(result) == [("greeter", "2.0", "forbidden")]
    assert ids(result) == ["policy.outside-hours"]
    assert result.exit_code is ExitCode.APPROVAL_MISSING
    assert running.version() == "greeter 1.0 healthy"


def test_outside_of_hours_what_is_done_already_is_no_trouble(running: Site) -> None:
    running.now = DAY
    result = running.run(INSTALL.replace("hours: always\n", NIGHT % "end"), "1.0")
    assert (result.exit_code, ids(result)) == (ExitCode.OK, [])


def test_a_change_waits_for_its_hour_though_the_bundle_is_here(running: Site) -> None:
    running.run(ALWAYS, "2.0")
    running.now = DAY
    result = running.run(MAJOR.replace("hours: always\n", NIGHT % "end"), "2.0")
    assert verdicts(result) == [("greeter", "2.0", "as it is"), ("greeter", "2.0", "forbidden")]


def test_a_run_that_waits_begins_when_the_window_opens(running: Site) -> None:
    running.now = DAY
    events: list[Event] = []

    def pause(seconds: float) -> None:
        assert running.now is not None
        assert seconds <= 60
        running.now += timedelta(hours=1)

    runner = running.runner(MAJOR.replace("hours: always\n", NIGHT % "wait"), pause)
    result = runner.run(running.sticks("2.0"), events.append)
    assert result.exit_code is ExitCode.OK
    assert running.version() == "greeter 2.0 healthy"
    assert result.began[11:16] == "22:00"
    assert any(isinstance(one, StepStarted) and one.name == "wait" for one in events)


def test_a_release_that_is_not_healthy_is_not_touched_unless_said(running: Site) -> None:
    _ail(running)
    result = running.run(MAJOR.replace("warnings: go-on", "warnings: stop"), "2.0")
    assert "policy.troubled-before" in ids(result)
    assert result.exit_code is ExitCode.APPROVAL_MISSING


def test_a_release_that_somebody_stopped_is_not_started_unless_said(running: Site) -> None:
    cluster = running.world.cluster
    live = cluster.get("apps/v1", "Deployment", "greeter", "greeter-work")
    assert live is not None
    live["spec"]["replicas"] = 0
    cluster.apply(live, "greeter")
    assert running.version() == "greeter 1.0 not serving"
    result = running.run(MAJOR.replace("warnings: go-on", "warnings: stop"), "2.0")
    (reason,) = (one for row in result.rows for one in row.reasons)
    assert (reason.id, reason.fields["cause"]) == (
        "policy.troubled-before", "Deployment/greeter-work scaled to 0",
    )  # fmt: skip


def test_a_release_that_is_not_healthy_afterwards_needs_a_person(running: Site) -> None:
    _ail(running)
    result = running.run(INSTALL, "1.0")
    assert ids(result) == ["policy.troubled-after"]
    assert result.exit_code is ExitCode.NEEDS_PERSON


def test_a_cluster_that_does_not_answer_is_told_after_the_import(running: Site) -> None:
    running.world.cluster.reachable = False
    result = running.run(MAJOR, "2.0")
    assert result.bundles[0].verdict is Verdict.DONE
    assert result.releases[0].verdict is Verdict.FAILED
    assert result.exit_code is ExitCode.PREFLIGHT
    running.world.cluster.reachable = True
    assert running.run(MAJOR, "2.0").exit_code is ExitCode.OK


def test_the_same_version_anew_puts_right_what_moved_away(running: Site) -> None:
    same = ALWAYS + "rules: [{apps: [greeter], steps: [same], warnings: go-on}]\n"
    assert verdicts(running.run(same, "1.0"))[1:] == [("greeter", "1.0", "as it is")]
    cluster = running.world.cluster
    live = cluster.get("v1", "ConfigMap", "greeter", "greeter-config")
    assert live is not None
    wanted = live["data"]["greeting"]
    live["data"]["greeting"] = "somebody was here"
    cluster.apply(live, "greeter")
    assert verdicts(running.run(INSTALL, "1.0"))[1:] == [("greeter", "1.0", "as it is")]
    assert verdicts(running.run(same, "1.0"))[1:] == [("greeter", "1.0", "done")]
    after = cluster.get("v1", "ConfigMap", "greeter", "greeter-config")
    assert after is not None
    assert after["data"]["greeting"] == wanted


def test_a_rule_for_another_cluster_changes_nothing(running: Site) -> None:
    text = MAJOR.replace("steps:", "clusters: [elsewhere], steps:")
    assert ids(running.run(text, "2.0")) == ["policy.cluster-not-named"]
    identity = running.world.cluster.identity()
    assert running.run(text.replace("elsewhere", identity), "2.0").exit_code is ExitCode.OK


def test_one_run_at_a_time(site: Site) -> None:
    with FileLock(site.appliance.paths.run_lock), pytest.raises(Locked):
        site.run(INSTALL, "1.0")


def test_while_somebody_changes_the_zone_a_run_ends_as_locked(site: Site) -> None:
    with FileLock(site.appliance.paths.lock):
        result = site.run(ALWAYS, "1.0")
    assert result.exit_code is ExitCode.LOCKED


def test_rules_need_a_cluster(site: Site) -> None:
    rules, none = (Policy.from_bytes(text.encode(), "x") for text in (INSTALL, ALWAYS))
    with pytest.raises(ClusterNotNamed):
        Runner(site.appliance, rules, None)
    result = Runner(site.appliance, none, None).run(site.sticks("1.0"), ignore)
    assert verdicts(result) == [("greeter", "1.0", "done")]


def test_bundles_for_other_zones(tmp_path: Path, media: Media) -> None:
    Appliance.create(tmp_path / "zone", "another-zone", media.root, media.fingerprint)
    result = Site(tmp_path / "zone", media).run(INSTALL, "1.0")
    assert result.exit_code is ExitCode.TRUST_REFUSED


class FailingHelm(SimulatedHelm):
    """Its upgrades fail when all is written, as with a probe that never answers."""

    def upgrade(
        self, chart: bytes, release: str, namespace: str, values: Values, options: Options
    ) -> Release:
        super().upgrade(chart, release, namespace, values, options)
        self.mark(release, namespace, FAILED)
        raise ReleaseFailed(release=release, namespace=namespace, reason=Quoted("a probe fails"))


def test_a_change_that_fails_is_put_back(running: Site) -> None:
    running.world.helm.__class__ = FailingHelm
    result = running.run(MAJOR, "2.0")
    assert verdicts(result) == [("greeter", "2.0", "done"), ("greeter", "2.0", "failed")]
    assert (ids(result), result.exit_code) == (["release.put-back"], ExitCode.PUT_BACK)
    assert running.version() == "greeter 1.0 healthy"
    running.world.helm.__class__ = SimulatedHelm
    assert running.run(MAJOR, "2.0").exit_code is ExitCode.OK
    assert running.version() == "greeter 2.0 healthy"


@pytest.mark.parametrize(("failed", "second"), [("stop", "forbidden"), ("go-on", "failed")])
def test_after_a_failure_the_policy_says_whether_others_are_changed(
    running: Site, failed: str, second: str
) -> None:
    way = running.zone / "kubeconfig"
    releases = running.appliance.releases
    answers = running.appliance.paths.answers("greeter", "greeter")
    releases.apply(releases.plan_install("greeter", "1.0", "zweite", "zweite", answers, way), way,
                   ignore)  # fmt: skip
    running.world.helm.__class__ = FailingHelm
    result = running.run(MAJOR + f"failed: {failed}\n", "2.0")
    assert [one.verdict.value for one in result.releases] == ["failed", second]
    assert result.exit_code is ExitCode.PUT_BACK


def _ail(site: Site) -> None:
    """Somebody gives the app an image that no registry has."""
    cluster = site.world.cluster
    live = cluster.get("apps/v1", "Deployment", "greeter", "greeter-work")
    assert live is not None
    live["spec"]["template"]["spec"]["containers"][0]["image"] = NOWHERE
    cluster.apply(live, "greeter")
    assert site.version() == "greeter 1.0 troubled"
