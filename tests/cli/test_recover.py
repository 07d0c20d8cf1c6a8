"""`champ recover`: what it shows and does, and its exit codes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from champ_offline.appliance import Appliance
from champ_offline.bundle.errors import BundleBelow
from champ_offline.clock import now_utc
from champ_offline.durable.database import Database
from champ_offline.errors import Quoted
from champ_offline.events import ignore
from champ_offline.helm.engine import Options
from champ_offline.helm.faults import ReleaseFailed
from champ_offline.journal.journal import Journal
from champ_offline.release.apply.failures import ApplyLeftOpen, ApplyTakenOver
from champ_offline.release.prospect import PlanBlocked
from installer.cli.main import command_line
from installer.cli.session import Session
from tests.cli.command import loaded_champ
from tests.simulators.charts import small
from tests.tui.sample_app import ZONE, make_media
from tests.tui.simulated import World

UNREACHABLE = """\
apiVersion: v1
kind: Config
current-context: c
contexts: [{name: c, context: {cluster: c, user: u}}]
clusters: [{name: c, cluster: {server: "https://127.0.0.1:9"}}]
users: [{name: u, user: {token: t}}]
"""
ANSWERED = "answers.yaml"
ANSWERS = "site: Ward\nusers: [{name: admin}]\nstorage: {}\n"


class Cut(BaseException):
    """The end of the process, in the middle of what it did."""


@dataclass
class Site:
    """A zone with the sample app, installed once, on a simulated cluster."""

    zone: Path
    world: World
    kubeconfig: Path
    said: str = ""

    def champ(self, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
        session = Session(zone=self.zone, open_zone=self.world.open)
        given = ["--zone", str(self.zone), *words, "--kubeconfig", str(self.kubeconfig)]
        code = command_line(lambda _: 0).main(given, standalone_mode=False, obj=session)
        told = capsys.readouterr()
        self.said = told.err
        return int(code or 0), told.out

    def json(self, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, Any]:
        code, out = self.champ(capsys, "--json", *words)
        return code, json.loads(out)

    def apply(self, version: str) -> None:
        releases = self.world.open(self.zone).releases
        answers = self.zone.parent / ANSWERED
        answers.write_text(ANSWERS)
        plan = releases.plan_install("greeter", version, "pacs", "pacs", answers, self.kubeconfig)
        releases.apply(plan, self.kubeconfig, ignore)

    def cut_off(self, version: str) -> None:
        """An apply that ends in the middle of Helm's work, and cannot do anything about it."""

        @contextmanager
        def effect(name: str) -> Iterator[None]:
            if name == "apply Secret":
                self.world.cluster.reachable = False
                raise Cut
            yield

        self.world.cluster.effect = effect
        with pytest.raises(ApplyLeftOpen):
            self.apply(version)
        self.world.cluster.reachable, self.world.cluster.effect = True, nullcontext


@pytest.fixture
def site(tmp_path: Path) -> Site:
    media = make_media(tmp_path)
    Appliance.create(tmp_path / "zone", ZONE, media.root, media.fingerprint)
    for folder in sorted((media.stick / "champ").iterdir()):
        Appliance.open(tmp_path / "zone").import_media([folder], ignore)
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(UNREACHABLE)
    made = Site(tmp_path / "zone", World(), kubeconfig)
    made.apply("1.0")
    return made


def test_nothing_to_do_needs_no_cluster(site: Site) -> None:
    done = loaded_champ("--zone", str(site.zone), "recover")
    assert (done.returncode, done.stdout) == (0, "Nothing was interrupted.\n")
    assert json.loads(loaded_champ("--zone", str(site.zone), "recover", "--json").stdout) == []


def test_a_cluster_that_does_not_answer_hides_no_row(site: Site) -> None:
    away = ("--zone", str(site.zone), "status", "--kubeconfig", str(site.kubeconfig))
    done = loaded_champ(*away, "--json")
    assert (done.returncode, "cluster.unreachable" in done.stderr) == (4, True)
    [row] = json.loads(done.stdout)
    assert (row["release"], row["health"], row["drift"]) == ("pacs", "unknown", None)


