"""What the doctor says of content that was lost: whose it was, and what gives it back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from champ_offline.appliance import Appliance
from champ_offline.errors import ExitCode
from champ_offline.events import ignore
from champ_offline.findings import Finding, State
from champ_offline.oci.digest import Digest
from champ_offline.store.links import Links
from champ_offline.store.scrub import Pace
from champ_offline.store.verified import Verified
from champ_offline.upkeep.content import Content, Unread
from champ_offline.upkeep.owners import Damaged
from tests.contracts.distribution.client import digest_of
from tests.simulators.asgi import ask
from tests.unit.registry.desk import Desk
from tests.unit.upkeep.test_upkeep import LATER, House, contents, house, pack, signing

__all__ = ["contents", "house", "pack", "signing"]
IMAGE = "application/vnd.oci.image.manifest.v1+json"
CONFIG, LAYER = b'{"os":"linux"}', b"a layer" * 1000


@dataclass
class Team:
    """Pushes one image under two tags, of its blobs those that the registry lacks."""

    desk: Desk

    def push(self) -> None:
        app = self.desk.restarted()
        for data in (CONFIG, LAYER):
            there = ask(app, "HEAD", f"/v2/team/app/blobs/{digest_of(data)}").status == 200
            if not there:
                target = f"/v2/team/app/blobs/uploads/?digest={digest_of(data)}"
                assert ask(app, "POST", target, data).status == 201
        for tag in ("1", "2"):
            target = f"/v2/team/app/manifests/{tag}"
            done = ask(app, "PUT", target, self.manifest, {"content-type": IMAGE})
            assert done.status == 201, done

    @property
    def manifest(self) -> bytes:
        def child(data: bytes, kind: str) -> dict[str, object]:
            media_type = f"application/vnd.oci.image.{kind}"
            return {"mediaType": media_type, "digest": digest_of(data), "size": len(data)}

        document = {
            "schemaVersion": 2,
            "mediaType": IMAGE,
            "config": child(CONFIG, "config.v1+json"),
            "layers": [child(LAYER, "layer.v1.tar")],
        }
        return json.dumps(document).encode()

    def pulls(self) -> bool:
        app = self.desk.restarted()
        targets = [f"blobs/{digest_of(data)}" for data in (CONFIG, LAYER)]
        answers = [ask(app, "GET", f"/v2/team/app/{one}") for one in (*targets, "manifests/2")]
        return all(answer.status == 200 for answer in answers)


@pytest.fixture
def team(house: House) -> Team:
    found = Team(Desk(house.zone, house.database, LATER))
    found.push()
    return found


def looked(house: House) -> list[Finding]:
    return [one for one in house.appliance.doctor(None) if one.check in {"store", "damage"}]


def spoil(path: Path, how: str) -> None:
    path.chmod(0o644)
    if how == "gone":
        path.unlink()
    elif how == "cut off":
        path.write_bytes(path.read_bytes()[:-1])
    else:
        data = path.read_bytes()
        path.write_bytes(data[:5] + bytes([data[5] ^ 1]) + data[6:])


def test_all_is_well(house: House, team: Team) -> None:
    assert looked(house) == [Finding("store", State.OK)]


@pytest.mark.parametrize("how", ["gone", "cut off", "altered"])
@pytest.mark.parametrize("what", ["layer", "config", "manifest"])
def test_what_clients_pushed_is_missed_too(house: House, team: Team, what: str, how: str) -> None:
    data = {"layer": LAYER, "config": CONFIG, "manifest": team.manifest}[what]
    digest = Digest.of(data)
    spoil(house.blobs.path(digest), how)
    (found,) = looked(house)
    assert (found.check, found.state) == ("store", State.BAD)
    assert found.error is not None
    assert (found.error.id, found.error.exit_code) == ("doctor.pushed-missing", ExitCode.CORRUPT)
    assert str(digest) in str(found.error)
    assert "team/app:1, team/app:2" in str(found.error)
    assert "Push it again" in found.error.advice
    (told,) = house.appliance.upkeep.check(ignore, Pace()).damaged
    assert told == Damaged(digest, len(data), ("team/app:1", "team/app:2"), (), (), pushed=True)
    assert [one.error and one.error.id for one in looked(house)] == ["doctor.pushed-missing"]
    assert not team.pulls()
    team.push()
    assert team.pulls()
    assert looked(house) == [Finding("store", State.OK)]


def test_what_has_no_tag_is_named_by_its_manifest_or_its_repository(
    house: House, team: Team
) -> None:
    app, manifest = team.desk.restarted(), digest_of(team.manifest)
    for tag in ("1", "2"):
        assert ask(app, "DELETE", f"/v2/team/app/manifests/{tag}").status == 202
    spoil(house.blobs.path(Digest.of(LAYER)), "gone")
    assert f" {'team/app@' + manifest}." in str(looked(house)[0].error)
    assert ask(app, "DELETE", f"/v2/team/app/manifests/{manifest}").status == 202
    assert " team/app." in str(looked(house)[0].error)
    upkeep = Appliance(house.zone, lambda: LATER + timedelta(days=2)).upkeep
    upkeep.collect(upkeep.collection(), ignore)
    assert [one.state for one in looked(house)] == [State.OK]


@pytest.mark.parametrize("how", ["gone", "cut off", "altered"])
def test_a_bundles_content_is_named_with_the_bundle(house: House, how: str) -> None:
    image = house.image("champ.local/first:2")
    spoil(house.blobs.path(image), how)
    (found,) = looked(house)
    assert found.error is not None
    assert (found.state, found.error.id) == (State.BAD, "doctor.content-missing")
    assert "champ.local/first:2" in str(found.error)
    assert "Import again: demo 2." in found.error.advice
    assert house.appliance.upkeep.check(ignore, Pace()).damaged
    house.take(house.sticks[1])
    assert looked(house) == [Finding("store", State.OK)]


def test_both_are_told_at_once(house: House, team: Team) -> None:
    for digest in (Digest.of(LAYER), house.image("champ.local/first:2")):
        spoil(house.blobs.path(digest), "gone")
    ids = [one.error and one.error.id for one in looked(house)]
    assert ids == ["doctor.content-missing", "doctor.pushed-missing"]


def test_what_is_below_a_damaged_manifest_is_not_called_needless(house: House) -> None:
    image = house.at("champ.local/first:2")
    below = [one.digest for one in house.appliance.upkeep._reach.below([image])]
    for digest in below:
        spoil(house.blobs.path(digest), "altered")
    house.appliance.upkeep.check(ignore, Pace())
    assert [one.error and one.error.id for one in looked(house)] == ["doctor.content-missing"]


def test_damage_that_nothing_needs_stops_nothing(house: House) -> None:
    digest = house.blobs.add(b"of nobody")
    spoil(house.blobs.path(digest), "altered")
    house.appliance.upkeep.check(ignore, Pace())
    store, damage = looked(house)
    assert (store.state, damage.state) == (State.OK, State.WARN)
    assert damage.error is not None
    assert damage.error.id == "doctor.content-aside"
    house.collect()
    assert looked(house) == [Finding("store", State.OK)]


def test_files_that_changed_are_read_up_to_a_bound(house: House) -> None:
    links, verified = Links(house.database), Verified(house.database)
    content = Content(house.appliance._refs, links, house.blobs, verified)
    assert content.altered(0) == ({}, Unread(0, 0))
    digests = sorted(house.blobs, key=house.blobs.size)
    for digest in digests:
        house.blobs.path(digest).touch()
    size = sum(map(house.blobs.size, digests))
    assert content.altered(0) == ({}, Unread(len(digests), size))
    assert content.altered(size) == ({}, Unread(0, 0))
    largest = house.blobs.size(digests[-1])
    assert content.altered(size - 1) == ({}, Unread(1, largest))


@pytest.fixture
def away(house: House) -> Iterator[None]:
    store = house.zone / "store"
    aside = store.rename(house.zone / "aside")
    yield
    aside.rename(store)


@pytest.mark.usefixtures("away")
def test_a_store_that_is_away_is_one_finding(house: House) -> None:
    (found,) = looked(house)
    assert found.error is not None
    assert (found.state, found.error.id) == (State.BAD, "store.gone")
