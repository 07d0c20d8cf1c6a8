"""Killed before every durable step of repairs: no byte of the stick is worse, and on it goes."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from champ_offline.bundle.repair import RepairOrder, repair
from champ_offline.bundle.repaired import Repaired
from champ_offline.bundle.verify import VerifiedBundle, read_every_byte, verify
from champ_offline.events import ignore
from tests.crash import kills
from tests.crash.counts import check_count
from tests.unit.bundle.conftest import NOW, Pack, Signing, contents, pack, signing
from tests.unit.bundle.desk import KIB, flip, tree, volumes

__all__ = ["contents", "pack", "signing"]
SECTOR = 512
Wrong = set[tuple[str, int]]


class Bench:
    """A stick that is damaged the same way again and again, and a copy to mend it from."""

    def __init__(self, folder: Path, copy: Path, root: bytes, harm: Callable[[Path], None]) -> None:
        self._folder, self._copy, self._root, self._harm = folder, copy, root, harm
        self._packed = tree(copy)

    def kill_everywhere(self) -> int:
        """Kill before every step and let each repair go on; returns how many kills there were."""
        whole = self._damaged("whole")
        steps = kills.run(lambda: self._mend(whole)).steps
        before = self._wrong(self._damaged("before"))
        assert before
        for last in range(1, steps + 1):
            stick = self._damaged("killed")
            assert kills.run(lambda: self._mend(stick), last).killed  # noqa: B023
            assert self._wrong(stick) <= before, last
            assert self._mend(stick).fault is None
            assert tree(stick) == self._packed
            read_every_byte(self._accept([stick]), ignore)
            shutil.rmtree(stick.parent)
        return steps

    def _damaged(self, name: str) -> Path:
        stick = Path(shutil.copytree(self._copy, self._folder / name / self._copy.name))
        self._harm(stick)
        return stick

    def _accept(self, media: object, _offer: object = None) -> VerifiedBundle:
        return verify(media, self._root, NOW)  # type: ignore[arg-type]

    def _mend(self, stick: Path) -> Repaired:
        return repair(RepairOrder(stick, (self._copy,)), self._accept, (), ignore)

    def _wrong(self, stick: Path) -> Wrong:
        """The sectors of files that are not as packed; those of files that are not there, too."""
        found = tree(stick)
        wrong: Wrong = set()
        for name, data in self._packed.items():
            there = found.get(name, b"")
            end = max(len(data), len(there))
            for at in range(0, end, SECTOR):
                if there[at : at + SECTOR] != data[at : at + SECTOR]:
                    wrong.add((name, at))
        return wrong


def test_volumes_and_documents(pack: Pack, signing: Signing, tmp_path: Path) -> None:
    def harm(stick: Path) -> None:
        some = volumes(stick)
        for volume in some[:3]:
            for offset in (3, 700, volume.stat().st_size * 2 // 3):
                flip(volume, offset)
        some[3].unlink()
        shutil.copy(some[4], some[5])
        with some[6].open("r+b") as file:
            file.truncate(4 * KIB)
        with some[7].open("ab") as file:
            file.write(bytes(3 * KIB))
        (stick / "metadata/timestamp.json").unlink()
        flip(stick / "metadata/targets.json", 50)
        flip(stick / "bundle.json", 50)
        shutil.rmtree(stick / "volumes")

    copy = pack(limit=24 * KIB).folder
    killed = Bench(tmp_path, copy, signing.root, harm).kill_everywhere()
    check_count("repair: volumes and documents", killed)


def test_parity(pack: Pack, signing: Signing, tmp_path: Path) -> None:
    def harm(stick: Path) -> None:
        for volume in volumes(stick):
            for offset in range(5 * KIB, volume.stat().st_size, 40 * KIB):
                flip(volume, offset)
        for name in ("documents.par", "demo-1.0001.par"):
            (stick / name).unlink()

    copy = pack(limit=130 * KIB, parity=10).folder
    killed = Bench(tmp_path, copy, signing.root, harm).kill_everywhere()
    check_count("repair: with parity", killed)
