"""`champ support`: what would be in it is listed, and written only when asked for."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import pytest

from champ_offline.appliance import Appliance
from tests.cli.command import loaded_champ
from tests.tui.sample_app import ZONE, make_media


@pytest.fixture
def zone(tmp_path: Path) -> Path:
    media = make_media(tmp_path, ("1.0",))
    Appliance.create(tmp_path / "zone", ZONE, media.root, media.fingerprint)
    return tmp_path / "zone"


def test_it_is_listed_and_nothing_is_written(zone: Path) -> None:
    before = sorted(zone.parent.rglob("*"))
    done = loaded_champ("--zone", str(zone), "support")
    assert done.returncode == 0, done.stderr
    assert "README.txt" in done.stdout
    assert "journal.json" in done.stdout
    assert "Nothing was written" in done.stdout
    known = {path.name for path in sorted(zone.parent.rglob("*"))} - {path.name for path in before}
    assert known <= {"champ.db-shm", "champ.db-wal"}


def test_it_is_written_for_its_owner_alone(zone: Path) -> None:
    out = zone.parent / "support.tar.gz"
    done = loaded_champ("--zone", str(zone), "--json", "support", "--out", str(out))
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert out.stat().st_mode & 0o777 == 0o600
    with tarfile.open(fileobj=io.BytesIO(out.read_bytes())) as archive:
        names = [member.name.removeprefix(f"champ-support-{ZONE}/") for member in archive]
    assert names == [row["name"] for row in told["files"]]
    assert told["size"] == sum(row["size"] for row in told["files"])
    assert (told["path"], names[0]) == (str(out), "README.txt")


def test_a_place_where_nothing_can_be_written_is_told(zone: Path) -> None:
    out = zone.parent / "nowhere" / "support.tar.gz"
    done = loaded_champ("--zone", str(zone), "support", "--out", str(out))
    assert done.returncode != 0
    assert str(out) in done.stderr
    assert "Traceback" not in done.stderr


def test_a_cluster_that_is_away_is_one_line_of_it(zone: Path) -> None:
    kubeconfig = zone.parent / "kubeconfig"
    kubeconfig.write_text(
        "apiVersion: v1\nkind: Config\n"
        'clusters: [{name: c, cluster: {server: "https://127.0.0.1:1"}}]\n'
        "users: [{name: u, user: {token: correct-horse-battery}}]\n"
        "contexts: [{name: x, context: {cluster: c, user: u}}]\ncurrent-context: x\n"
    )
    out = zone.parent / "support.tar.gz"
    words = ["support", "--out", str(out), "--kubeconfig", str(kubeconfig)]
    done = loaded_champ("--zone", str(zone), "--lang", "zh", *words)
    assert done.returncode == 0, done.stderr
    assert str(out) in done.stdout
    with tarfile.open(out) as archive:
        texts = [archive.extractfile(member).read() for member in archive]  # type: ignore[union-attr]
    assert any(b"does not answer" in text for text in texts)
    assert not any(b"correct-horse-battery" in text for text in texts)
