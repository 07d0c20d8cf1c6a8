"""Damaged volumes and parity files: what can be healed is, the rest is named, nothing hangs."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from zlib import crc32

import pytest

from champ_offline.bundle.errors import VolumeTruncated
from champ_offline.bundle.parity import capsule
from champ_offline.bundle.parity.capsule import Form
from champ_offline.bundle.parity.encode import encode
from champ_offline.bundle.parity.heal import Healed, heal
from champ_offline.bundle.parity.layout import SECTOR, UNIT
from champ_offline.bundle.parity.patches import Patches, overlay, restore_in_place
from champ_offline.bundle.parity.protection import BeyondParity, ParityUnusable, Protection
from champ_offline.bundle.parity.table import Table
from champ_offline.errors import ExitCode
from champ_offline.events import Event, Progress, ignore
from champ_offline.oci.digest import Digest

MIB = 1024**2
SIZE = 20 * MIB - 7 * SECTOR  # two groups, the last unit short


@dataclass(frozen=True)
class Whole:
    """A volume and its parity as they were packed."""

    folder: Path
    protection: Protection
    digest: str

    @property
    def volume(self) -> Path:
        return self.folder / "demo-1.0001.tar"

    @property
    def parity(self) -> Path:
        return self.folder / "demo-1.0001.par"


class FailingFile:
    """A file on a medium with sectors that give read errors, whole reads that touch them fail."""

    def __init__(self, path: Path, bad: set[int]) -> None:
        self._file, self._bad, self.refused = path.open("rb", buffering=0), bad, 0

    def seek(self, offset: int, whence: int = 0, /) -> int:
        return self._file.seek(offset, whence)

    def read(self, size: int = -1, /) -> bytes:
        first = self._file.tell() // SECTOR
        last = (self._file.tell() + size - 1) // SECTOR
        if any(sector in self._bad for sector in range(first, last + 1)):
            self.refused += 1
            raise OSError(5, "Input/output error")
        return self._file.read(size)

    def close(self) -> None:
        self._file.close()


def make(folder: Path, size: int, share: int, seed: int = 1) -> Whole:
    folder.mkdir()
    data = random.Random(seed).randbytes(size)
    digest = Digest.of(data[:512])
    whole = Whole(folder, Protection.of("demo-1.0001.tar", size, digest, share), sha256(data))
    whole.volume.write_bytes(data)
    with whole.volume.open("rb", buffering=0) as volume, whole.parity.open("wb") as out:
        encode(whole.protection, volume, folder, out.write, ignore)
    return whole


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture(scope="session")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    return make(tmp_path_factory.mktemp("parity") / "whole", SIZE, 5)


@pytest.fixture
def whole(packed: Whole, tmp_path: Path) -> Whole:
    """A copy to be damaged."""
    copy = replace(packed, folder=tmp_path)
    copy.volume.write_bytes(packed.volume.read_bytes())
    copy.parity.write_bytes(packed.parity.read_bytes())
    return copy


def zero(path: Path, sectors: Iterator[int] | range | list[int]) -> None:
    with path.open("r+b") as file:
        for sector in sectors:
            file.seek(sector * SECTOR)
            file.write(bytes(SECTOR))


def zero_share(path: Path, share: float, seed: int) -> None:
    count = path.stat().st_size // SECTOR
    place = random.Random(f"{seed} {path.name}")
    zero(path, [n for n in range(count) if place.random() < share])


@contextmanager
def healed(whole: Whole) -> Iterator[tuple[Healed, Patches]]:
    with (
        whole.volume.open("rb", buffering=0) as volume,
        whole.parity.open("rb", buffering=0) as parity,
        Patches(whole.protection.size, whole.folder) as patches,
    ):
        yield heal(whole.protection, volume, parity, patches, ignore), patches


def read_through(whole: Whole, patches: Patches) -> str:
    with overlay(whole.volume.open("rb", buffering=0), patches) as file:
        return sha256(file.read())


def assert_heals(whole: Whole) -> int:
    with healed(whole) as (result, patches):
        assert read_through(whole, patches) == whole.digest
        restore_in_place(whole.volume, patches, [(0, SIZE)])
    assert sha256(whole.volume.read_bytes()) == whole.digest
    return result.sectors


@pytest.mark.parametrize("seed", range(12))
def test_three_percent_of_both_files_are_healed(whole: Whole, seed: int) -> None:
    for path in (whole.volume, whole.parity):
        zero_share(path, 0.03, seed)
    assert assert_heals(whole) > 1000


@pytest.mark.parametrize("seed", range(6))
def test_a_dead_stretch_of_four_percent_is_healed(whole: Whole, seed: int) -> None:
    count = SIZE // SECTOR
    first = random.Random(seed).randrange(count - count // 25)
    zero(whole.volume, range(first, first + count // 25))
    assert assert_heals(whole) == count // 25


def test_a_dead_stretch_of_the_parity_file_is_borne(whole: Whole) -> None:
    count = whole.parity.stat().st_size // SECTOR
    zero(whole.parity, range(count // 3, count // 3 + count // 20))
    zero_share(whole.volume, 0.02, 1)
    assert_heals(whole)


@pytest.mark.parametrize("lost", [1, SECTOR, 40 * UNIT * SECTOR, SIZE // 25])
def test_a_volume_cut_off_within_the_share_is_healed(whole: Whole, lost: int) -> None:
    with whole.volume.open("r+b") as file:
        file.truncate(SIZE - lost)
    assert_heals(whole)


def test_a_volume_cut_off_reads_whole_through_the_overlay(whole: Whole) -> None:
    with whole.volume.open("r+b") as file:
        file.truncate(SIZE - SIZE // 30)
    with (
        healed(whole) as (_, patches),
        overlay(whole.volume.open("rb", buffering=0), patches) as file,
    ):
        assert file.seek(-100, 2) == SIZE - 100
        assert len(file.read()) == 100
        assert file.seek(5) == 5
        assert file.seek(SIZE - SIZE // 30 - 1000, 1) == SIZE - SIZE // 30 - 995
        assert len(file.read(MIB)) == SIZE // 30 + 995


def test_read_errors_are_healed_and_not_asked_for_again(whole: Whole) -> None:
    place = random.Random(11)
    bad = {n for n in range(SIZE // SECTOR) if place.random() < 0.03}
    bad_parity = {n for n in range(whole.parity.stat().st_size // SECTOR) if place.random() < 0.03}
    volume, parity = FailingFile(whole.volume, bad), FailingFile(whole.parity, bad_parity)
    with Patches(SIZE, whole.folder) as patches:
        result = heal(whole.protection, volume, parity, patches, ignore)
        assert result.sectors == len(bad)
        # Each bad sector is met alone, in its unit, and in the large read around: never twice.
        units = len({sector // UNIT for sector in bad})
        assert volume.refused <= len(bad) + units + SIZE // MIB + 1
        assert read_through(whole, patches) == whole.digest
        for sector in bad:
            patched, size = patches.run(sector * SECTOR, SECTOR)
            assert (patched, size) == (True, SECTOR)
    volume.close()
    parity.close()


def test_a_good_volume_needs_no_patch(whole: Whole) -> None:
    with healed(whole) as (result, patches):
        assert (result.sectors, len(patches), list(patches.runs())) == (0, 0, [])


def test_progress_ends_at_its_total(whole: Whole) -> None:
    zero(whole.volume, range(100, 200))
    seen: list[Event] = []
    with (
        whole.volume.open("rb", buffering=0) as volume,
        whole.parity.open("rb", buffering=0) as parity,
        Patches(SIZE, whole.folder) as patches,
    ):
        heal(whole.protection, volume, parity, patches, seen.append)
    last = {event.name: event for event in seen if isinstance(event, Progress)}
    assert {name: event.total for name, event in last.items()} == {"scan": SIZE, "heal": 2}
    assert all(event.done == event.total for event in last.values())


def test_what_is_beyond_is_named_and_the_other_group_healed(whole: Whole) -> None:
    layout = whole.protection.layout
    units = layout.units_of(1)
    sectors = [unit * UNIT + n for unit in units[: layout.parity // UNIT + 1] for n in range(UNIT)]
    zero(whole.volume, sectors)
    zero(whole.volume, range(4 * UNIT, 5 * UNIT))
    with Patches(SIZE, whole.folder) as patches:
        with (
            whole.volume.open("rb", buffering=0) as volume,
            whole.parity.open("rb", buffering=0) as parity,
            pytest.raises(BeyondParity) as caught,
        ):
            heal(whole.protection, volume, parity, patches, ignore)
        assert caught.value.exit_code is ExitCode.CORRUPT
        assert caught.value.fields == {
            "volume": "demo-1.0001.tar", "group": 1, "lost": len(sectors),
            "limit": layout.parity, "groups": 1,
        }  # fmt: skip
        assert [offset for offset, _ in patches.runs()] == [4 * UNIT * SECTOR]
        assert len(patches) == UNIT


def test_repair_in_place_may_be_killed_anywhere(whole: Whole) -> None:
    good = whole.volume.read_bytes()
    zero_share(whole.volume, 0.02, 3)
    bad = whole.volume.read_bytes()
    with healed(whole) as (_, patches):
        runs = list(patches.runs())
    for part in (runs[: len(runs) // 2], runs):
        now = bytearray(bad)
        for offset, data in part:
            now[offset : offset + len(data)] = data
            assert good[offset : offset + len(data)] == data
        whole.volume.write_bytes(now)
        assert_heals(whole)


def test_a_short_volume_cannot_be_encoded(whole: Whole) -> None:
    with whole.volume.open("r+b") as file:
        file.truncate(SIZE - 1)
    with whole.volume.open("rb", buffering=0) as volume, pytest.raises(VolumeTruncated):
        encode(whole.protection, volume, whole.folder, lambda _data: None, ignore)


def refuses(whole: Whole) -> None:
    """Healing gives up, and what it made of the volume is nothing."""
    zero(whole.volume, [5, 600])
    with (
        whole.volume.open("rb", buffering=0) as volume,
        whole.parity.open("rb", buffering=0) as parity,
        Patches(SIZE, whole.folder) as patches,
    ):
        with pytest.raises((ParityUnusable, BeyondParity)):
            heal(whole.protection, volume, parity, patches, ignore)
        assert len(patches) == 0


def test_a_parity_file_of_noise_is_refused(whole: Whole) -> None:
    whole.parity.write_bytes(random.Random(2).randbytes(whole.parity.stat().st_size))
    refuses(whole)


@pytest.mark.parametrize("size", [0, 1, 511, 40_000])
def test_a_parity_file_cut_off_is_refused(whole: Whole, size: int) -> None:
    whole.parity.write_bytes(whole.parity.read_bytes()[:size])
    refuses(whole)


def test_another_volumes_parity_is_refused(whole: Whole, tmp_path: Path) -> None:
    other = make(tmp_path / "other", SIZE, 5, seed=2)
    whole.parity.write_bytes(other.parity.read_bytes())
    refuses(whole)


def forge_tables(whole: Whole, entry: bytes) -> None:
    """Well-formed tables that say of every sector that its checksum is `entry`."""
    layout = whole.protection.layout
    form = Form(0, layout.table, layout.table_parity)
    sectors = capsule.seal(entry * layout.capsule_entries, form, whole.protection.seed)
    with whole.parity.open("r+b") as file:
        for index, sector in enumerate(sectors):
            file.seek(layout.capsule_sector(0, index) * SECTOR)
            file.write(sector)


@pytest.mark.parametrize("entry", [bytes(4), b"\xff\xff\xff\xff"])
def test_tables_that_lie_are_refused(whole: Whole, entry: bytes) -> None:
    forge_tables(whole, entry)
    refuses(whole)


def test_parity_that_does_not_fit_its_data_heals_nothing(whole: Whole) -> None:
    """Parity sectors with right checksums, of another content: the result is seen to be wrong."""
    layout = whole.protection.layout
    other = random.Random(9).randbytes(SIZE)
    fake = whole.folder / "fake"
    fake.write_bytes(other)
    with fake.open("rb", buffering=0) as volume, (whole.folder / "fake.par").open("wb") as out:
        encode(whole.protection, volume, whole.folder, out.write, ignore)
    mixed = bytearray((whole.folder / "fake.par").read_bytes())
    true = whole.volume.read_bytes()
    with (
        Table(whole.folder) as table,
        (whole.folder / "fake.par").open("rb", buffering=0) as parity,
    ):
        table.load(whole.protection, parity)
        sectors = [true[at : at + SECTOR] for at in range(0, SIZE, SECTOR)]
        table.put(0, [crc32(sector) for sector in sectors])

        def put(place: int, sector: bytes) -> None:
            mixed[place * SECTOR : (place + 1) * SECTOR] = sector

        table.seal(whole.protection, put)
    assert layout.capsules == 1
    whole.parity.write_bytes(mixed)
    refuses(whole)


@pytest.mark.parametrize("seed", range(40))
def test_any_bytes_for_a_capsules_sector_are_read_or_refused(seed: int) -> None:
    """Headers of any numbers, with right checksums."""
    noise = random.Random(seed)
    form = Form(*(noise.choice([0, 1, 2, 65535, noise.randrange(65536)]) for _ in range(3)))
    piece = capsule.Piece(form, noise.randrange(65536), noise.randbytes(496))
    found = capsule.read_sector(capsule._sector(piece, 0), 0)
    assert found in (piece, None)
    assert capsule.read_sector(noise.randbytes(SECTOR), 0) is None
    if found:
        assert capsule.unseal([found], form) in (piece.payload, None)
