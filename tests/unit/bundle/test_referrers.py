"""What refers to packed content travels with it, is found by its subject, and lasts as long."""

from __future__ import annotations

import json
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from champ_offline.bundle.divide import Limits
from champ_offline.bundle.errors import BundleIncomplete
from champ_offline.bundle.layout import Contents
from champ_offline.bundle.pack import Packed, Packer
from champ_offline.bundle.referrers import Layer, attach
from champ_offline.events import ignore
from champ_offline.findings import State
from champ_offline.oci import media_types
from champ_offline.oci.descriptor import Descriptor
from champ_offline.oci.digest import Digest
from champ_offline.paths import ZonePaths
from champ_offline.registry.access import READER
from champ_offline.registry.answers import Answer
from champ_offline.registry.content import Content
from champ_offline.registry.pull import answer
from champ_offline.registry.requests import Read
from champ_offline.registry.routes import parse
from champ_offline.store.blobs import BlobStore
from champ_offline.upkeep.verbs import Upkeep
from tests.unit.bundle.conftest import NOW, Signing, Zone

NOTE = "application/x-note"
NAME = "champ.local/first"


def note(blobs: BlobStore, subject: Descriptor, text: bytes = b"inspected") -> Descriptor:
    layer = Layer("text/plain", text, {"note/by": "laboratory"})
    return attach(blobs, NOTE, [layer], subject, {"note/day": "2026-03-01"})


def write(
    blobs: BlobStore, what: Contents, referrers: list[Descriptor], signing: Signing, out: Path
) -> Packed:
    out.mkdir()
    packer = Packer(blobs, (signing.root,), signing.signers)
    changed = replace(what, referrers=tuple(referrers))
    return packer.pack(changed, out, Limits(130 * 1024), NOW, ignore)


def get(zone: Zone, path: str, query: str = "") -> Answer:
    request = parse("GET", path, query)
    assert isinstance(request, Read)
    content = Content(zone.database, zone.blobs)
    return answer(request, {}, content, READER)


def listed(zone: Zone, name: str, subject: Digest, query: str = "") -> list[dict[str, object]]:
    found = get(zone, f"/v2/{name}/referrers/{subject}", query)
    assert (found.status, found.headers["content-type"]) == (200, media_types.IMAGE_INDEX)
    assert isinstance(found.body, bytes)
    entries: list[dict[str, object]] = json.loads(found.body)["manifests"]
    return entries


@pytest.fixture
def noted(
    contents: tuple[BlobStore, Contents], signing: Signing, zone: Zone, tmp_path: Path
) -> tuple[Packed, Descriptor, Descriptor]:
    """A bundle with a note on its first image and a note on that note, imported."""
    blobs, what = contents
    first = note(blobs, what.descriptors[0])
    second = note(blobs, first, b"confirmed")
    packed = write(blobs, what, [first, second], signing, tmp_path / "stick")
    zone.take(packed.folder)
    return packed, first, second


def test_a_referrer_is_listed_where_its_subject_is(
    noted: tuple[Packed, Descriptor, Descriptor],
    contents: tuple[BlobStore, Contents],
    zone: Zone,
) -> None:
    _, first, second = noted
    subject = contents[1].descriptors[0].digest
    assert listed(zone, NAME, subject) == [first.to_document()]
    assert first.to_document()["artifactType"] == NOTE
    assert first.to_document()["annotations"] == {"note/day": "2026-03-01"}
    assert listed(zone, NAME, first.digest) == [second.to_document()]
    assert listed(zone, "champ.local/second", subject) == []
    assert listed(zone, NAME, Digest.of(b"unknown")) == []
    assert listed(zone, NAME, subject, "artifactType=application%2Fx-other") == []
    assert listed(zone, NAME, subject, "artifactType=application%2Fx-note") != []
    filtered = get(zone, f"/v2/{NAME}/referrers/{subject}", "artifactType=a")
    assert filtered.headers["oci-filters-applied"] == "artifactType"


def test_a_referrer_is_pulled_by_digest(
    noted: tuple[Packed, Descriptor, Descriptor], zone: Zone
) -> None:
    _, first, second = noted
    for descriptor, text in ((first, b"inspected"), (second, b"confirmed")):
        found = get(zone, f"/v2/{NAME}/manifests/{descriptor.digest}")
        assert isinstance(found.body, bytes)
        document = json.loads(found.body)
        assert document["config"]["mediaType"] == media_types.EMPTY
        assert get(zone, f"/v2/{NAME}/blobs/{document['config']['digest']}").status == 200
        assert document["layers"][0]["annotations"] == {"note/by": "laboratory"}
        blob = get(zone, f"/v2/{NAME}/blobs/{document['layers'][0]['digest']}")
        assert (blob.status, blob.length) == (200, len(text))
    other = get(zone, f"/v2/docker.io/library/third/manifests/{first.digest}")
    assert other.status == 404


def test_the_layout_lists_referrers_after_the_names(
    noted: tuple[Packed, Descriptor, Descriptor], tmp_path: Path
) -> None:
    packed, first, second = noted
    for volume in sorted(packed.folder.glob("*.tar")):
        with tarfile.open(volume) as tar:
            tar.extractall(tmp_path / "layout", filter="data")
    entries = json.loads((tmp_path / "layout/index.json").read_bytes())["manifests"]
    assert entries[3:] == [first.to_document(), second.to_document()]


def test_a_referrer_without_its_subject_is_refused(
    contents: tuple[BlobStore, Contents], signing: Signing, zone: Zone, tmp_path: Path
) -> None:
    blobs, what = contents
    lonely = note(blobs, what.descriptors[0])
    others = replace(what, descriptors=what.descriptors[1:])
    packed = write(blobs, others, [lonely], signing, tmp_path / "stick")
    with pytest.raises(BundleIncomplete, match=str(what.descriptors[0].digest)):
        zone.take(packed.folder)
    assert zone.content() == (set(), [])
    assert zone.refs.all_referrers() == []


def test_a_later_bundle_may_refer_to_what_the_zone_holds(
    contents: tuple[BlobStore, Contents], signing: Signing, zone: Zone, tmp_path: Path
) -> None:
    blobs, what = contents
    zone.take(write(blobs, what, [], signing, tmp_path / "stick").folder)
    late = note(blobs, what.descriptors[0])
    only = replace(what, name="notes", descriptors=(), images=())
    zone.take(write(blobs, only, [late], signing, tmp_path / "other").folder)
    assert listed(zone, NAME, what.descriptors[0].digest) == [late.to_document()]


def test_the_doctor_misses_a_lost_referrer(
    noted: tuple[Packed, Descriptor, Descriptor], zone: Zone, tmp_path: Path
) -> None:
    zone.blobs.remove(noted[2].digest)
    stored = (zone.database, zone.blobs, zone.refs, zone.intake)
    upkeep = Upkeep("core", ZonePaths(tmp_path / "zone"), *stored, lambda: NOW)
    store = next(finding for finding in upkeep.examine() if finding.check == "store")
    assert store.state is State.BAD
    assert str(noted[2].digest) in str(store.error)
