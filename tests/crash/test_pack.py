"""Killed before every durable step of packing: half a bundle is none, and the next is the same."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from champ_offline.bundle.divide import Limits
from champ_offline.bundle.errors import DocumentMissing, NoBundle, VolumeMissing
from champ_offline.bundle.layout import Contents
from champ_offline.bundle.occupied import TargetTaken
from champ_offline.bundle.pack import Packed, Packer
from champ_offline.bundle.verify import read_every_byte, verify
from champ_offline.events import ignore
from champ_offline.store.blobs import BlobStore
from tests.crash import kills
from tests.crash.counts import check_count
from tests.unit.bundle.conftest import NOW, Signing, contents, signing

__all__ = ["contents", "signing"]
KIB = 1024
TIMESTAMP = "metadata/timestamp.json"
Tree = dict[str, str]


def tree(folder: Path) -> Tree:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


class Bench:
    """Packs the same contents again and again, each time killed one step later."""

    def __init__(
        self, folder: Path, contents: tuple[BlobStore, Contents], signing: Signing
    ) -> None:
        self._folder, self._signing = folder, signing
        self._blobs, self._contents = contents
        self.installer: Path | None = None

    def pack(self, out: Path, limits: Limits) -> Packed:
        packer = Packer(self._blobs, (self._signing.root,), self._signing.signers)
        return packer.pack(self._contents, out, limits, NOW, ignore, self.installer)

    def kill_everywhere(self, limits: Limits, begin: Callable[[Path], object] = Path.mkdir) -> int:
        """Kill before every step of packing into what `begin` makes; returns the kills."""
        whole, out = self._folder / "whole", self._folder / "out"
        begin(whole)
        steps = kills.run(lambda: self.pack(whole, limits)).steps
        expected, complete = tree(whole), self._sealed(whole)
        for last in range(1, steps + 1):
            begin(out)
            assert kills.run(lambda: self.pack(out, limits), last).killed
            sealed = self._sealed(out)
            try:
                self.pack(out, limits)
            except TargetTaken:
                assert sealed == complete
            assert tree(out) == expected, last
            shutil.rmtree(out)
        return steps

    def _sealed(self, out: Path) -> set[str]:
        """The folders with a timestamp; whatever a reader takes for a bundle is whole."""
        found = set()
        for folder in sorted(out.rglob("champ/demo-1")):
            try:
                bundle = verify([folder], self._signing.root, NOW)
            except (NoBundle, DocumentMissing):
                continue
            try:
                read_every_byte(bundle, ignore)
            except VolumeMissing:
                assert all(not (folder / volume.name).exists() for volume in bundle.absent)
            except DocumentMissing:  # the timestamp alone: parity came first and stands in for it
                assert not (folder / TIMESTAMP).exists()
            if (folder / TIMESTAMP).exists():
                found.add(str(folder.relative_to(out)))
        return found


@pytest.fixture
def bench(tmp_path: Path, contents: tuple[BlobStore, Contents], signing: Signing) -> Bench:
    return Bench(tmp_path, contents, signing)


def test_one_medium(bench: Bench) -> None:
    check_count("pack: one medium", bench.kill_everywhere(Limits(130 * KIB)))


def test_several_media_and_pieces(bench: Bench) -> None:
    limits = Limits(24 * KIB, 80 * KIB)
    check_count("pack: pieces over several media", bench.kill_everywhere(limits))


def test_parity(bench: Bench) -> None:
    limits = Limits(90 * KIB, 300 * KIB, parity=10)
    check_count("pack: with parity", bench.kill_everywhere(limits))


def test_with_an_installer(bench: Bench, tmp_path: Path) -> None:
    bench.installer = tmp_path / "installer.sh"
    bench.installer.write_bytes(b"#!/bin/sh\n" + bytes(3 << 20))
    limits = Limits(90 * KIB, 150 * KIB)
    check_count("pack: with an installer", bench.kill_everywhere(limits))


def test_over_what_a_broken_pack_left(bench: Bench, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.mkdir()
    assert kills.run(lambda: bench.pack(broken, Limits(24 * KIB)), 70).killed
    assert len(list(broken.rglob("*.tar"))) > 3
    killed = bench.kill_everywhere(Limits(40 * KIB), lambda out: shutil.copytree(broken, out))
    check_count("pack: over a broken one", killed)
