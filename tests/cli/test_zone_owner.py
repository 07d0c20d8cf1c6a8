"""Root works in a zone that belongs to somebody else: every file in it stays that somebody's.

Run as root, as this project's tests are.
"""

from __future__ import annotations

import base64
import json
import os
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from http.client import HTTPSConnection
from pathlib import Path

import pytest

from tests.architecture.source import ROOT
from tests.cli.test_key_drill import champ
from tests.cli.test_way_of_a_bundle import RECIPE, write_layout
from tests.cli.test_zone_authority import ZONE, serving

USER, GROUP = 4321, 8765
AS_USER = """
import os, sys
from installer.__main__ import main
words = sys.argv[1:]
main(words)  # what is loaded late is loaded now: that user may not be able to read it
os.setgroups([]), os.setgid(8765), os.setuid(4321)
sys.stdout.write("--- as 4321\\n")
sys.stdout.flush()
sys.exit(main(words))
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        done = champ(folder, ["trust", "init", "shared", "--holder", "Anna", "--unencrypted"])
        assert done.returncode == 0, done.stderr
        (folder / "zone").mkdir()
        os.chown(folder / "zone", USER, GROUP)
        yield folder


def ran(folder: Path, *words: str) -> None:
    done = champ(folder, list(words))
    assert done.returncode == 0, done.stderr


def owners(zone: Path) -> dict[str, tuple[int, int]]:
    """Whose each file and folder is, where it is not the user's."""
    every = {str(path.relative_to(zone)): path.lstat() for path in zone.rglob("*")}
    owned = {name: (found.st_uid, found.st_gid) for name, found in every.items()}
    assert len(owned) > 1
    return {name: owner for name, owner in owned.items() if owner != (USER, GROUP)}


def begin_push(port: int) -> int:
    connection = HTTPSConnection(
        "127.0.0.1", port, context=ssl._create_unverified_context()  # noqa: S323
    )  # fmt: skip
    known = base64.b64encode(b"ci:correct horse battery").decode()
    headers = {"Authorization": f"Basic {known}", "Content-Length": "0"}
    connection.request("POST", "/v2/team/app/blobs/uploads/", headers=headers)
    status = connection.getresponse().status
    connection.close()
    return status


def as_user(folder: Path, *words: str) -> tuple[int, str, str]:
    """How it ended as the user: exit code, stdout, stderr."""
    done = subprocess.run(
        [sys.executable, "-c", AS_USER, *words], cwd=folder, capture_output=True, text=True,
        check=False, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    return done.returncode, done.stdout.partition("--- as 4321\n")[2], done.stderr


def test_every_file_that_root_makes_is_the_owners(folder: Path) -> None:
    zone = folder / "zone"
    (folder / "bundle.yaml").write_text(RECIPE, encoding="utf-8")
    write_layout(folder / "layout")
    ran(folder, *ZONE, "zone", "init", "--name", "core", "--root", "shared/root.json")
    ran(folder, "lock", "bundle.yaml")
    ran(folder, "pack", "bundle.yaml", "--signing", "shared", "--out", "out")
    ran(folder, *ZONE, "import", "out")
    (folder / "password").write_text("correct horse battery")
    (folder / "password").chmod(0o600)
    client = ["registry", "client", "add", "ci", "--push", "team/*"]
    ran(folder, *ZONE, *client, "--password-file", "password")
    # Nobody listens there: the push fails once it has its lock.
    target = ["registry", "external", "set", "127.0.0.1:1/zone", "--plain-http"]
    ran(folder, *ZONE, *target)
    assert champ(folder, [*ZONE, "registry", "push"]).returncode != 0
    assert (zone / "push.lock").exists()
    assert owners(zone) == {}
    with serving(folder, "--log", "zone/registry.log", "--no-hand-over") as port:
        assert begin_push(port) == 202
        assert list((zone / "uploads").iterdir())
        # The database's own files beside it are there now.
        assert (zone / "champ.db-wal").exists()
        assert owners(zone) == {}
    ran(folder, *ZONE, "store", "check")
    ran(folder, *ZONE, "zone", "discard")
    assert owners(zone) == {}
    for private in ("pki/ca.key", "pki/registry.key", "champ.db", "lock"):
        assert (zone / private).stat().st_mode & 0o777 == 0o600
    ran(folder, *ZONE, "registry", "external", "remove")
    code, said, _ = as_user(folder, *ZONE, "doctor", "--json")
    assert (code, [one["id"] for one in json.loads(said) if one["id"]]) == (0, [])


@pytest.mark.parametrize(
    ("stray", "words"),
    [
        ("pki", ("registry", "serve", "--host", "192.0.2.1")),
        ("lock", ("zone", "discard")),
        ("champ.db", ("zone", "show")),
    ],
)
def test_what_root_left_before_is_told_with_the_way_to_give_it_back(
    folder: Path, stray: str, words: tuple[str, ...]
) -> None:
    zone = folder / "zone"
    ran(folder, *ZONE, "zone", "init", "--name", "core", "--root", "shared/root.json")
    with serving(folder):
        pass
    for path in (zone / stray, *(zone / stray).rglob("*")):
        os.chown(path, 0, 0)
    if stray == "pki":
        words = ("registry", "authority", "show")
        found = {one["check"]: one["id"] for one in json.loads(as_user(
            folder, *ZONE, "doctor", "--json")[1])}  # fmt: skip
        assert found["authority"] == "durable.file-strayed"
    code, said, errors = as_user(folder, *ZONE, *words)
    assert (code, said) == (4, "")
    assert f"{zone}/{stray} belongs to user root, in a folder that belongs to user 4321" in errors
    assert f"`chown -hR 4321: {zone}/{stray}`" in errors
    assert "[durable.file-strayed]" in errors
