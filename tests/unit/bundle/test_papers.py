"""What a zone keeps of media it imported from: it goes with the bundle, and nobody trusts it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from champ_offline.bundle.export_errors import NotHeld, PapersDamaged, PapersMissing
from champ_offline.bundle.verify import verify
from champ_offline.errors import ChampError
from champ_offline.oci.digest import Digest
from tests.unit.bundle.conftest import NOW, Pack, Signing
from tests.unit.bundle.desk import tree
from tests.unit.bundle.exporting import ZONES, House
from tests.unit.trust.signing import Holder, first_root, signers_of


@pytest.fixture
def house(tmp_path: Path, signing: Signing) -> House:
    return House(tmp_path / "house", signing)


def test_a_bundle_from_before_papers_is_imported_once_more(pack: Pack, house: House) -> None:
    packed = pack(zones=ZONES).folder
    house.take(packed)
    house.forget_papers()
    before = house.content()
    with pytest.raises(PapersMissing) as refused:
        house.export()
    assert "demo 1" in str(refused.value)
    verified = verify([packed], house.trust.root(), NOW, "core")
    assert not house.intake.forecast(verified).held
    again = house.take(packed)
    assert (again.changed, again.new_blobs) == (True, 0)
    assert house.content() == before
    assert not house.take(packed).changed
    house.export()
    assert tree(house.out / "champ/demo-1") == tree(packed)


def test_an_older_bundle_gets_its_papers_and_nothing_else(pack: Pack, house: House) -> None:
    house.now = NOW + timedelta(days=2)
    old = pack("old", zones=ZONES).folder
    house.accept(old)
    house.accept(pack("new", zones=ZONES, days=1, version="2").folder)
    house.forget_papers()
    before, accepted = house.content(), house.trust.accepted()
    house.accept(old)
    assert (house.content(), house.trust.accepted()) == (before, accepted)
    (done,) = house.export("demo:1")
    assert tree(done.folders[0]) == tree(old)
    with pytest.raises(PapersMissing):
        house.export()


def test_papers_go_with_their_bundle(pack: Pack, house: House) -> None:
    packed = pack(zones=ZONES)
    house.take(packed.folder)
    digest = Digest.of(packed.document.to_bytes())
    assert house.intake.held.papers.of(digest)
    with house.database.transaction() as connection:
        house.intake.retire(connection, digest, NOW.isoformat())
    assert house.intake.held.papers.of(digest) == {}
    with pytest.raises(NotHeld):
        house.export("demo")


PAPERS = (
    "bundle.json", "index.json", "volumes/0001.json", "volumes/0002.json",
    "metadata/1.root.json", "metadata/timestamp.json", "metadata/snapshot.json",
    "metadata/targets.json",
)  # fmt: skip
ALTERATIONS: list[Callable[[bytes], bytes]] = [
    lambda data: data[:-1],
    lambda data: b"",
    lambda data: b"{}",
    lambda data: (
        data[: len(data) // 2] + bytes([data[len(data) // 2] ^ 1]) + data[len(data) // 2 + 1 :]
    ),
]


@pytest.mark.parametrize("path", PAPERS)
def test_tampered_papers_write_nothing(pack: Pack, house: House, path: str) -> None:
    packed = pack(zones=ZONES).folder
    house.take(packed)
    papers = house.intake.held.papers.of(house.intake.bundles()[0].digest)
    assert set(PAPERS) <= set(papers)
    for alter in ALTERATIONS:
        house.alter(path, alter(papers[path]))
        if path.endswith("root.json"):  # the zone has that root itself
            assert house.export()[0].written
            shutil.rmtree(house.out / "champ")
        else:
            with pytest.raises(PapersDamaged) as refused:
                house.export()
            assert refused.value.exit_code == 11
            assert tree(house.out) == {}
    assert house.take(packed).changed
    house.export()
    assert tree(house.out / "champ/demo-1") == tree(packed)


def test_papers_of_another_bundle_are_not_those_of_this_one(pack: Pack, house: House) -> None:
    house.now = NOW + timedelta(days=2)
    house.accept(pack("old", zones=ZONES).folder)
    house.accept(pack("new", zones=ZONES, days=1, version="2").folder)
    old, new = house.intake.bundles()
    with house.database.transaction() as connection:
        papers = house.intake.held.papers
        papers.keep(connection, old.digest, papers.of(new.digest))
    with pytest.raises(PapersDamaged):
        house.export("demo:1")


def test_papers_signed_by_a_stranger_are_refused(pack: Pack, house: House, tmp_path: Path) -> None:
    house.take(pack(zones=ZONES).folder)
    stranger = Holder("Stranger")
    by = Signing(first_root([stranger], NOW), signers_of(stranger))
    forged = House(tmp_path / "forged", by)
    forged.take(pack("forged", zones=ZONES, by=by).folder)
    bundle, theirs = house.intake.bundles()[0], forged.intake.bundles()[0]
    with house.database.transaction() as connection:
        papers = house.intake.held.papers
        papers.keep(connection, bundle.digest, forged.intake.held.papers.of(theirs.digest))
    with pytest.raises(ChampError) as refused:
        house.export()
    assert refused.value.exit_code in {3, 11}
    assert tree(house.out) == {}
