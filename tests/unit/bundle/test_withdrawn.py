"""What only withdrawn keys vouch for: named, and made good by a bundle that stands."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from champ_offline.bundle.intake import Imported
from champ_offline.bundle.layout import Contents
from champ_offline.bundle.verify import verify
from champ_offline.doctor import Vouched, examine_zone
from champ_offline.events import ignore
from champ_offline.findings import State
from champ_offline.store.blobs import BlobStore
from champ_offline.trust.errors import Replayed, RevokedKey
from champ_offline.trust.rotation import Change
from tests.unit.bundle.conftest import NOW, Pack, Signing, Zone, image
from tests.unit.trust.signing import Holder, first_root, next_root, signers_of

FIRST, SECOND, EXTRA = "champ.local/first:1", "champ.local/second:1", "champ.local/extra:1"
LATER = NOW + timedelta(days=9)


class Town:
    """A zone under a root of Anna and Chen, and what each of them packs."""

    def __init__(self, pack: Pack, contents: tuple[BlobStore, Contents], folder: Path) -> None:
        self.anna, self.chen = Holder("Anna"), Holder("Chen")
        self.root = first_root([self.anna, self.chen], NOW)
        self.blobs, self.what = contents
        self.pack = pack
        self.zone = Zone(folder / "town", Signing(self.root, {}))

    def by(self, holder: Holder, out: str, days: int, what: Contents | None = None) -> Path:
        """A bundle signed by `holder` alone."""
        by = Signing(self.root, signers_of(holder))
        return self.pack(out, days=days, by=by, what=what).folder

    def forged(self, *names: str, bundle: str = "demo") -> Contents:
        """Other content under these names."""
        made = tuple(image(self.blobs, name, [f"forged {name}".encode()]) for name in names)
        return replace(self.what, name=bundle, descriptors=made, images=names, apps=())

    def take(self, folder: Path) -> Imported:
        root, accepted = self.zone.trust.root(), self.zone.trust.accepted()
        verified = verify([folder], root, LATER, "core", history=accepted)
        return self.zone.intake.take(verified, LATER.isoformat(), ignore)

    def held(self, folder: Path) -> bool:
        verified = verify([folder], self.zone.trust.root(), LATER, "core")
        forecast = self.zone.intake.forecast(verified)
        assert not (forecast.held and (forecast.new_bytes or forecast.to_read))
        return forecast.held

    def withdraw(self) -> None:
        """A second root without Chen."""
        change = Change(removed=["Chen"])
        newest = next_root(self.root, change, [self.anna], NOW)
        with self.zone.database.transaction() as connection:
            self.zone.trust.pin(connection, 2, newest)

    @property
    def served(self) -> dict[str, str]:
        return {str(ref): str(ref.descriptor.digest) for ref in self.zone.refs.all()}

    @property
    def withdrawn(self) -> list[str]:
        return [str(ref) for ref in self.zone.intake.withdrawn(self.zone.trust.root())]


@pytest.fixture
def town(pack: Pack, contents: tuple[BlobStore, Contents], tmp_path: Path) -> Town:
    return Town(pack, contents, tmp_path)


def test_a_bundle_that_stands_gets_its_names_again(town: Town) -> None:
    honest = town.by(town.anna, "honest", 0)
    town.take(honest)
    before = town.served
    thief = town.by(town.chen, "thief", 1, town.forged(FIRST))
    town.take(thief)
    assert town.withdrawn == []
    town.withdraw()
    assert town.withdrawn == [FIRST]
    assert {name for name, digest in town.served.items() if digest != before[name]} == {FIRST}
    with pytest.raises(RevokedKey):
        town.take(thief)
    assert not town.held(honest)
    again = town.take(honest)
    assert town.held(honest)
    assert (again.changed, again.restored, again.new_blobs) == (True, (FIRST,), 0)
    assert town.served == before
    assert town.withdrawn == []
    assert town.take(honest).changed is False
    assert town.zone.waiting.size == 0


def test_names_come_back_from_under_another_bundles_name(town: Town) -> None:
    honest = town.by(town.anna, "honest", 0)
    town.take(honest)
    before = town.served
    town.take(town.by(town.chen, "thief", 1, town.forged(SECOND, bundle="other")))
    town.withdraw()
    assert town.take(honest).restored == (SECOND,)
    assert town.served == before


def test_a_name_that_a_later_bundle_gave_stays_with_it(town: Town) -> None:
    """Importing again gives back what was withdrawn, and is no way back for the rest."""
    honest = town.by(town.anna, "honest", 0)
    town.take(honest)
    first = town.served[FIRST]
    town.take(town.by(town.anna, "other", 1, town.forged(FIRST, bundle="other")))
    later = town.served[FIRST]
    town.take(town.by(town.chen, "thief", 2, town.forged(SECOND)))
    town.withdraw()
    assert town.take(honest).restored == (SECOND,)
    assert town.served[FIRST] == later != first


def test_content_that_a_good_key_vouches_for_too_is_not_withdrawn(town: Town) -> None:
    """Whoever packed first or last: the same names and content by two holders."""
    town.take(town.by(town.chen, "earlier", 0))
    town.take(town.by(town.anna, "honest", 1))
    town.take(town.by(town.chen, "later", 2))
    town.withdraw()
    assert town.withdrawn == []


def test_a_name_that_only_the_thief_gave_stays_named(town: Town) -> None:
    honest = town.by(town.anna, "honest", 0)
    town.take(honest)
    town.take(town.by(town.chen, "thief", 1, town.forged(FIRST, EXTRA)))
    town.withdraw()
    assert town.take(honest).restored == (FIRST,)
    assert town.withdrawn == [EXTRA]
    assert town.take(honest).changed is False
    town.take(town.by(town.anna, "anew", 3, town.forged(EXTRA, FIRST)))
    assert town.withdrawn == []


def test_an_older_pack_gets_no_names(town: Town) -> None:
    old, honest = town.by(town.anna, "old", 0), town.by(town.anna, "honest", 1)
    town.take(old)
    town.take(honest)
    town.take(town.by(town.chen, "thief", 2, town.forged(FIRST)))
    town.withdraw()
    with pytest.raises(Replayed):
        town.take(old)
    assert town.withdrawn == [FIRST]


def test_a_zone_that_did_not_keep_who_gave_a_name_gets_it_back(town: Town) -> None:
    honest = town.by(town.anna, "honest", 0)
    town.take(honest)
    before = town.served
    town.take(town.by(town.chen, "thief", 1, town.forged(FIRST)))
    with town.zone.database.transaction() as connection:  # as the migration finds it
        connection.execute("DELETE FROM brought")
        connection.execute(
            "INSERT INTO brought SELECT bundle, name, tag, digest, descriptor, 0 FROM refs"
        )
    town.withdraw()
    assert town.take(honest).restored == (FIRST,)
    assert town.served == before


def examined(town: Town, now: datetime, end: datetime) -> dict[str, tuple[State, str]]:
    """The doctor's findings on what a clock says: state and words, by check."""
    zone = town.zone
    vouched = Vouched(end, zone.intake.bundles())
    pki = zone.waiting.root.parent / "pki"
    found = examine_zone(zone.database, (), zone.waiting, pki, vouched, now)
    return {
        one.check: (one.state, f"{one.error} {one.error and one.error.remedy}") for one in found
    }


