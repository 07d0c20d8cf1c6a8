"""From a damaged stick to a list, from the list to a patch, and back to a whole stick."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.command import loaded_champ
from tests.cli.test_way_of_a_bundle import Site
from tests.unit.bundle.desk import flip, tree, volumes

MIB = 1024 * 1024
SIZES = ["--volume-size", "1M", "--no-sbom"]


class Ward(Site):
    """A site whose bundle has one layer in four pieces, and a zone."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, random.Random(5).randbytes(3 * MIB + 7))
        self.keys = str(folder / "keys")
        self.gives("trust", "init", self.keys, "--holder", "Team", "--unencrypted")
        self.gives("lock", str(self.recipe))
        self.pack("--out", str(self.stick))
        self.bundle = self.stick / "champ/demo-1"
        self.packed = tree(self.bundle)
        self.list = folder / "repair.json"
        self.patch = folder / "patch"
        self.zone("zone", "init", "--name", "core", "--root", str(self.root))

    def pack(self, *words: str, sizes: list[str] = SIZES, code: int = 0) -> None:
        recipe = str(self.recipe)
        self.says("pack", recipe, "--signing", self.keys, *sizes, *words, "--json", code=code)

    def answer(self) -> list[str]:
        """A patch for the list, and what is in it."""
        self.pack("--only", str(self.list), "--out", str(self.patch))
        return sorted(tree(self.patch / "champ/demo-1"))

    def verify(self, code: int = 0) -> None:
        self.says("verify", str(self.stick), "--root", str(self.root), code=code)

    def repair(self, *words: str, code: int = 0) -> str:
        root = str(self.root)
        return self.says("media", "repair", str(self.stick), "--root", root, *words, code=code)


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Ward:
    return Ward(tmp_path_factory.mktemp("ward"))


@pytest.fixture
def ward(packed: Ward) -> Iterator[Ward]:
    yield packed
    for path, data in packed.packed.items():
        (packed.bundle / path).write_bytes(data)
    shutil.rmtree(packed.patch)
    packed.patch.mkdir()


def test_pieces_travel_again_and_stick_and_zone_are_whole(ward: Ward) -> None:
    for volume in volumes(ward.bundle)[1:3]:
        flip(volume, 500_000)
    zone = ["--zone", str(ward.folder / "zone")]
    ward.says(*zone, "import", str(ward.stick), code=11)
    listed = ["--check", "--list", str(ward.list)]
    ward.says(*zone, "media", "repair", str(ward.stick), *listed, code=11)
    rows = json.loads(ward.list.read_bytes())["members"]
    assert [row[0] for row in rows] == [2, 3]
    assert ward.answer() == sorted(row[1] for row in rows)
    ward.says(*zone, "import", str(ward.stick), str(ward.patch))
    ward.verify(code=11)
    table = ward.repair("--from", str(ward.patch), "--lang", "zh")
    assert "demo-1.0002.tar" in table
    ward.verify()
    assert tree(ward.bundle) == ward.packed


def test_the_zone_that_has_it_all_mends_a_stick_by_itself(ward: Ward) -> None:
    zone = ["--zone", str(ward.folder / "mender")]
    ward.says(*zone, "zone", "init", "--name", "core", "--root", str(ward.root))
    ward.says(*zone, "import", str(ward.stick))
    flip(volumes(ward.bundle)[2], 500_000)
    ward.says(*zone, "media", "repair", str(ward.stick))
    ward.verify()


def test_an_index_that_is_nowhere_comes_with_a_patch(ward: Ward) -> None:
    flip(volumes(ward.bundle)[1], 600)
    (ward.bundle / "volumes/0002.json").unlink()
    ward.repair("--list", str(ward.list), code=11)
    before = ward.list.read_bytes()
    ward.pack("--only", str(ward.list), "--out", str(ward.patch), sizes=["--no-sbom"], code=4)
    assert not list(ward.patch.iterdir())
    assert ward.list.read_bytes() == before
    assert ward.answer() == ["volumes/0002.json"]
    ward.repair("--from", str(ward.patch))
    assert tree(ward.bundle) == ward.packed


def test_a_list_of_something_else_is_refused(ward: Ward) -> None:
    flip(volumes(ward.bundle)[1], 500_000)
    ward.repair("--check", "--list", str(ward.list), code=11)
    text = ward.list.read_text(encoding="utf-8")
    hexed = json.loads(text)["members"][0][1].rpartition("/")[2].partition(".")[0]
    ward.list.write_text(text.replace(hexed, "ab" * 32), encoding="utf-8")
    ward.pack("--only", str(ward.list), "--out", str(ward.patch), code=4)
    ward.list.write_text("{}", encoding="utf-8")
    ward.pack("--only", str(ward.list), "--out", str(ward.patch), code=2)
    assert not list(ward.patch.iterdir())


