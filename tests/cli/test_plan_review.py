"""A plan that was carried here: its review as text in both languages, as JSON, and its approval."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from champ_offline.oci.digest import Digest
from champ_offline.preflight.capacity import NO_ROOM
from champ_offline.preflight.downtime import SINGLE
from champ_offline.preflight.security import REFUSED
from champ_offline.release.images.digests import Image
from champ_offline.release.plan import Action, Change, Operation, Plan
from champ_offline.release.review.answers import Answer
from champ_offline.release.review.effects import Effect, Happens
from champ_offline.release.review.estimate import Basis, Estimate
from champ_offline.release.review.irreversible import Irreversible, Why
from champ_offline.release.review.pulls import NodeLoad, Pull
from champ_offline.release.review.restarts import Cause, Restart, Way
from installer.plan_text import COLUMNS, review
from installer.plan_words import without_words
from installer.terminal_text import folded, width
from tests.architecture.source import ROOT
from tests.cli.command import champ

GOLDEN = Path(__file__).with_name("golden")
WEB, DB = Digest.of(b"web"), Digest.of(b"db")
HOOK = {
    "events": "pre-upgrade", "weight": "-5", "policy": "hook-succeeded",
    "runs": "/usr/bin/migrate --to 12 --wait --every-table-that-the-database-has-got",
}  # fmt: skip


def action(change: Change, kind: str, name: str, reason: str, **more: object) -> Action:
    told = {"diff": "--- now\n+++ planned\n-  a: 1\n+  a: 2\n"} if change is Change.CHANGED else {}
    return replace(Action(change, "v1", kind, "pacs", name, reason, **told), **more)  # type: ignore[arg-type]


ACTIONS = (
    action(Change.UNCHANGED, "Service", "pacs-web", "as it is"),
    action(
        Change.CHANGED, "Deployment", "pacs-web", "differs from the cluster",
        restarts=(
            Restart(3, Way.ROLLING, (Cause.IMAGE, Cause.MARK)),
            Restart(1, Way.ENDING, (Cause.FEWER,)),
        ),
    ),
    action(
        Change.CHANGED, "StatefulSet", "pacs-database", "differs from the cluster",
        restarts=(Restart(1, Way.AT_ONCE, (Cause.SETTINGS,)),),
    ),
    action(Change.CREATED, "ConfigMap", "pacs-modalities", "new in the release"),
    action(Change.DELETED, "Secret", "pacs-old", "no longer part of the release"),
    action(Change.REPLACED, "Job", "pacs-migrate", "runs as a hook", hook="pre-upgrade"),
)  # fmt: skip
PLAN = Plan(
    operation=Operation.UPGRADE, zone="core", cluster="uid", release="pacs", namespace="pacs",
    new_namespace=False, app="orthanc", from_version="1.10.1", to_version="1.12.7",
    base_revision=3, base_manifest=Digest.of(b"base"), target=0, actions=ACTIONS,
    images=(Image("docker.io/library/web:1", WEB, 61_200_000),
            Image("docker.io/library/db:16", DB, 152_000_000)),
    sealed=Digest.of(b"sealed"), values=Digest.of(b"values"),
    created="2026-01-01T00:00:00+00:00",
    answers=(Answer("imageStorage", "100Gi", "200Gi"), Answer("users[ada].role", "", "admin"),
             Answer("users[admin].password", "(hidden)", "(hidden, changed)")),
    pulls=(Pull("docker.io/library/web:1", WEB, 61_200_000,
                tuple(f"node-{n:02}" for n in range(1, 10)), ("node-10",)),
           Pull("docker.io/library/db:16", DB, 152_000_000, (), ())),
    loads=(*(NodeLoad(f"node-{n:02}", 61_200_000, 0) for n in range(1, 10)),
           NodeLoad("node-10", 0, 61_200_000)),
    effects=(Effect(Happens.HOOK_RUNS, "Job", "pacs-migrate", HOOK),
             Effect(Happens.VOLUME_GROWN, "PersistentVolumeClaim", "pacs-images",
                    {"before": "100Gi", "after": "200Gi"}),
             Effect(Happens.SETTINGS_UNSEEN, "ConfigMap", "pacs-modalities",
                    {"workload": "Deployment pacs-worker"}),
             Effect(Happens.VOLUME_MADE, "PersistentVolumeClaim", "cache",
                    {"size": "1Gi", "storage_class": ""})),
    irreversible=(Irreversible(Why.VOLUME_GROWN, "PersistentVolumeClaim", "pacs-images",
                               {"before": "100Gi", "after": "200Gi"}),
                  Irreversible(Why.HOOK_RUNS, "Job", "pacs-migrate", {"events": "pre-upgrade"}),
                  Irreversible(Why.DATA_CONVERTED, "StatefulSet", "pacs-database")),
    estimate=Estimate(45, 70, 3, Basis.RELEASE),
)  # fmt: skip


BLOCKED = replace(
    PLAN,
    concerns=(NO_ROOM.of("StatefulSet pacs-database", wanted="cpu 6, memory 12Gi",
                         lacking="cpu (3), memory (1)"),
              replace(REFUSED.of("Deployment pacs-web", level="restricted",
                                 violations="runAsNonRoot != true (web)"), accepted=True),
              SINGLE.of("StatefulSet pacs-database")),
)  # fmt: skip


@pytest.fixture
def carried(tmp_path: Path) -> Path:
    path = tmp_path / "pacs.plan"
    path.write_bytes(PLAN.to_bytes())
    return path


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_review_reads_as_it_was_agreed(carried: Path, language: str) -> None:
    carried.write_bytes(BLOCKED.to_bytes())
    done = champ("--lang", language, "show", str(carried))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (GOLDEN / f"plan.{language}.txt").read_text("utf-8")
    assert [line for line in done.stdout.splitlines() if width(line) > COLUMNS] == []
    assert done.stdout.endswith(f"{BLOCKED.digest}\n")


def test_the_documentation_shows_what_is_shown() -> None:
    page = (ROOT / "docs" / "plans.md").read_text("utf-8")
    assert (GOLDEN / "plan.en.txt").read_text("utf-8") in page


def test_differences_are_shown_where_asked_for(carried: Path) -> None:
    assert "+  a: 2" not in champ("show", str(carried)).stdout
    assert "+  a: 2" in champ("show", str(carried), "--diff").stdout


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_json_and_yaml_are_the_whole_value(carried: Path, form: str) -> None:
    import yaml

    done = champ("-o", form, "show", str(carried))
    told = json.loads(done.stdout) if form == "json" else yaml.safe_load(done.stdout)
    assert told == {**json.loads(PLAN.to_bytes()), "digest": str(PLAN.digest)}


def test_a_plan_without_anything_reads_well() -> None:
    same = tuple(replace(one, change=Change.UNCHANGED, restarts=(), hook="") for one in ACTIONS)
    plan = replace(
        PLAN, actions=same, from_version="1", to_version="1", answers=(), pulls=(), loads=(),
        effects=(), irreversible=(), images=(), estimate=Estimate(),
    )  # fmt: skip
    lines = review(plan).splitlines()
    assert lines[0] == "upgrade: pacs in namespace pacs, orthanc 1"
    assert lines[1].startswith("Nothing would change. Objects: unchanged 6.")
    assert not {"Cannot be undone", "In the way"} & {*lines}


def test_every_id_of_the_library_has_words() -> None:
    assert without_words() == frozenset()


def test_what_came_from_outside_cannot_drive_the_terminal() -> None:
    evil = replace(ACTIONS[0], name="x\x1b[2Jy\u202e", diff="\x1b[31m")
    text = review(replace(PLAN, actions=(evil,)), differences=True)
    assert "\x1b" not in text
    assert "\u202e" not in text


@pytest.mark.parametrize(
    ("text", "columns", "lines"),
    [
        ("", 10, ["- "]),
        ("one two", 80, ["- one two"]),
        ("one two three", 9, ["- one two", "  three"]),
        ("abcdefghijkl", 8, ["- abcdef", "  ghijkl"]),
        ("一二三四五六", 8, ["- 一二三", "  四五六"]),
        ("一二三，四", 8, ["- 一二", "  三，四"]),
        ("a 一二三 b", 8, ["- a 一二", "  三 b"]),
    ],
)
def test_lines_end_between_words_and_before_wide_characters(
    text: str, columns: int, lines: list[str]
) -> None:
    assert folded(text, columns, first="- ", rest="  ") == [line.rstrip() for line in lines]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"format": 1}, "its format is 1, not 3"),
        ({"format": 4}, "its format is 4, not 3"),
        ({"release": 7}, "“release” is not of the form"),
        ({"more": 1}, "it does not know “more”"),
        ({"estimate": {"seconds": 1}}, "it lacks “estimate.basis”"),
        ({"target": -1}, "“target” is not of the form"),
        ({"target": 2**60}, "“target” is not of the form"),
        (
            {"effects": [{"happens": "volume-grown", "kind": "", "name": "", "fields": {}}]},
            "the fields of effect “volume-grown” are others",
        ),
    ],
)
def test_a_plan_that_is_none_is_refused_in_a_sentence(
    tmp_path: Path, change: dict[str, object], told: str
) -> None:
    path = tmp_path / "plan"
    document = {**json.loads(PLAN.to_bytes()), **change}
    path.write_text(json.dumps(document, sort_keys=True, separators=(",", ":")))
    done = champ("show", str(path))
    assert (done.returncode, done.stdout) == (11, "")
    assert told in done.stderr
    assert "[release.plan-unreadable]" in done.stderr


@pytest.mark.parametrize(
    "data", [b"", b"\xff\xfe", b"{}\n", b"[" * 100_000, b'{"format":2,"format":2}']
)
def test_bytes_that_are_no_plan_are_refused_in_a_sentence(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "plan").write_bytes(data)
    done = champ("show", str(tmp_path / "plan"))
    assert (done.returncode, done.stdout) == (11, "")
    assert "[release.plan-unreadable]" in done.stderr
    assert str(tmp_path / "plan") in done.stderr


def test_a_file_without_end_is_no_plan() -> None:
    done = champ("show", "/dev/zero")
    assert done.returncode == 2
    assert "it is too large for a plan" in done.stderr


class TestApproval:
    """A plan is carried out under the digest it was approved with, or not at all."""

    @pytest.fixture
    def zone(self, tmp_path: Path) -> Path:
        trust = tmp_path / "trust"
        made = champ("trust", "init", str(trust), "--holder", "engineer", "--unencrypted")
        assert made.returncode == 0, made.stderr
        zone, root = tmp_path / "zone", str(trust / "root.json")
        made = champ("--zone", str(zone), "zone", "init", "--name", "core", "--root", root)
        assert made.returncode == 0, made.stderr
        return zone

    @pytest.fixture
    def kubeconfig(self, tmp_path: Path) -> Path:
        path = tmp_path / "kubeconfig"
        cluster = {"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}
        context = {"name": "x", "context": {"cluster": "c", "user": "u"}}
        user = {"name": "u", "user": {"token": "t"}}
        document = {
            "apiVersion": "v1", "kind": "Config", "current-context": "x",
            "clusters": [cluster], "contexts": [context], "users": [user],
        }  # fmt: skip
        path.write_text(json.dumps(document))
        return path

    def test_another_digest_is_refused_before_anything_is_looked_at(self, carried: Path) -> None:
        done = champ("apply", str(carried), "--plan-digest", str(WEB))
        assert done.returncode == 7
        assert f"{WEB} was approved, but the plan in this file is {PLAN.digest}" in done.stderr
        assert "[cli.plan-digest-differs]" in done.stderr

    def test_a_file_that_was_edited_has_another_digest(self, carried: Path) -> None:
        carried.write_bytes(replace(PLAN, namespace="other").to_bytes())
        done = champ("apply", str(carried), "--plan-digest", str(PLAN.digest))
        assert done.returncode == 7

    def test_the_digest_confirms_and_a_name_that_differs_still_refuses(
        self, carried: Path, zone: Path, kubeconfig: Path
    ) -> None:
        given = ("--zone", str(zone), "apply", str(carried), "--kubeconfig", str(kubeconfig))
        bare = champ(*given)
        assert (bare.returncode, "[cli.confirmation-missing]" in bare.stderr) == (7, True)
        wrong = champ(*given, "--plan-digest", str(PLAN.digest), "--confirm", "other")
        assert (wrong.returncode, "[cli.confirmation-differs]" in wrong.stderr) == (7, True)

    def test_a_plan_with_something_in_the_way_is_refused_before_a_question(
        self, carried: Path, zone: Path, kubeconfig: Path
    ) -> None:
        carried.write_bytes(BLOCKED.to_bytes())
        done = champ(
            "--zone", str(zone), "apply", str(carried), "--kubeconfig", str(kubeconfig),
            "--plan-digest", str(BLOCKED.digest),
        )  # fmt: skip
        assert done.returncode == 4
        assert "capacity.no-room (StatefulSet pacs-database)" in done.stderr
        assert "[release.plan-blocked]" in done.stderr

    def test_a_plan_of_another_zone_is_refused_though_it_was_approved(
        self, carried: Path, zone: Path, kubeconfig: Path
    ) -> None:
        done = champ(
            "--zone", str(zone), "apply", str(carried), "--kubeconfig", str(kubeconfig),
            "--plan-digest", str(PLAN.digest),
        )  # fmt: skip
        assert done.returncode == 4, done.stderr
        assert "[zone.plan-not-ours]" in done.stderr
        assert str(carried) in done.stderr
