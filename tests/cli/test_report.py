"""`champ report` as people and scripts use it: one file, the figures of the other verbs."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from champ_offline.appliance import Appliance
from champ_offline.durable.database import Database
from champ_offline.errors import ExitCode
from champ_offline.events import ignore
from champ_offline.journal.audit import Audit
from champ_offline.release import planned
from champ_offline.release.apply.failures import ApplyPutBack
from champ_offline.release.plan import Plan
from installer.__main__ import main
from tests.architecture.source import ROOT
from tests.cli.command import champ, loaded_champ
from tests.simulators.charts import NOWHERE
from tests.simulators.cluster import SimulatedCluster
from tests.simulators.helm import SimulatedHelm
from tests.tui.sample_app import ZONE, make_media
from tests.unit.release.conftest import NAME, PLACE, World, build, clock

SECRET = "s3cret-word"


@pytest.fixture
def zone(tmp_path: Path) -> Path:
    """Two bundles; installed, upgraded, rolled back, and one upgrade put back."""
    media = make_media(tmp_path)
    made = Appliance.create(tmp_path / "zone", ZONE, media.root, media.fingerprint)
    for version in ("1.0", "2.0"):
        made.import_media([media.stick / "champ" / f"greeter-{version}"], ignore)
    with closing(Database(tmp_path / "zone" / "champ.db")):
        cluster = SimulatedCluster()
        world = build(tmp_path / "zone" / "champ.db", cluster, SimulatedHelm(cluster))
    for version in ("1.0", "2.0"):
        world.apply(kept(world, version))
    world.apply(world.planner.rollback(NAME, PLACE, 1))
    with pytest.raises(ApplyPutBack):
        world.apply(kept(world, "3.0", replicas=1, image=NOWHERE))
    world.database.close()
    return tmp_path / "zone"


def kept(world: World, version: str, **values: Any) -> Plan:
    """A plan whose making is in the audit chain, as the verb would note it."""
    plan = world.plan(version, password=SECRET, **values)
    Audit(world.database, clock()).record(*planned.entries(plan))
    return plan


def shown(zone: Path, *words: str) -> str:
    done = loaded_champ("--zone", str(zone), *words)
    assert done.returncode == 0, done.stderr
    return done.stdout


def asked(zone: Path, *words: str) -> Any:
    return json.loads(shown(zone, *words, "--json"))


def test_the_figures_are_those_of_the_other_verbs(zone: Path) -> None:
    report = asked(zone, "report")
    history = asked(zone, "history", NAME, "--namespace", PLACE)
    same = ("number", "helm_revision", "operation", "from_version", "plan", "started", "seconds",
            "outcome", "error", "images", "target")  # fmt: skip
    assert len(history) == 4
    assert [[one[key] for key in same] for one in report["changes"]] == [
        [one[key] for key in same] for one in history
    ]
    assert [one["to_version"] for one in report["changes"]] == [one["version"] for one in history]
    assert [one["applied_by"] for one in report["changes"]] == [one["actor"] for one in history]
    verified = asked(zone, "audit", "verify")
    assert (report["chain"]["head"], report["chain"]["rows"]) == (
        verified["head"], verified["rows"],
    )  # fmt: skip
    rows = asked(zone, "audit", "show", "--since", "2000-01-01")["rows"]
    imports = [row for row in rows if row["act"] == "bundle.import"]
    taken = [one for bundle in report["brought"] for one in bundle["imports"]]
    assert [(one["time"], one["actor"], one["size"]) for one in taken] == [
        (row["time"], row["actor"], row["detail"]["bytes"]) for row in imports
    ]
    [status] = asked(zone, "status")
    [standing] = report["releases"]
    for key in ("release", "namespace", "app", "version", "number", "helm_revision", "outcome"):
        assert standing[key] == status[key]


def test_the_page_shows_what_json_says(zone: Path) -> None:
    out = zone.parent / "paper.html"
    told = asked(zone, "report", "--out", str(out))
    text = out.read_text(encoding="utf-8")
    for change in told["changes"]:
        assert change["plan"] in text
        for image in change["images"]:
            assert image["digest"] in text
    for bundle in told["brought"]:
        assert bundle["digest"] in text
        for role in bundle["roles"]:
            assert all(key["id"] in text for key in role["keys"])
    assert told["chain"]["head"] in text
    assert out.stat().st_mode & 0o777 == 0o600


def test_a_name_with_zone_and_day_and_nothing_is_overwritten(
    zone: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = zone.parent / "papers"
    folder.mkdir()
    monkeypatch.chdir(folder)
    assert main(["--zone", str(zone), "report", "--json"]) == 0
    made = json.loads(capsys.readouterr().out)["made"]["time"]
    assert list(folder.iterdir()) == []
    assert main(["--zone", str(zone), "report"]) == 0
    [written] = folder.iterdir()
    assert written.name == f"champ-report-{ZONE}-{made[:10]}.html"
    before = written.read_bytes()
    assert written.name in capsys.readouterr().out
    assert main(["--zone", str(zone), "report"]) == ExitCode.USAGE
    assert "there already" in capsys.readouterr().err
    assert written.read_bytes() == before


def test_the_language_is_the_sessions(zone: Path) -> None:
    for language, words in (("zh", "交付报告"), ("en", "Hand-over report")):
        out = zone.parent / f"{language}.html"
        told = shown(zone, "report", "--out", str(out), "--lang", language)
        text = out.read_text(encoding="utf-8")
        assert words in text
        assert f'<html lang="{language}' in text
        assert str(out) in told


def test_the_period_is_cut(zone: Path) -> None:
    every = asked(zone, "report")["changes"]
    second = every[1]["started"][:19]
    assert asked(zone, "report", "--since", second)["changes"] == every[1:]
    assert asked(zone, "report", "--until", second)["changes"] == every[:1]
    # The changes were made by a clock of 2026-01-01, the imports by the machine's.
    last = asked(zone, "report", "--last", "1")
    assert (last["changes"], len(last["brought"])) == ([], 2)
    assert last["period"]["since"] < last["made"]["time"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--last", "3", "--since", "2026-01-01"], "--last"),
        (["--since", "2026-02-01", "--until", "2026-01-01"], "--until"),
        (["--since", "yesterday"], "--since"),
        (["--offline", "--drift"], "--drift"),
        (["--last", "0"], "--last"),
        (["--out", ""], "--out"),
    ],
)
def test_what_makes_no_sense_is_refused(zone: Path, words: list[str], told: str) -> None:
    done = loaded_champ("--zone", str(zone), "report", *words)
    assert done.returncode == ExitCode.USAGE
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_a_place_where_nothing_can_be_written_is_told(zone: Path) -> None:
    out = zone.parent / "nowhere" / "paper.html"
    done = loaded_champ("--zone", str(zone), "report", "--out", str(out))
    assert done.returncode == ExitCode.USAGE
    assert str(out) in done.stderr


def test_a_broken_chain_is_written_down_and_then_told(zone: Path) -> None:
    with closing(Database(zone / "champ.db")) as database:
        with database.transaction() as connection:
            connection.execute("DROP TRIGGER audit_is_kept")
            connection.execute("UPDATE audit SET actor = 'nobody' WHERE seq = 2")
    out = zone.parent / "paper.html"
    done = loaded_champ("--zone", str(zone), "report", "--out", str(out))
    assert done.returncode == ExitCode.CORRUPT
    assert "row 2" in done.stderr
    text = out.read_text(encoding="utf-8")
    assert "The audit chain does not stand." in text
    assert "broken at row 2" in text


def test_a_cluster_that_is_away_is_told_and_the_report_is_made(zone: Path) -> None:
    kubeconfig = zone.parent / "kubeconfig"
    token = "correct-horse-battery"
    kubeconfig.write_text(
        "apiVersion: v1\nkind: Config\n"
        'clusters: [{name: c, cluster: {server: "https://127.0.0.1:1"}}]\n'
        f"users: [{{name: u, user: {{token: {token}}}}}]\n"
        "contexts: [{name: x, context: {cluster: c, user: u}}]\ncurrent-context: x\n"
    )
    out = zone.parent / "paper.html"
    words = ("report", "--out", str(out), "--kubeconfig", str(kubeconfig))
    done = loaded_champ("--zone", str(zone), *words)
    assert done.returncode == 0, done.stderr
    assert "does not answer" in done.stderr
    text = out.read_text(encoding="utf-8")
    assert "no answer: " in text
    assert token not in text
    done = loaded_champ("--zone", str(zone), *words[:1], *words[3:], "--offline", "--json")
    assert done.returncode == 0, done.stderr
    assert "does not answer" not in done.stderr


def test_no_secret_answer_is_in_page_or_json(zone: Path) -> None:
    out = zone.parent / "paper.html"
    told = shown(zone, "report", "--json", "--out", str(out))
    assert SECRET not in told
    assert SECRET not in out.read_text(encoding="utf-8")


def test_the_template_engine_is_loaded_for_the_page_alone(zone: Path) -> None:
    probe = """
import sys
from installer.__main__ import main
sys.exit(10 * main(sys.argv[1:]) + ("jinja2" in sys.modules))
"""
    words = [sys.executable, "-c", probe, "--zone", str(zone), "report", "--offline"]
    for more, loaded in ((["--json"], 0), (["--out", str(zone.parent / "paper.html")], 1)):
        done = subprocess.run([*words, *more], cwd=ROOT, capture_output=True, check=False)
        assert done.returncode == loaded, done.stderr


def test_a_zone_is_needed() -> None:
    done = champ("report")
    assert done.returncode == ExitCode.USAGE
    assert "--zone" in done.stderr


def test_the_last_language_that_is_named_is_the_reports(zone: Path) -> None:
    """A task that the screens begin has their language before its own."""
    out = zone.parent / "paper.html"
    words = ("--lang", "en", "--output", "json", "--lang", "zh", "--output", "table")
    done = loaded_champ("--zone", str(zone), *words, "report", "--offline", "--out", str(out))
    assert done.returncode == 0, done.stderr
    assert 'lang="zh-CN"' in out.read_text(encoding="utf-8")
    assert str(out) in done.stdout
