"""A bundle's newer roots get lost on the way: noticed, given back, never let go of."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from champ_offline.bundle.divide import Limits
from champ_offline.bundle.errors import SeveralTroubles
from champ_offline.bundle.layout import Contents
from champ_offline.bundle.pack import Packer
from champ_offline.bundle.repair import RepairOrder, repair
from champ_offline.bundle.repair_errors import RootsLost
from champ_offline.bundle.repaired import Repaired
from champ_offline.bundle.verify import VerifiedBundle, read_every_byte, verify
from champ_offline.errors import ExitCode
from champ_offline.events import ignore
from champ_offline.store.blobs import BlobStore
from champ_offline.trust.errors import (
    DocumentAltered,
    DocumentUnreadable,
    OtherRoot,
    RootMissing,
)
from champ_offline.trust.rotation import Change
from tests.unit.bundle.conftest import NOW
from tests.unit.bundle.desk import flip, tree
from tests.unit.trust.signing import Holder, first_root, next_root, signers_of


@dataclass
class Line:
    """Three roots, the second with another release key, and a packer under the third."""

    roots: tuple[bytes, ...]
    pack: Callable[[str, int], Path]

    def accept(self, *media: Path, root: int = 1, known: tuple[bytes, ...] = ()) -> VerifiedBundle:
        return verify(media, self.roots[root - 1], NOW, known=known)

    def mend(self, medium: Path, *sources: Path, root: int = 1, known: int = 0) -> Repaired:
        zone = self.roots[:known] or self.roots[root - 1 : root]
        order = RepairOrder(medium, sources)
        accept = lambda media, _offer: verify(media, self.roots[root - 1], NOW, known=zone)  # noqa: E731
        return repair(order, accept, (), ignore)


@pytest.fixture(scope="module")
def holders() -> tuple[Holder, Holder]:
    return Holder("Anna"), Holder("Bert", ["targets", "snapshot", "timestamp"])


@pytest.fixture(params=["the same keys", "other keys"])
def line(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    contents: tuple[BlobStore, Contents],
    holders: tuple[Holder, Holder],
) -> Line:
    """Root 3 either has the keys of root 1, or others that root 1 does not know."""
    anna, bert = holders
    change, by = Change(), [anna]
    if request.param == "other keys":
        old = [anna.signers[role].public_key.keyid for role in bert.signers]
        change, by = Change(added=[bert.public], removed=old), [bert]
    roots = [first_root([anna], NOW)]
    roots.append(next_root(roots[-1], change, [anna], NOW))
    roots.append(next_root(roots[-1], Change(), [anna], NOW))

    def pack(out: str, parity: int) -> Path:
        packer = Packer(contents[0], tuple(roots), signers_of(*by))
        limits = Limits(130 * 1024, None, parity)
        (tmp_path / out).mkdir()
        return packer.pack(contents[1], tmp_path / out, limits, NOW, ignore).folder

    return Line(tuple(roots), pack)


def break_root(folder: Path, version: int, how: str) -> None:
    path = folder / f"metadata/{version}.root.json"
    if how == "flipped":
        flip(path, 300)
    elif how == "gone":
        path.unlink()
    else:
        path.write_bytes(b"")


HOWS = pytest.mark.parametrize("how", ["flipped", "gone", "empty"])
WHICH = pytest.mark.parametrize("version", [2, 3])


@WHICH
def test_without_its_newest_root_a_bundle_is_refused(line: Line, version: int) -> None:
    stick = line.pack("stick", 0)
    break_root(stick, version, "gone")
    with pytest.raises(RootMissing) as caught:
        line.accept(stick)
    assert caught.value.exit_code is ExitCode.DOCUMENT_ALTERED
    assert (caught.value.fields["missing"], caught.value.fields["announced"]) == (version, 3)


@WHICH
def test_a_root_that_was_changed_is_named_by_its_file(line: Line, version: int) -> None:
    stick = line.pack("stick", 0)
    break_root(stick, version, "flipped")
    with pytest.raises((DocumentAltered, DocumentUnreadable)) as caught:
        line.accept(stick)
    assert str(stick / "metadata" / f"{version}.root.json") in str(caught.value)


@HOWS
@WHICH
def test_parity_gives_a_root_back_on_the_way(line: Line, version: int, how: str) -> None:
    stick = line.pack("stick", 5)
    break_root(stick, version, how)
    found = line.accept(stick)
    assert (found.trusted.root_version, found.lost_roots, len(found.faults)) == (3, (), 1)


def test_roots_of_several_copies_make_one_line(line: Line) -> None:
    stick = line.pack("stick", 0)
    copy = Path(shutil.copytree(stick, stick.parent / "copy" / stick.name))
    break_root(stick, 3, "gone")
    break_root(copy, 2, "flipped")
    assert line.accept(stick, copy).trusted.root == line.roots[2]
    with pytest.raises(RootMissing):
        line.accept(stick)


@HOWS
@WHICH
@pytest.mark.parametrize("pinned", [1, 2, 3])
def test_repair_gives_a_root_back_from_parity(
    line: Line, version: int, how: str, pinned: int
) -> None:
    stick = line.pack("stick", 5)
    packed = tree(stick)
    break_root(stick, version, how)
    done = line.mend(stick, root=pinned)
    assert done.documents == (f"metadata/{version}.root.json",)
    assert tree(stick) == packed


@HOWS
def test_repair_gives_roots_back_from_a_copy(line: Line, how: str) -> None:
    stick = line.pack("stick", 5)
    packed = tree(stick)
    copy = Path(shutil.copytree(stick, stick.parent / "copy" / stick.name))
    (stick / "documents.par").unlink()
    break_root(stick, 2, how)
    break_root(stick, 3, how)
    assert line.mend(stick, copy).fault is None
    assert tree(stick) == packed


def test_repair_gives_roots_back_from_the_zone(line: Line) -> None:
    stick = line.pack("stick", 5)
    packed = tree(stick)
    (stick / "documents.par").unlink()
    break_root(stick, 2, "gone")
    break_root(stick, 3, "flipped")
    assert line.mend(stick, root=3, known=3).fault is None
    assert tree(stick) == packed


def test_parity_is_not_made_without_a_root_that_it_must_have(line: Line) -> None:
    stick = line.pack("stick", 5)
    (stick / "documents.par").unlink()
    break_root(stick, 2, "gone")
    done = line.mend(stick, root=3)
    assert isinstance(done.fault, RootsLost)
    assert done.fault.exit_code is ExitCode.CORRUPT
    assert done.lost_roots[0] == 2
    assert not (stick / "documents.par").exists()
    with pytest.raises(SeveralTroubles, match=r"root 2 is missing.*documents\.par"):
        read_every_byte(line.accept(stick, root=3), ignore)


def test_repair_without_any_copy_of_the_root_changes_nothing(line: Line) -> None:
    stick = line.pack("stick", 0)
    break_root(stick, 2, "gone")
    before = tree(stick)
    with pytest.raises(RootsLost) as caught:
        line.mend(stick)
    assert caught.value.fields["version"] == 2
    assert tree(stick) == before


def test_roots_of_strangers_beside_it_do_not_help(line: Line) -> None:
    stick = line.pack("stick", 0)
    copy = Path(shutil.copytree(stick, stick.parent / "copy" / stick.name))
    break_root(stick, 2, "gone")
    stranger = Holder("stranger")
    first = first_root([stranger], NOW)
    second = next_root(first, Change(), [stranger], NOW)
    (copy / "metadata/1.root.json").write_bytes(first)
    (copy / "metadata/2.root.json").write_bytes(second)
    with pytest.raises(RootMissing):
        line.accept(stick, copy)
    with pytest.raises(OtherRoot):
        line.accept(copy)