def test_the_doctor_tells_a_clock_behind_and_a_root_at_its_end(town: Town) -> None:
    town.take(town.by(town.anna, "honest", 5))
    end = NOW + timedelta(days=400)
    well = examined(town, LATER, end)
    assert well["clock"][0] is well["root"][0] is State.OK
    behind = examined(town, NOW - timedelta(days=300), end)
    assert behind["clock"][0] is State.BAD
    assert "2026-03-06 12:00 UTC was already accepted" in behind["clock"][1]
    soon, over = examined(town, end - timedelta(days=9), end), examined(town, end, end)
    assert (soon["root"][0], over["root"][0]) == (State.WARN, State.BAD)
    assert "champ trust update" in soon["root"][1]
    assert "the root expired on" in over["root"][1]
    assert "registry" not in soon["root"][1] + over["root"][1]


def test_the_doctor_names_bundle_names_and_what_to_do(town: Town, tmp_path: Path) -> None:
    town.take(town.by(town.anna, "honest", 0))
    town.take(town.by(town.chen, "thief", 1, town.forged(FIRST, EXTRA)))
    town.withdraw()
    zone, root = town.zone, town.zone.trust.root()
    vouched = Vouched(
        LATER + timedelta(days=99), zone.intake.bundles(), zone.intake.withdrawn(root)
    )
    pki = tmp_path / "pki"
    found = examine_zone(zone.database, (), zone.waiting, pki, vouched, LATER)
    keys = [finding for finding in found if finding.check == "keys"]
    assert [finding.state for finding in keys] == [State.BAD]
    assert f"{EXTRA}, {FIRST}" in str(keys[0].error)
    assert "bundle demo 1 packed on 2026-03-02 12:00:00 UTC" in str(keys[0].error)
    assert [(one.stands, one.current) for one in zone.intake.bundles()] == [
        (True, True),
        (False, False),
    ]
