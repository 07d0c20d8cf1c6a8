"""`champ run --watch` as a service runs it: lines of JSON, one look or many, ended by SIGTERM."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from champ_offline.appliance import Appliance
from champ_offline.bundle.media import DOCUMENT
from tests.architecture.source import ROOT
from tests.cli.command import loaded_champ
from tests.tui.sample_app import ZONE, Media, make_media

TAKE = "format: 1\nbundles: [greeter]\nhours: always\n"


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Media:
    return make_media(tmp_path_factory.mktemp("media"))


@pytest.fixture
def words(tmp_path: Path, media: Media) -> list[str]:
    """A zone, an empty folder to be looked into, and the command without its form."""
    Appliance.create(tmp_path / "zone", ZONE, media.root, media.fingerprint)
    (tmp_path / "ferry").mkdir()
    (tmp_path / "policy.yaml").write_text(TAKE)
    return [
        "--zone", str(tmp_path / "zone"), "run", "--watch", str(tmp_path / "ferry"),
        "--policy", str(tmp_path / "policy.yaml"),
    ]  # fmt: skip


def drop(media: Media, version: str, folder: Path) -> Path:
    made = next(one.parent for one in media.stick.rglob(DOCUMENT) if version in str(one))
    return Path(shutil.copytree(made, folder / f"tree {version}" / "champ" / made.name))


def told(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_one_look_tells_each_bundle_on_a_line(
    words: list[str], media: Media, tmp_path: Path
) -> None:
    drop(media, "1.0", tmp_path / "ferry")
    (drop(media, "2.0", tmp_path / "ferry") / "greeter-2.0.0001.tar").unlink()
    (tmp_path / "receipts").mkdir()
    form = ["-o", "json", "--progress", "ndjson", "--receipt", str(tmp_path / "receipts")]
    done = loaded_champ(*words, "--once", *form)
    assert done.returncode == 9, done.stderr
    waiting, taken = told(done.stdout)
    assert (waiting["name"], waiting["state"]) == ("greeter-2.0", "waiting")
    assert [one["id"] for one in waiting["reasons"]] == ["media.volume-missing"]
    assert (taken["name"], taken["state"], taken["exit_code"]) == ("greeter-1.0", "done", 0)
    assert taken["run"]["bundles"][0]["verdict"] == "done"
    assert taken["bundle"].startswith("sha256:")
    events = told(done.stderr)
    assert {"event": "StepStarted", "name": "ferry", "subject": "greeter-1.0"} in events
    (receipt,) = (tmp_path / "receipts").iterdir()
    assert json.loads(receipt.read_text()) == taken["run"]
    again = loaded_champ(*words, "--once", *form)
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")


def test_people_read_lines(words: list[str], media: Media, tmp_path: Path) -> None:
    drop(media, "1.0", tmp_path / "ferry")
    (tmp_path / "ferry" / "tree").symlink_to(tmp_path)
    done = loaded_champ(*words, "--once", "--progress", "none")
    assert done.returncode == 3
    assert done.stdout == "tree  refused\ngreeter-1.0  done\n  greeter  1.0  done\n"
    assert "[ferry.link]" in done.stderr
    (tmp_path / "ferry" / "tree").unlink()
    (tmp_path / "ferry" / "tree").mkdir()
    chinese = loaded_champ("--lang", "zh", *words, "--once", "--progress", "none")
    assert (chinese.returncode, chinese.stdout) == (9, "tree  等待\n")
    as_yaml = loaded_champ(*words, "--once", "-o", "yaml")
    assert (as_yaml.returncode, as_yaml.stdout) == (0, "")


def test_watching_goes_on_until_it_is_ended(words: list[str], media: Media, tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "installer", *words, "-o", "json", "--progress", "none"],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as watching:  # fmt: skip
        overdue = threading.Timer(120, watching.kill)
        overdue.start()
        assert watching.stdout is not None
        drop(media, "1.0", tmp_path / "ferry")
        states = [json.loads(watching.stdout.readline())["state"]]
        while states[-1] == "waiting":  # it may see the copy under way
            states.append(json.loads(watching.stdout.readline())["state"])
        assert states[-1] == "done"
        watching.send_signal(signal.SIGTERM)
        rest, errors = watching.communicate()
        overdue.cancel()
    assert (watching.returncode, rest) == (143, ""), errors
    assert "Traceback" not in errors


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        (["{media}"], "Name either MEDIA or a folder with --watch."),
        (["--dry-run"], "--dry-run is for MEDIA; name a tree in the folder."),
    ],
)
def test_what_does_not_go_together(
    words: list[str], tmp_path: Path, more: list[str], problem: str
) -> None:
    done = loaded_champ(*words, *(one.format(media=tmp_path) for one in more))
    assert done.returncode == 2
    assert problem in done.stderr


def test_once_is_for_watching(words: list[str], tmp_path: Path) -> None:
    plain = [one for one in words if one not in {"--watch", str(tmp_path / "ferry")}]
    done = loaded_champ(*plain, str(tmp_path), "--once")
    assert (done.returncode, "--once is for --watch." in done.stderr) == (2, True)


def test_the_units_look_into_the_folder(words: list[str], tmp_path: Path) -> None:
    done = loaded_champ(
        *words[:2], "policy", "unit", "--ferry", str(tmp_path / "ferry"), "--policy", words[-1],
        "--receipt", str(tmp_path / "receipts"), "--write", str(tmp_path / "units"),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    names = sorted(one.name for one in (tmp_path / "units").iterdir())
    assert names == ["champ-ferry.path", "champ-ferry.service", "champ-ferry.timer"]
    service = (tmp_path / "units" / "champ-ferry.service").read_text()
    assert (
        f" run --policy {words[-1]} --receipt {tmp_path}/receipts --watch {tmp_path}/ferry --once\n"
    ) in service
    assert "systemctl enable --now champ-ferry.path champ-ferry.timer" in done.stderr
    assert "udev" not in done.stderr
