"""`champ history` and `champ status` as people and scripts read them."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from champ_offline.durable.database import Database
from champ_offline.release.apply.failures import ApplyPutBack
from champ_offline.release.drift.values import (
    Drift,
    FieldDrift,
    HelmDrift,
    ImageDrift,
    ObjectDrift,
    Standing,
)
from installer.cli import drift_view
from installer.cli.session import Session
from installer.drift_text import in_short, of_helm
from tests.cli.command import loaded_champ
from tests.simulators.charts import NOWHERE
from tests.simulators.cluster import SimulatedCluster
from tests.simulators.helm import SimulatedHelm
from tests.unit.release.conftest import build

FIELD = FieldDrift("spec.replicas", "2", "5", ("kubectl-scale",))
EDITED = ObjectDrift(Standing.CHANGED, "apps/v1", "Deployment", "pacs", "work", (FIELD,))
GONE = ObjectDrift(Standing.MISSING, "v1", "Service", "pacs", "web")
HELM = HelmDrift(3, 2, "deployed", "Rollback to 1", "2026-05-01T10:00:00Z", "helm")
IMAGE = ImageDrift("work-0", "work", "sha256:aa", "sha256:bb")


def shown(zone: Path, *words: str) -> str:
    done = loaded_champ("--zone", str(zone), *words)
    assert done.returncode == 0, done.stderr
    return done.stdout


def asked(zone: Path, *words: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(shown(zone, *words, "--json"))
    return found


@pytest.fixture
def zone(tmp_path: Path) -> Path:
    """A zone that installed a release, upgraded it, and had one upgrade put back."""
    made = loaded_champ("trust", "init", str(tmp_path / "k"), "--holder", "T", "--unencrypted")
    assert made.returncode == 0, made.stderr
    zone = tmp_path / "zone"
    shown(zone, "zone", "init", "--name", "core", "--root", str(tmp_path / "k" / "root.json"))
    with closing(Database(zone / "champ.db")):
        cluster = SimulatedCluster()
        world = build(zone / "champ.db", cluster, SimulatedHelm(cluster))
    world.apply(world.plan("1.0"))
    world.apply(world.plan("2.0"))
    with pytest.raises(ApplyPutBack):
        world.apply(world.plan("3.0", replicas=1, image=NOWHERE))
    world.database.close()
    return zone


def test_the_history_of_a_release(zone: Path) -> None:
    found = asked(zone, "history", "orthanc", "--namespace", "pacs")
    assert [(one["number"], one["helm_revision"]) for one in found] == [(1, 1), (2, 2), (3, 4)]
    assert [(one["from_version"], one["version"]) for one in found] == [
        ("", "1.0"), ("1.0", "2.0"), ("2.0", "3.0"),
    ]  # fmt: skip
    assert [one["error"] for one in found[:2]] == ["", ""]
    assert found[2]["error"]
    [image] = found[1]["images"]
    assert image["digest"].startswith("sha256:")
    text = shown(zone, "history", "orthanc", "--namespace", "pacs")
    last = text.splitlines()[-1]
    for part in ("2.0 → 3.0", "put back", "2026-01-01T00:0", "somebody", found[2]["error"]):
        assert part in last
    assert found[2]["plan"].removeprefix("sha256:")[:12] in last


def test_the_log_of_the_zone_is_newest_first(zone: Path) -> None:
    assert [one["number"] for one in asked(zone, "history")] == [3, 2, 1]
    assert [one["number"] for one in asked(zone, "history", "--limit", "2")] == [3, 2]
    assert len(asked(zone, "history", "--since", "2026-01-01")) == 3
    assert asked(zone, "history", "--since", "2026-01-15") == []
    assert asked(zone, "history", "--namespace", "other") == []
    one = asked(zone, "history", "orthanc", "--namespace", "pacs", "--limit", "1")
    assert [(deed["number"], deed["from_version"]) for deed in one] == [(3, "2.0")]
    assert "orthanc" in shown(zone, "history")


def test_without_a_cluster_drift_is_not_looked_at(zone: Path) -> None:
    [one] = asked(zone, "status")
    assert (one["drift"], one["helm_revision"], one["health"]) == (None, 4, "unknown")
    assert "not looked at" in shown(zone, "status", "orthanc", "--exit-code")
    assert "未检查" in shown(zone, "status", "--lang", "zh")


@pytest.mark.parametrize(
    ("drift", "words"),
    [
        (None, "not looked at"),
        (Drift(), "none"),
        (Drift(helm=HELM), "helm"),
        (Drift(objects=(EDITED, GONE)), "2 object(s)"),
        (Drift(helm=HELM, objects=(GONE,), images=(IMAGE,)), "helm, 1 object(s), 1 image(s)"),
        (Drift(missing=("a:1", "b:2")), "2 image(s)"),
    ],
)
def test_a_release_in_a_word(drift: Drift | None, words: str) -> None:
    from installer.cli.output import as_plain

    assert in_short({"drift": as_plain(drift)}) == words


def test_every_difference_on_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    drift = Drift(HELM, (EDITED, GONE), (IMAGE,), ("docker.io/library/web:1",))
    drift_view.show(Session(), drift)
    first, *table = [line for line in capsys.readouterr().out.splitlines() if line]
    assert "revision 3 instead of 2" in first
    assert "Rollback to 1" in first
    assert table[0].split() == ["KIND", "NAME", "WHAT", "FIELD", "SEALED", "NOW", "BY"]
    assert table[1].split() == [
        "Deployment", "work", "changed", "spec.replicas", "2", "5", "kubectl-scale",
    ]  # fmt: skip
    assert table[2].split() == ["Service", "web", "missing"]
    assert "another image" in table[3]
    assert "missing in the registry" in table[4]


def test_a_change_that_could_not_be_put_back_is_told_as_what_helm_says() -> None:
    left = HelmDrift(16, 16, "failed", "", "", "Helm")
    assert of_helm(left) == "Helm's record of this release, revision 16, says: failed."
    removed = replace(left, revision=17, manager="")
    assert of_helm(removed) == (
        "Helm's record is another than this zone made: revision 17 instead of 16, failed"
    )


def test_a_release_that_helm_has_forgotten(capsys: pytest.CaptureFixture[str]) -> None:
    drift_view.show(Session(), Drift(HelmDrift(0, 2, "", "", "", ""), missing=None))
    told = capsys.readouterr().out
    assert "no record" in told
    assert "not looked at" in told
