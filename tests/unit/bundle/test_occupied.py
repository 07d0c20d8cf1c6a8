"""Where something sealed lies, a writer says what it is and what to do, and writes nothing."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from champ_offline.bundle.export_media import Targets
from champ_offline.bundle.layout import Contents
from champ_offline.bundle.occupied import TargetOccupied
from champ_offline.oci.manifest import encode
from champ_offline.store.blobs import BlobStore
from tests.unit.bundle.conftest import Pack, Signing
from tests.unit.bundle.desk import flip, tree, volumes
from tests.unit.bundle.exporting import KIB, ZONES, House

LIMIT = 40 * KIB
Harm = Callable[[Path], object]


@pytest.fixture
def house(tmp_path: Path, signing: Signing) -> House:
    return House(tmp_path / "zone", signing)


def lose(name: str) -> Harm:
    return lambda folder: (folder / name).unlink()


def cut(folder: Path) -> None:
    with volumes(folder)[1].open("r+b") as file:
        file.truncate(1000)


def rename(folder: Path) -> None:
    path = folder / "bundle.json"
    document = json.loads(path.read_bytes())
    document["name"] = "dexo"
    path.write_bytes(encode(document))


DAMAGE: dict[str, Harm] = {
    "bundle.json": lambda folder: flip(folder / "bundle.json", 3),
    "metadata/targets.json": lose("metadata/targets.json"),
    "volumes/0002.json": lose("volumes/0002.json"),
    "demo-1.0002.tar": cut,
    "demo-1.0001.par": lose("demo-1.0001.par"),
    "documents.par": lose("documents.par"),
}


def refused(write: Callable[[], object], out: Path) -> TargetOccupied:
    before = tree(out)
    with pytest.raises(TargetOccupied) as caught:
        write()
    assert tree(out) == before
    assert "run this again" in caught.value.advice
    return caught.value


@pytest.mark.parametrize("file", DAMAGE)
def test_an_export_tells_a_damaged_copy(pack: Pack, house: House, file: str) -> None:
    house.take(pack(limit=LIMIT, zones=ZONES, parity=10).folder)
    (done,) = house.export()
    DAMAGE[file](done.folders[0])
    error = refused(house.export, house.out)
    assert error.id == "pack.target-damaged"
    assert str(error).endswith(f"not as they must be: {file}.")
    assert "champ media repair" in error.advice


def test_an_export_tells_another_pack(pack: Pack, house: House) -> None:
    house.take(pack(zones=ZONES).folder)
    for other in (pack("other", zones=("far",), days=1), pack("again", zones=ZONES, days=2)):
        shutil.copytree(other.folder, house.out / "champ/demo-1")
        error = refused(house.export, house.out)
        assert error.id == "pack.target-other"
        assert f"demo 1, packed on {other.document.created}." in str(error)
        shutil.rmtree(house.out / "champ")
    assert house.told == []


def test_an_export_tells_another_bundle(pack: Pack, house: House) -> None:
    house.take(pack(zones=ZONES).folder)
    (done,) = house.export()
    rename(done.folders[0])
    error = refused(house.export, house.out)
    assert (error.id, error.fields["found"]) == ("pack.target-other", "dexo 1")


@pytest.mark.parametrize(("lost", "there"), [((0,), "2-7"), ((1, 2), "1, 4-7"), ((6,), "1-6")])
def test_an_export_tells_a_part(
    pack: Pack, house: House, lost: tuple[int, ...], there: str
) -> None:
    house.take(pack(limit=LIMIT, zones=ZONES, parity=10).folder)
    (done,) = house.export()
    every = volumes(done.folders[0])
    for number in lost:
        every[number].unlink()
    error = refused(house.export, house.out)
    assert error.id == "pack.target-part"
    assert f"a part of demo 1: volumes {there} of {len(every)}." in str(error)


def test_of_two_media_the_rest_is_found_on_the_other(
    pack: Pack, house: House, tmp_path: Path
) -> None:
    house.take(pack(limit=LIMIT, zones=ZONES).folder)
    (done,) = house.export()
    other = tmp_path / "other"
    shutil.copytree(house.out, other)
    for path in volumes(done.folders[0])[2:]:
        path.unlink()
    for path in volumes(other / "champ/demo-1")[:1]:
        path.unlink()
    (again,) = house.export(to=Targets((house.out, other)))
    assert not again.written
    volumes(other / "champ/demo-1")[-1].unlink()
    error = refused(lambda: house.export(to=Targets((house.out, other))), house.out)
    assert "volumes 1-6 of 7" in str(error)


@pytest.mark.parametrize("file", [name for name in DAMAGE if not name.endswith(".par")])
def test_packing_tells_a_damaged_copy(pack: Pack, tmp_path: Path, file: str) -> None:
    done = pack(limit=LIMIT, parity=10)
    DAMAGE[file](done.folder)
    error = refused(lambda: pack(limit=LIMIT, parity=10), tmp_path / "stick")
    assert error.id == "pack.target-damaged"
    assert str(error).endswith(f"not as they must be: {file}.")


def test_packing_tells_a_whole_one_a_part_and_another(pack: Pack, tmp_path: Path) -> None:
    done, out = pack(limit=LIMIT), tmp_path / "stick"
    error = refused(lambda: pack(limit=LIMIT, days=1), out)
    assert error.id == "pack.target-taken"
    assert f"demo 1, packed on {done.document.created}" in str(error)
    assert "volumes were not read" in str(error)
    volumes(done.folder)[0].unlink()
    error = refused(lambda: pack(limit=LIMIT, days=1), out)
    assert (error.id, error.fields["there"]) == ("pack.target-part", "2-7")
    rename(done.folder)
    assert refused(lambda: pack(limit=LIMIT), out).id == "pack.target-other"


def test_packing_for_several_sticks_looks_at_all(
    pack: Pack, contents: tuple[BlobStore, Contents], tmp_path: Path
) -> None:
    def again() -> object:
        return pack("sticks", limit=LIMIT, medium=100 * KIB)

    again()
    folders = sorted((tmp_path / "sticks").glob("stick-*/champ/demo-1"))
    assert len(folders) > 1
    assert refused(again, tmp_path / "sticks").id == "pack.target-taken"
    volumes(folders[-1])[0].unlink()
    assert refused(again, tmp_path / "sticks").id == "pack.target-part"
