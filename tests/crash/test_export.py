"""Killed before every durable step of an export: half a medium is none, the next run ends it."""

from __future__ import annotations

import json
import random
import shutil
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from champ_offline.appliance import Appliance
from champ_offline.bundle.divide import Limits
from champ_offline.bundle.errors import DocumentMissing, NoBundle, VolumeMissing
from champ_offline.bundle.export import ExportOrder
from champ_offline.bundle.export_media import Targets
from champ_offline.bundle.layout import Contents
from champ_offline.bundle.verify import read_every_byte, verify
from champ_offline.durable.database import Database
from champ_offline.events import ignore
from champ_offline.journal.acts import Act
from champ_offline.journal.audit import Audit
from champ_offline.store.blobs import BlobStore
from tests.crash import kills
from tests.crash.counts import check_count
from tests.crash.test_pack import TIMESTAMP, tree
from tests.crash.zones import commission, held, take
from tests.unit.bundle.conftest import NOW, Pack, Signing, contents, image, pack, signing

__all__ = ["contents", "pack", "signing"]
KIB = 1024
LATER = NOW + timedelta(days=2)


class Gate:
    """A zone from which the same media are written again and again, killed one step later."""

    def __init__(self, folder: Path, signing: Signing) -> None:
        self.folder, self._signing = folder, signing
        self.zone = folder / "zone"
        commission(self.zone, signing.root)

    def export(self, out: Path, stick: int | None) -> None:
        appliance = Appliance(self.zone, lambda: LATER)
        with closing(appliance._database):
            appliance.export(ExportOrder("core", Targets((out,), stick)), ignore)

    def kill_everywhere(self, stick: int | None = None) -> int:
        """Kill before every step of an export; returns how many kills there were."""
        whole, out = self.folder / "whole", self.folder / "out"
        whole.mkdir()
        before = held(self.zone)
        steps = kills.run(lambda: self.export(whole, stick)).steps
        expected = tree(whole)
        for last in range(1, steps + 1):
            out.mkdir()
            shutil.rmtree(self.zone / "readings")  # made by the first export
            assert kills.run(lambda: self.export(out, stick), last).killed
            self._half_is_none(out)
            self._told(out)
            self.export(out, stick)
            assert tree(out) == expected, last
            shutil.rmtree(out)
        assert held(self.zone) == before
        return steps

    def _half_is_none(self, out: Path) -> None:
        """Whatever a reader takes for a bundle is whole."""
        for folder in sorted(out.rglob("champ/*")):
            try:
                bundle = verify([folder], self._signing.root, LATER)
            except (NoBundle, DocumentMissing):
                continue
            try:
                read_every_byte(bundle, ignore)
            except VolumeMissing:
                assert all(not (folder / volume.name).exists() for volume in bundle.absent)
            except DocumentMissing:  # the timestamp alone: parity came first and stands in for it
                assert not (folder / TIMESTAMP).exists()

    def _told(self, out: Path) -> None:
        """Nothing of a bundle is on a medium that the audit chain does not tell of."""
        with closing(Database(self.zone / "champ.db")) as database:
            audit = Audit(database, lambda: LATER)
            audit.check()
            rows = [row for row in audit.rows() if row.act == Act.EXPORT]
            told = {f"{row.subject}-{json.loads(row.detail)['version']}" for row in rows}
            assert {path.name for path in out.rglob("champ/*")} <= told


@pytest.fixture
def gate(tmp_path: Path, signing: Signing) -> Gate:
    return Gate(tmp_path, signing)


def test_one_medium(gate: Gate, pack: Pack) -> None:
    take(gate.zone, [pack().folder], LATER)
    check_count("export: one medium", gate.kill_everywhere())


def test_several_media_and_pieces(
    gate: Gate, pack: Pack, contents: tuple[BlobStore, Contents]
) -> None:
    blobs, what = contents
    noise = random.Random(5)
    large = image(blobs, "champ.local/large:1", [noise.randbytes(2_500_000) for _ in range(2)])
    limits = Limits.of(1_000_000, 8_000_000)
    packed = pack(
        limit=limits.volume, medium=limits.medium, what=replace(what, descriptors=(large,), apps=())
    )
    assert len(packed.folders) == 2
    take(gate.zone, packed.folders, LATER)
    killed = gate.kill_everywhere(8_000_000)
    check_count("export: pieces over several media", killed)


def test_two_bundles_with_parity(
    gate: Gate, pack: Pack, contents: tuple[BlobStore, Contents]
) -> None:
    _blobs, what = contents
    for name in ("demo", "more"):
        packed = pack(name, limit=90 * KIB, parity=10, what=replace(what, name=name))
        take(gate.zone, [packed.folder], LATER)
    check_count("export: two bundles with parity", gate.kill_everywhere())
