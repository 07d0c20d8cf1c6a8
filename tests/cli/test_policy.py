"""`champ policy check|unit`, and the receipts of runs."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from champ_offline.appliance import Appliance
from champ_offline.oci.digest import Digest
from tests.cli.command import loaded_champ
from tests.tui.sample_app import ZONE, Media, make_media

TAKE = "format: 1\nbundles: [greeter]\nhours: always\n"
RULES = TAKE + "rules: [{apps: [greeter, viewer], steps: [patch]}]\n"


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Media:
    return make_media(tmp_path_factory.mktemp("media"), ("1.0",))


@pytest.fixture
def zone(tmp_path: Path, media: Media) -> Path:
    Appliance.create(tmp_path / "zone", ZONE, media.root, media.fingerprint)
    return tmp_path / "zone"


def policy(folder: Path, text: str) -> str:
    (folder / "policy.yaml").write_text(text)
    return str(folder / "policy.yaml")


def test_check_shows_by_which_digest_the_audit_chain_knows_it(tmp_path: Path) -> None:
    done = loaded_champ("--json", "policy", "check", policy(tmp_path, RULES))
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["digest"] == str(Digest.of(RULES.encode()))
    [rule] = found["rules"]
    assert (rule["apps"], rule["steps"], rule["install"]) == (
        ["greeter", "viewer"],
        ["patch"],
        False,
    )
    assert (found["hours"], found["failed"], found["minutes"]) == ("always", "stop", 240)


def test_check_shows_all_that_a_policy_allows(tmp_path: Path) -> None:
    text = """\
format: 1
bundles: [greeter]
hours: {zone: "+08:00", outside: wait, open: [{days: [sat, sun], from: "22:00", to: "05:00"}]}
failed: go-on
rules:
- apps: [greeter]
  steps: [patch, minor, {from: "1.*", to: "2.0", down: true}]
  allow: {downtime: ["Deployment/*"]}
  warnings: [irreversible.data-converted]
"""
    done = loaded_champ("policy", "check", policy(tmp_path, text))
    assert done.returncode == 0, done.stderr
    for told in (
        "Sat, Sun 22:00-05:00 (UTC+08:00); outside of them a run waits",
        "the run goes on with other releases",
        "a minor step, a patch, 1.* → 2.0 (also down)",
        "Deployment/*",
        "irreversible.data-converted",
    ):
        assert told in done.stdout


def test_check_names_the_line_that_is_wrong(tmp_path: Path) -> None:
    done = loaded_champ("policy", "check", policy(tmp_path, RULES + "failed: maybe\n"))
    assert done.returncode == 2
    assert "line 5, “failed”: one of stop, go-on is expected" in done.stderr


def test_a_receipt_is_the_result(zone: Path, media: Media, tmp_path: Path) -> None:
    words = ["--zone", str(zone), "--json", "run", str(media.stick), "--policy",
             policy(tmp_path, TAKE), "--receipt", str(tmp_path / "receipts")]  # fmt: skip
    without = loaded_champ(*words)
    assert (without.returncode, without.stdout) == (2, "")
    assert f"There is no folder {tmp_path / 'receipts'}" in without.stderr
    (tmp_path / "receipts").mkdir()
    first = loaded_champ(*words)
    assert first.returncode == 0, first.stderr
    (receipt,) = (tmp_path / "receipts").iterdir()
    assert json.loads(receipt.read_text()) == json.loads(first.stdout)
    assert receipt.name.startswith("champ-run-20")
    assert loaded_champ(*words).returncode == 0
    assert len(list((tmp_path / "receipts").iterdir())) == 2


def test_a_receipt_that_cannot_be_written_is_told_after_the_result(
    zone: Path, media: Media, tmp_path: Path
) -> None:
    words = ["--zone", str(zone), "--json", "run", str(media.stick), "--policy"]
    words += [policy(tmp_path, TAKE), "--receipt", "/proc"]  # where nobody can make a file
    done = loaded_champ(*words)
    assert json.loads(done.stdout)["exit_code"] == 0
    assert (done.returncode, json.loads(done.stderr.splitlines()[-1])["id"]) == (
        2, "cli.file-not-written",
    )  # fmt: skip


def test_the_units_start_the_run_that_was_asked_for(zone: Path, tmp_path: Path) -> None:
    kubeconfig = tmp_path / "admin.conf"
    kubeconfig.write_text("{}")
    done = loaded_champ(
        "--zone", str(zone), "policy", "unit", "--policy", policy(tmp_path, RULES),
        "--receipt", str(tmp_path / "receipts"), "--kubeconfig", str(kubeconfig),
        "--write", str(tmp_path / "units"),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    service = (tmp_path / "units" / "champ-run@.service").read_text()
    assert (
        f" --zone {zone} -o json run --policy {tmp_path}/policy.yaml --receipt {tmp_path}/receipts"
        f" --kubeconfig {kubeconfig} %t/champ-run/%i\n"
    ) in service
    assert "udevadm control --reload" in done.stderr
    checked = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *(tmp_path / "units").glob("*.service")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "champ-" not in checked.stderr
    shown = loaded_champ(
        "--zone", str(zone), "--json", "policy", "unit", "--policy", policy(tmp_path, TAKE)
    )
    assert set(json.loads(shown.stdout)) == {
        "champ-run@.service", "champ-medium@.service", "99-champ-run.rules",
    }  # fmt: skip


def test_rules_want_a_cluster_also_in_a_unit(zone: Path, tmp_path: Path) -> None:
    words = ["--zone", str(zone), "policy", "unit", "--policy", policy(tmp_path, RULES)]
    done = loaded_champ(*words)
    assert done.returncode == 2
    assert "[zone.cluster-not-named]" in done.stderr
