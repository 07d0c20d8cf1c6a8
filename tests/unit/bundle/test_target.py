"""Writing to a medium stays on it, whatever lies there."""

from __future__ import annotations

from pathlib import Path

import pytest

from champ_offline.bundle.divide import Limits
from champ_offline.bundle.layout import Contents, Layout
from champ_offline.bundle.patch import write_patch
from champ_offline.bundle.repair_list import RepairList
from champ_offline.bundle.target import TargetLinked, refuse_links
from champ_offline.events import ignore
from champ_offline.store.blobs import BlobStore
from tests.unit.bundle.conftest import Pack
from tests.unit.bundle.desk import KIB, tree


@pytest.fixture
def away(tmp_path: Path) -> Path:
    (tmp_path / "away").mkdir()
    return tmp_path / "away"


def link(stick: Path, name: str, away: Path) -> None:
    (stick / name).parent.mkdir(parents=True, exist_ok=True)
    (stick / name).symlink_to(away)


@pytest.mark.parametrize("name", ["champ", "champ/demo-1", "champ/demo-1/volumes"])
def test_a_pack_follows_no_link(pack: Pack, tmp_path: Path, away: Path, name: str) -> None:
    link(tmp_path / "stick", name, away)
    with pytest.raises(TargetLinked) as refused:
        pack()
    assert refused.value.fields["path"] == tmp_path / "stick" / name
    assert tree(away) == {}


def test_a_pack_for_sticks_follows_no_link(pack: Pack, tmp_path: Path, away: Path) -> None:
    link(tmp_path / "sticks", "stick-02", away)
    with pytest.raises(TargetLinked):
        pack("sticks", medium=130 * KIB)
    assert sorted(path.name for path in (tmp_path / "sticks").iterdir()) == ["stick-02"]
    assert tree(away) == {}


@pytest.mark.parametrize("name", ["champ", "champ/demo-1/blobs", "champ/demo-1/blobs/sha256"])
def test_a_patch_follows_no_link(
    pack: Pack, contents: tuple[BlobStore, Contents], tmp_path: Path, away: Path, name: str
) -> None:
    blobs, what = contents
    document = pack().document
    layout = Layout(blobs, what)
    wanted = RepairList("demo", "1", document.volume_set, ((1, layout.members[-1]),), ())
    link(tmp_path / "patch", name, away)
    with pytest.raises(TargetLinked):
        write_patch(wanted, layout, Limits(130 * KIB), tmp_path / "patch", ignore)
    assert tree(away) == {}


def test_only_what_is_below_the_named_path_is_looked_at(tmp_path: Path, away: Path) -> None:
    (tmp_path / "named").symlink_to(away)
    refuse_links(tmp_path / "named", tmp_path / "named" / "champ" / "demo-1")
    (away / "champ").symlink_to("nowhere")
    with pytest.raises(TargetLinked):
        refuse_links(tmp_path / "named", tmp_path / "named" / "champ" / "demo-1")
