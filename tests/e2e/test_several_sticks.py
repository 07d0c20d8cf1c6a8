"""One bundle over two real sticks of different file systems, plugged in one after the other."""

from __future__ import annotations

import json
from pathlib import Path

from tests.e2e.commands import PROJECT, Champ, run
from tests.lab.lab import Lab

RECIPE = PROJECT / "bundles/orthanc-1.12/bundle.yaml"
MEGABYTES = 72


def test_the_second_stick_continues_where_the_first_ended(lab: Lab, tmp_path: Path) -> None:
    workshop, zone = Champ(), Champ(zone=tmp_path / "zone")
    signing, packed = tmp_path / "signing", tmp_path / "packed"
    workshop("trust", "init", signing, "--holder", "release engineering", "--unencrypted")
    workshop("lock", RECIPE, "--out", tmp_path / "lock")
    workshop(
        "pack", RECIPE, "--lock", tmp_path / "lock", "--signing", signing, "--out", packed,
        "--stick", f"{MEGABYTES}MB", "--volume-size", "30M",
    )  # fmt: skip
    folders = sorted(packed.iterdir())
    assert [folder.name for folder in folders] == ["stick-01", "stick-02"]
    sticks = [lab.stick("first", MEGABYTES), lab.stick("second", MEGABYTES, "exfat")]
    for stick, folder in zip(sticks, folders, strict=True):
        run(["cp", "-r", folder / "champ", stick.plug()])
        stick.unplug()
    zone("zone", "init", "--name", "core-business", "--root", signing / "root.json")

    second, first = sticks[1], sticks[0]
    refused = zone("import", second.plug(), expect=9)
    assert "orthanc-1.12.7.0001.tar" in refused.stderr
    assert not json.loads(zone("--json", "catalog").stdout)
    second.unplug()
    waiting = {path.name for path in (tmp_path / "zone/incoming/sha256").iterdir()}
    assert waiting

    taken = zone.json("import", first.plug())
    first.unplug()
    assert taken["new_blobs"] > len(waiting) / 2
    assert [app["version"] for app in zone.json("catalog")] == ["1.12.7"]
    stored = {path.name for path in (tmp_path / "zone/store/sha256").iterdir()}
    assert waiting - stored <= {json.loads(_document(folders[0]))["index"]["digest"][7:]}
    assert not list((tmp_path / "zone/incoming/sha256").iterdir())


def _document(medium: Path) -> bytes:
    return next(medium.glob("champ/*/bundle.json")).read_bytes()
