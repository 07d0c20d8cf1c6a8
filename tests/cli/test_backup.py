"""docs/backup.md, command by command; what a zone whose database is lost says to every verb."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import sqlite3
import ssl
import subprocess
from contextlib import closing
from http.client import HTTPSConnection
from pathlib import Path

import pytest

from tests.architecture.source import ROOT
from tests.cli.test_key_drill import champ
from tests.cli.test_way_of_a_bundle import RECIPE, write_layout
from tests.cli.test_zone_authority import health, serving

PAGE = (ROOT / "docs" / "backup.md").read_text(encoding="utf-8")
ZONE = ["--zone", "zone"]
INIT = ["zone", "init", "--name", "core", "--root", "shared/root.json"]
EVERY = (
    ["zone", "show"], ["doctor"], ["registry", "serve"], ["registry", "access"],
    ["import", "stick"], ["catalog"], ["status"], ["store", "check"], ["store", "gc"],
    ["trust", "show"], ["audit", "show"], ["zone", "backup", "copy.db"],
)  # fmt: skip


def block(title: str) -> list[str]:
    """The commands below a heading of the page."""
    part = PAGE.split(f"## {title}\n")[1].split("\n## ")[0]
    blocks = re.findall(r"^```sh\n(.*?)^```", part, re.DOTALL | re.MULTILINE)
    return [line for one in blocks for line in one.splitlines()]


def run(folder: Path, title: str) -> None:
    lines = block(title)
    assert lines
    for line in lines:
        words = shlex.split(line)
        if words[0] == "champ":
            done = champ(folder, words[1:])
        else:
            done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{line}\n{done.stderr}"


def ran(folder: Path, *words: str, code: int = 0) -> str:
    done = champ(folder, list(words))
    assert done.returncode == code, done.stderr
    return done.stdout if code == 0 else done.stderr


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("packed")
    ran(folder, "trust", "init", "shared", "--holder", "Anna", "--unencrypted")
    (folder / "bundle.yaml").write_text(RECIPE, encoding="utf-8")
    write_layout(folder / "layout")
    ran(folder, "lock", "bundle.yaml")
    (folder / "stick").mkdir()
    ran(folder, "pack", "bundle.yaml", "--signing", "shared", "--out", "stick", "--no-sbom")
    ran(folder, *ZONE, *INIT)
    ran(folder, *ZONE, "import", "stick")
    return folder


@pytest.fixture
def folder(packed: Path, tmp_path: Path) -> Path:
    """A folder with a zone that holds an image, and the stick that brought it."""
    shutil.copytree(packed, tmp_path, dirs_exist_ok=True)
    return tmp_path


def pulled(port: int) -> int:
    context = ssl._create_unverified_context()  # noqa: S323
    connection = HTTPSConnection("127.0.0.1", port, context=context)
    connection.request("GET", "/v2/champ.local/demo/manifests/1")
    status = connection.getresponse().status
    connection.close()
    return status


def authority(folder: Path, zone: str) -> str:
    found = json.loads(ran(folder, "--zone", zone, "registry", "authority", "show", "--json"))
    return str(found["fingerprint"])


def test_the_page_goes_as_it_is_written(folder: Path) -> None:
    with serving(folder) as port:
        run(folder, "Backing up")
        assert (health(port)[0], pulled(port)) == (200, 200)
        first = authority(folder, "zone")
        for file in (folder / "zone").glob("champ.db*"):
            file.unlink()
        assert health(port)[0] == 503
        shutil.copy(folder / "backup" / "champ.db", folder / "zone" / "champ.db")
        assert health(port)[0] == 503
        for file in (folder / "zone").glob("champ.db*"):
            file.unlink()
    assert not (folder / "zone" / "champ.db").exists()
    run(folder, "Restoring the database")
    assert (folder / "zone" / "champ.db").stat().st_mode & 0o777 == 0o600
    with serving(folder) as port:
        assert (health(port), pulled(port)) == ((200, {"status": "ok"}), 200)
    shutil.rmtree(folder / "zone")
    run(folder, "Restoring the whole zone")
    assert authority(folder, "again") == first
    (folder / "again").rename(folder / "zone")
    with serving(folder) as port:
        assert (health(port), pulled(port)) == ((200, {"status": "ok"}), 200)


def test_a_damaged_database_is_restored_with_its_log_out_of_the_way(folder: Path) -> None:
    with serving(folder):
        run(folder, "Backing up")
    with (folder / "zone" / "champ.db").open("r+b") as file:
        file.write(bytes(8192))
    (folder / "zone" / "champ.db-wal").write_bytes(b"what the other one left")
    run(folder, "Restoring the database")
    assert {path.name for path in (folder / "lost").iterdir()} >= {"champ.db", "champ.db-wal"}


def test_a_backup_is_private_audited_whole_and_overwrites_nothing(folder: Path) -> None:
    made = json.loads(ran(folder, *ZONE, "zone", "backup", "copy.db", "--json"))
    copy = folder / "copy.db"
    assert (made["path"], made["size"]) == ("copy.db", copy.stat().st_size)
    assert copy.stat().st_mode & 0o777 == 0o600
    rows = json.loads(ran(folder, *ZONE, "audit", "show", "--json"))
    assert (rows["rows"][-1]["act"], rows["head"]) == ("zone.backup", made["head"])
    before = copy.read_bytes()
    assert "[zone.backup-there]" in ran(folder, *ZONE, "zone", "backup", "copy.db", code=2)
    assert "[cli.system-refused]" in ran(folder, *ZONE, "zone", "backup", "no/copy.db", code=4)
    assert copy.read_bytes() == before
    assert json.loads(ran(folder, *ZONE, "audit", "show", "--json")) == rows
    assert not list(folder.glob(".partial*"))


@pytest.mark.parametrize("left", ["none", "empty", "made by use"])
def test_a_zone_without_its_database_is_not_led_to_begin_anew(folder: Path, left: str) -> None:
    zone = folder / "zone"
    for file in zone.glob("champ.db*"):
        file.unlink()
    if left == "empty":
        (zone / "champ.db").touch()
    elif left == "made by use":
        with closing(sqlite3.connect(zone / "champ.db")) as made:
            made.execute("PRAGMA journal_mode = WAL")
    before = sorted(path for path in zone.rglob("*") if path.is_file())
    for words in EVERY:
        said = ran(folder, *ZONE, *words, code=6)
        assert "[zone.database-missing]" in said, words
        assert "restore champ.db from the last backup" in said.lower()
        assert "zone init" not in said
    said = ran(folder, *ZONE, *INIT, code=2)
    assert "[zone.remains-there]" in said
    assert "store of a zone" in said
    if left == "none":
        assert sorted(path for path in zone.rglob("*") if path.is_file()) == before
    assert not (folder / "copy.db").exists()
    # Set aside on purpose, as the remedy says.
    (zone / "store").rename(folder / "store")
    assert ran(folder, *ZONE, *INIT)


@pytest.mark.parametrize("only", ["pki/ca.key", "uploads/1234", "store/champ-store"])
def test_each_thing_that_only_a_zone_has_is_enough(folder: Path, only: str) -> None:
    path = folder / "other" / only
    path.parent.mkdir(parents=True)
    path.touch()
    other = ["--zone", "other"]
    said = ran(folder, *other, "zone", "show", code=6)
    assert f"other holds {path.parent.name} of a zone" in said
    assert "[zone.remains-there]" in ran(folder, *other, *INIT, code=2)
    assert [found.name for found in (folder / "other").rglob("*") if found.is_file()] == [path.name]


def test_a_folder_for_a_zone_is_none_that_was_lost(folder: Path) -> None:
    """A disk that is mounted for the store, and a zone whose making was cut short."""
    (folder / "other" / "store" / "lost+found").mkdir(parents=True)
    (folder / "other" / "pki").mkdir()
    other = ["--zone", "other"]
    assert "[zone.not-a-zone]" in ran(folder, *other, "zone", "show", code=2)
    (folder / "other" / "champ.db").touch(0o600)
    (folder / "other" / "store" / "sha256").mkdir()
    (folder / "other" / "store" / "champ-store").touch()
    assert "[zone.not-a-zone]" in ran(folder, *other, "zone", "show", code=2)
    assert ran(folder, *other, *INIT)
    assert ran(folder, *other, "zone", "show")