def test_without_root_and_zone_nothing_is_mended(ward: Ward) -> None:
    done = loaded_champ("media", "repair", str(ward.stick))
    assert done.returncode == 2
    assert "--root" in done.stderr


def test_what_waits_is_told_and_let_go_of(ward: Ward) -> None:
    zone = ["--zone", str(ward.folder / "halfway")]
    ward.says(*zone, "zone", "init", "--name", "core", "--root", str(ward.root))
    flip(volumes(ward.bundle)[1], 500_000)
    ward.says(*zone, "import", str(ward.stick), code=11)
    waiting = ward.gives(*zone, "zone", "show")["waiting"]
    assert waiting > 2 * MIB
    states = {finding["check"]: finding["state"] for finding in ward.gives(*zone, "doctor")}
    assert states["import"] == "warn"
    assert "demo" not in ward.says(*zone, "zone", "show", "--lang", "zh")
    assert ward.gives(*zone, "zone", "discard") == {"size": waiting}
    assert ward.gives(*zone, "zone", "discard") == {"size": 0}
    flip(volumes(ward.bundle)[1], 500_000)
    ward.says(*zone, "import", str(ward.stick))
    assert ward.gives(*zone, "zone", "show")["waiting"] == 0
    assert "demo 1" in ward.says(*zone, "zone", "show")


@pytest.mark.parametrize(
    ("language", "told", "part"),
    [
        ("en", " (on other media, or lost)", "part of a bundle   volumes 1-{} of {}"),
        ("zh", "（在其他介质上，或已丢失）", "第 1-{} 卷，共 {} 卷"),
    ],
)
def test_a_last_volume_that_is_not_there_is_named_in_both_outputs(
    ward: Ward, language: str, told: str, part: str
) -> None:
    lost, total = volumes(ward.bundle)[-1], len(volumes(ward.bundle))
    part = part.format(total - 1, total)
    whole = ward.repair("--check", "--lang", language)
    assert told not in whole
    assert part not in whole
    lost.unlink()
    table = ward.repair("--check", "--lang", language)
    assert f"{lost.name}{told}" in table
    assert part in table
    found = json.loads(ward.repair("--check", "--json"))
    assert (found["elsewhere"], found["total"]) == ([lost.name], total)
    assert found["share"] == list(range(1, total))
    checked = ["verify", str(ward.stick), "--root", str(ward.root), "--lang", language]
    shown = loaded_champ(*checked)
    assert shown.returncode == 9
    assert lost.name in shown.stderr
    document = json.loads(loaded_champ(*checked, "--json").stderr.splitlines()[-1])
    assert document["fields"]["names"] == lost.name


@pytest.mark.parametrize(
    ("language", "damaged", "unjudged"),
    [("en", " is damaged", "were not judged"), ("zh", " 已损坏", "分卷未能检查")],
)
def test_an_altered_document_does_not_hide_a_damaged_volume(
    ward: Ward, language: str, damaged: str, unjudged: str
) -> None:
    checked = ["verify", str(ward.stick), "--root", str(ward.root), "--lang", language]
    second = volumes(ward.bundle)[1]
    flip(ward.bundle / "metadata/targets.json", 100)
    flip(second, 100_000)
    shown = loaded_champ(*checked)
    assert shown.returncode == 11
    assert "targets" in shown.stderr
    assert f"{second.name}{damaged}" in shown.stderr
    (ward.bundle / "bundle.json").write_bytes(b"{")
    shown = loaded_champ(*checked)
    assert shown.returncode == 13
    assert unjudged in shown.stderr


def test_a_look_at_a_damaged_stick_says_that_nothing_was_written(ward: Ward) -> None:
    for volume in volumes(ward.bundle)[1:3]:
        flip(volume, 100)
    damaged = tree(ward.bundle)
    root = str(ward.root)
    looked = loaded_champ(
        "media", "repair", str(ward.stick), "--root", root, "--check", "--lang", "en"
    )
    assert looked.returncode == 11
    assert "written            nothing, this was only a look" in looked.stdout
    assert "demo-1.0002.tar: damaged places: 1, demo-1.0003.tar: damaged places: 1" in looked.stdout
    assert "without --check" in looked.stderr
    assert tree(ward.bundle) == damaged
    assert "written" not in ward.repair()
    assert "written" in ward.repair("--check")
