"""One bundle over two real sticks of different file systems, plugged in one after the other."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.commands import PROJECT, Champ, environment, run
from tests.lab.lab import Lab
from tests.lab.stick import Stick

RECIPE = PROJECT / "bundles/orthanc-1.12/bundle.yaml"
MEGABYTES = 72


@dataclass(frozen=True)
class Packed:
    """A bundle on two sticks that are not plugged in, and the folder it was packed in."""

    folder: Path
    media: list[Path]
    first: Stick
    second: Stick

    def zone(self, name: str) -> Champ:
        """A zone of that name, newly commissioned."""
        champ = Champ(zone=self.folder / name)
        root = self.folder / "signing/root.json"
        champ("zone", "init", "--name", "core-business", "--root", root)
        return champ


@pytest.fixture(scope="module")
def packed_sticks(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Packed:
    """Orthanc's bundle, packed for two small sticks and copied to them."""
    folder, workshop = tmp_path_factory.mktemp("sticks"), Champ()
    signing, lock, out = folder / "signing", folder / "lock", folder / "packed"
    workshop("trust", "init", signing, "--holder", "release engineering", "--unencrypted")
    workshop("lock", RECIPE, "--out", lock)
    workshop(
        "pack", RECIPE, "--lock", lock, "--signing", signing, "--out", out,
        "--stick", f"{MEGABYTES}MB", "--volume-size", "30M",
    )  # fmt: skip
    media = sorted(out.iterdir())
    assert [medium.name for medium in media] == ["stick-01", "stick-02"]
    sticks = [lab.stick("first", MEGABYTES), lab.stick("second", MEGABYTES, "exfat")]
    for stick, medium in zip(sticks, media, strict=True):
        run(["cp", "-r", medium / "champ", stick.plug()])
        stick.unplug()
    return Packed(folder, media, *sticks)


def test_the_second_stick_continues_where_the_first_ended(packed_sticks: Packed) -> None:
    zone, folder = packed_sticks.zone("zone"), packed_sticks.folder / "zone"
    refused = zone("import", packed_sticks.second.plug(), expect=9)
    assert "orthanc-1.12.7.0001.tar" in refused.stderr
    assert not zone.json("catalog")
    packed_sticks.second.unplug()
    waiting = {path.name for path in (folder / "incoming/sha256").iterdir()}
    assert waiting

    taken = zone.json("import", packed_sticks.first.plug())
    packed_sticks.first.unplug()
    assert taken["new_blobs"] > len(waiting) / 2
    assert [app["version"] for app in zone.json("catalog")] == ["1.12.7"]
    stored = {path.name for path in (folder / "store/sha256").iterdir()}
    document = next(packed_sticks.media[0].glob("champ/*/bundle.json")).read_bytes()
    assert waiting - stored <= {json.loads(document)["index"]["digest"].removeprefix("sha256:")}
    assert not list((folder / "incoming/sha256").iterdir())


def test_an_import_that_waits_goes_on_by_itself(packed_sticks: Packed) -> None:
    zone = packed_sticks.zone("waiting")
    words = zone.words("import", packed_sticks.second.plug(), "--wait")
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True, env=environment()) as process:
        assert process.stderr is not None
        said = iter(process.stderr.readline, "")
        assert any("Waiting for the next medium" in line for line in said)
        packed_sticks.second.unplug()
        packed_sticks.first.plug()
        assert process.wait(60) == 0
    packed_sticks.first.unplug()
    assert [app["version"] for app in zone.json("catalog")] == ["1.12.7"]
