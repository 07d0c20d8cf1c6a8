"""Media with several bundles: each has its turn, in an order in which none is refused for it."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from champ_offline.appliance import Appliance
from champ_offline.bundle.errors import NoBundle
from champ_offline.bundle.intake import Imported
from champ_offline.bundle.layout import Contents
from champ_offline.bundle.turns import Turn, apart, take_turns, troubles
from champ_offline.bundle.verify import VerifiedBundle, verify
from champ_offline.events import ignore
from champ_offline.store.blobs import BlobStore
from champ_offline.trust.errors import Replayed, WrongZone
from tests.unit.bundle.conftest import NOW, Pack, Signing
from tests.unit.bundle.desk import KIB, volumes


@pytest.fixture
def appliance(tmp_path: Path, signing: Signing) -> Appliance:
    root = tmp_path / "root.json"
    root.write_bytes(signing.root)
    return Appliance.create(tmp_path / "zone", "core", root, clock=lambda: NOW)


def fared(turns: Sequence[Turn[Imported]]) -> list[tuple[str, bool | str]]:
    """Each bundle's version, and whether it was new or which error refused it."""
    return [
        (turn.version, turn.done.changed if turn.done else turn.refusal.id if turn.refusal else "")
        for turn in turns
    ]


def test_older_packs_of_a_name_come_first(pack: Pack, appliance: Appliance, tmp_path: Path) -> None:
    for version, days in (("1", -1), ("2", -3), ("3", -2)):
        pack(version=version, days=days)
    stick = tmp_path / "stick"
    assert fared(appliance.import_all([stick], ignore)) == [("2", True), ("3", True), ("1", True)]
    assert fared(appliance.import_all([stick], ignore)) == [
        ("2", False), ("3", False), ("1", False),
    ]  # fmt: skip


def test_an_older_pack_that_never_was_here_is_a_replay(
    pack: Pack, appliance: Appliance, tmp_path: Path
) -> None:
    pack("new", version="2", days=-1)
    appliance.import_all([tmp_path / "new"], ignore)
    pack("old", version="1", days=-2)
    turns = appliance.import_all([tmp_path / "old", tmp_path / "new"], ignore)
    assert fared(turns) == [("1", Replayed.id), ("2", False)]
    assert [type(error) for error in troubles(turns)] == [Replayed]


def test_bundles_are_told_apart_over_several_media(
    pack: Pack, contents: tuple[BlobStore, Contents], appliance: Appliance, tmp_path: Path
) -> None:
    _blobs, what = contents
    pack("sticks", medium=130 * KIB, days=-1)
    one, two = tmp_path / "sticks/stick-01", tmp_path / "sticks/stick-02"
    other = pack("other", days=-1, what=replace(what, name="other")).folder
    shutil.copytree(other, one / "champ" / "other-1")
    bare = tmp_path / "bare"
    bare.mkdir()
    volumes(one / "champ" / "other-1")[0].rename(bare / "other-1.0001.tar")
    assert apart([one, two, bare]) == {
        "demo-1": (one / "champ/demo-1", two),
        "other-1": (one / "champ/other-1", bare),
    }
    assert fared(appliance.import_all([one, two, bare], ignore)) == [("1", True), ("1", True)]


def test_a_folder_is_known_by_what_it_says_of_itself(pack: Pack, tmp_path: Path) -> None:
    folder = pack().folder
    folder.rename(folder.with_name("copy"))
    pack(version="2")
    second = folder.with_name("demo-2")
    (second / "bundle.json").unlink()
    stick = tmp_path / "stick"
    assert apart([stick]) == {"demo-1": (folder.with_name("copy"),), "demo-2": (second,)}


def test_one_bundle_is_its_medium_whole(pack: Pack, tmp_path: Path) -> None:
    pack()
    assert apart([tmp_path / "stick"]) == {"demo-1": (tmp_path / "stick",)}
    (tmp_path / "empty").mkdir()
    with pytest.raises(NoBundle):
        apart([tmp_path / "empty"])


def test_bundles_for_other_zones_are_no_trouble_beside_ours(
    pack: Pack, signing: Signing, tmp_path: Path
) -> None:
    pack(zones=("far",), version="2")

    def judge(paths: Sequence[Path]) -> VerifiedBundle:
        return verify(paths, signing.root, NOW, "core")

    only = take_turns([tmp_path / "stick"], judge, lambda _bundle: True)
    assert [type(error) for error in troubles(only)] == [WrongZone]
    pack(version="1")
    both = take_turns([tmp_path / "stick"], judge, lambda _bundle: True)
    assert [(turn.bundle, turn.done) for turn in both] == [("demo-2", None), ("demo", True)]
    assert troubles(both) == []
