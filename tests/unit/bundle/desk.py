"""A stick, what was packed on it, and its repair."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from champ_offline.bundle.held import HeldBundles
from champ_offline.bundle.offer import Offer
from champ_offline.bundle.repair import RepairOrder, repair
from champ_offline.bundle.repaired import Repaired
from champ_offline.bundle.verify import VerifiedBundle, read_every_byte, verify
from champ_offline.events import ignore
from champ_offline.store.blobs import BlobStore

KIB = 1024


def flip(path: Path, offset: int, bit: int = 0) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ (1 << bit)]))


def swap(one: Path, other: Path) -> None:
    """Give two files each other's names."""
    aside = one.with_name("aside")
    one.rename(aside)
    other.rename(one)
    aside.rename(other)


def volumes(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.tar"))


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


class Desk:
    """A stick, the same as it was packed, and copies of it."""

    def __init__(self, folder: Path, root: bytes, now: datetime, tmp_path: Path) -> None:
        self.stick, self._tmp_path = folder, tmp_path
        self._root, self._now = root, now
        self.packed = tree(folder)
        self._copies = 0

    def copy(self) -> Path:
        self._copies += 1
        target = self._tmp_path / f"copy-{self._copies}" / self.stick.name
        shutil.copytree(self.stick, target)
        return target

    def accept(self, media: Sequence[Path], offer: Offer | None = None) -> VerifiedBundle:
        return verify(media, self._root, self._now, offer=offer)

    def mend(
        self,
        *sources: Path,
        medium: Path | None = None,
        stores: Sequence[BlobStore] = (),
        whole: bool = False,
        check: bool = False,
        list_to: Path | None = None,
        held: HeldBundles | None = None,
    ) -> Repaired:
        order = RepairOrder(medium or self.stick, sources, whole, check, list_to)
        return repair(order, self.accept, stores, ignore, held)

    def is_whole(self) -> None:
        assert tree(self.stick) == self.packed
        read_every_byte(self.accept([self.stick]), ignore)