def test_what_was_cut_off_is_rehearsed_and_then_put_back(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    site.cut_off("2.0")
    code, [would] = site.json(capsys, "recover", "--dry-run")
    assert (code, would["outcome"], would["acts"]) == (0, "open", ["rollback 1"])
    code, out = site.champ(capsys, "recover")
    assert code == 0
    heading, row = out.splitlines()
    assert heading.split() == [
        "RELEASE", "WHAT", "BEGAN", "STEP", "FOUND", "DONE", "OUTCOME", "VOLUMES", "THAT", "STAY"
    ]  # fmt: skip
    assert row.startswith("pacs/pacs  upgrade")
    assert row.endswith("1 deployed, 2 pending-upgrade  rollback 1  put back")
    assert site.champ(capsys, "recover") == (0, "Nothing was interrupted.\n")
    assert [r.status for r in site.world.helm.history("pacs", "pacs")][-1] == "deployed"


def test_a_hook_that_never_succeeds_is_named_and_can_be_left_out(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    site.cut_off("2.0")
    helm = site.world.helm
    whole = helm.rollback

    def rollback(release: str, namespace: str, revision: int, options: Options) -> None:
        if options.hooks:
            reason = "post-rollback hooks failed: job pacs-tidy failed"
            raise ReleaseFailed(release=release, namespace=namespace, reason=Quoted(reason))
        whole(release, namespace, revision, options)

    helm.rollback = rollback  # type: ignore[method-assign]
    code, out = site.champ(capsys, "recover")
    assert code == 6
    assert "pacs/pacs: Helm did not finish" in out
    assert "post-rollback hooks failed: job pacs-tidy failed" in out
    code, [done] = site.json(capsys, "recover", "--without-hooks")
    assert (code, done["outcome"], done["acts"]) == (0, "put-back", ["rollback 1 without hooks"])
    assert [r.status for r in helm.history("pacs", "pacs")][-1] == "deployed"


def test_somebody_elses_change_wants_a_look(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    site.cut_off("2.0")
    helm = site.world.helm
    helm.rollback("pacs", "pacs", 1, Options())
    helm.upgrade(small(), "pacs", "pacs", {"greeting": "stock"}, Options())
    code, [found] = site.json(capsys, "recover")
    assert (code, found["outcome"]) == (6, "taken-over")


def test_status_puts_nothing_right_and_says_what_does(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    site.champ(capsys, "status")
    assert site.said == ""
    site.cut_off("2.0")
    before = site.world.helm.history("pacs", "pacs")
    code, [shown] = site.json(capsys, "status")
    assert (code, shown["version"]) == (0, "1.0")
    assert "pacs/pacs was interrupted at step" in site.said
    assert "`champ recover`" in site.said
    assert site.world.helm.history("pacs", "pacs") == before
    assert site.json(capsys, "recover")[1][0]["outcome"] == "put-back"


def test_a_verb_that_puts_right_first_says_so(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    site.cut_off("2.0")
    assert site.champ(capsys, "--progress", "ndjson", "remove", "pacs", "--dry-run")[0] == 0
    told = json.loads(site.said.splitlines()[0])
    assert (told["event"], told["subject"].rpartition("/")[2]) == ("Interrupted", "pacs")
    site.cut_off("2.0")
    assert site.champ(capsys, "remove", "pacs", "--dry-run")[0] == 0
    assert "put right first" in site.said
    site.champ(capsys, "remove", "pacs", "--dry-run")
    assert "put right first" not in site.said
    site.cut_off("2.0")
    (site.zone.parent / "policy.yaml").write_text("format: 1\nbundles: [greeter]\nhours: always\n")
    words = ("run", str(site.zone.parent), "--policy", str(site.zone.parent / "policy.yaml"))
    with pytest.raises(BundleBelow):
        site.champ(capsys, "--progress", "ndjson", *words)
    site.said = capsys.readouterr().err
    assert json.loads(site.said.splitlines()[0])["event"] == "Interrupted"


def test_history_says_what_was_interrupted(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    site.cut_off("2.0")
    shown = loaded_champ("--zone", str(site.zone), "history", "pacs").stdout.splitlines()
    assert " interrupted " in shown[-1]
    assert " — " in shown[-1]
    site.champ(capsys, "recover")
    shown = loaded_champ("--zone", str(site.zone), "history", "pacs").stdout.splitlines()
    assert " interrupted " not in shown[-1]


def test_a_plan_that_leads_to_an_older_version_says_so(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    site.apply("2.0")
    words = ("plan", "greeter", "--release", "pacs", "--answers", str(site.zone.parent / ANSWERED))
    _, older = site.json(capsys, *words, "--version", "1.0")
    _, same = site.json(capsys, *words, "--version", "2.0")
    _, back = site.json(capsys, "rollback", "pacs", "--dry-run")
    told = [[one["id"] for one in plan["concerns"]] for plan in (older, same, back)]
    assert ["version.older" in ids for ids in told] == [True, False, False]


def test_the_rehearsal_of_a_way_back_ends_as_the_way_back_would(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    site.apply("2.0")
    assert site.champ(capsys, "rollback", "pacs", "--dry-run")[0] == 0
    found = site.world.cluster.listed("v1", "ConfigMap", "pacs")
    config = next(one for one in found if one["metadata"]["name"].startswith("pacs"))
    key = min(config["data"])
    edited = {**config, "data": {**config["data"], key: "by hand"}}
    site.world.cluster.edit(edited, "kubectl-edit", {"f:data": {f"f:{key}": {}}})
    code, shown = site.champ(capsys, "rollback", "pacs", "--dry-run")
    assert (code, "[fields.held-by-others]" in shown) == (4, True)
    with pytest.raises(PlanBlocked):
        site.champ(capsys, "rollback", "pacs", "--confirm", "pacs")


def test_verbs_that_plan_put_right_first_and_say_once_where_to_look(site: Site) -> None:
    def plan() -> int:
        releases = site.world.open(site.zone).releases
        return releases.plan_remove("pacs", "pacs", site.kubeconfig).base_revision

    site.cut_off("2.0")
    assert plan() == 3
    site.cut_off("2.0")
    helm = site.world.helm
    helm.rollback("pacs", "pacs", 3, Options())
    helm.upgrade(small(), "pacs", "pacs", {"greeting": "stock"}, Options())
    with pytest.raises(ApplyTakenOver, match="pacs could not be changed"):
        plan()
    assert plan() == 6


def test_another_cluster_leaves_it_to_be_done(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    site.cut_off("2.0")
    away = Site(site.zone, World(), site.kubeconfig)
    away.world.cluster._store[("v1", "Namespace", "", "kube-system")]["metadata"]["uid"] = "else"
    code, [found] = away.json(capsys, "recover")
    assert (code, found["outcome"]) == (4, "elsewhere")
    assert site.json(capsys, "recover")[1][0]["outcome"] == "put-back"


def test_a_cluster_out_of_reach_leaves_it_open_and_doctor_names_it(site: Site) -> None:
    site.cut_off("2.0")
    zone = ["--zone", str(site.zone)]
    done = loaded_champ(*zone, "recover", "--kubeconfig", str(site.kubeconfig))
    assert (done.returncode, "[cluster.unreachable]" in done.stderr) == (4, True)
    assert "[zone.cluster-not-named]" in loaded_champ(*zone, "recover").stderr
    with closing(Database(site.zone / "champ.db")) as database:
        assert len(Journal(database, now_utc).interrupted()) == 1
    findings = json.loads(loaded_champ(*zone, "doctor", "--json").stdout)
    [finding] = [one for one in findings if one["id"] == "doctor.interrupted"]
    assert "pacs/pacs" in finding["message"]
    assert "champ recover" in finding["remedy"]
