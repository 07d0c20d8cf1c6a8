"""A zone's lists under their images: names that moved on, images without a list, bounds."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from champ_offline.bundle.referrers import Layer, attach
from champ_offline.bundle.sbom import shelf as shelf_module
from champ_offline.bundle.sbom.document import SbomMalformed, canonical
from champ_offline.bundle.sbom.shelf import ImageUnknown, SbomMissing, Shelf
from champ_offline.durable.database import Database
from champ_offline.errors import ChampError
from champ_offline.oci import media_types
from champ_offline.oci.descriptor import Descriptor
from champ_offline.oci.digest import Digest
from champ_offline.oci.manifest import image_manifest
from champ_offline.store.blobs import BlobStore
from champ_offline.store.refs import Ref, Referrer, Refs
from tests.unit.sbom.images import put
from tests.unit.sbom.test_document import document, package
from tests.unit.sources.archives import layer


@dataclass
class Zone:
    blobs: BlobStore
    refs: Refs
    database: Database
    shelf: Shelf

    def image(self, name: str, tag: str, content: str) -> Descriptor:
        image = put(self.blobs, layer(content, 10), comment=content)
        self.name(name, tag, image)
        return image

    def name(self, name: str, tag: str, manifest: Descriptor) -> None:
        with self.database.transaction() as connection:
            self.refs.put(connection, [Ref(name, tag, manifest, "bundle")])

    def attach(self, image: Descriptor, data: bytes, kind: str = media_types.CYCLONEDX) -> None:
        found = attach(self.blobs, kind, [Layer(kind, data)], image, {})
        with self.database.transaction() as connection:
            self.refs.put_referrers(connection, [Referrer(image.digest, found, "bundle")])


@pytest.fixture
def zone(tmp_path: Path) -> Zone:
    database = Database.create(tmp_path / "zone.db")
    blobs, refs = BlobStore(tmp_path / "store"), Refs(database)
    return Zone(blobs, refs, database, Shelf(refs, blobs))


def listing(*names: str, by: str = "1.18.1") -> bytes:
    tools = {"tools": {"components": [{"name": "syft", "version": by}]}}
    packages = [package(name) for name in names]
    return canonical(document(*packages, metadata=tools), Digest.of(b"image"))


def test_every_image_is_found_with_its_lists(zone: Zone) -> None:
    one, other = zone.image("a.example/one", "1", "one"), zone.image("a.example/two", "2", "two")
    zone.name("a.example/alias", "9", one)
    zone.attach(one, listing("lodash"))
    first, second = zone.shelf.images()
    assert (first.digest, first.names) == (one.digest, ("a.example/alias:9", "a.example/one:1"))
    assert [package.name for package in zone.shelf.packages(first)] == ["lodash"]
    assert (second.digest, second.lists) == (other.digest, ())
    with pytest.raises(SbomMissing, match=r"a\.example/two:2"):
        zone.shelf.document(second)


def test_an_image_that_lost_its_tag_is_still_searched(zone: Zone) -> None:
    old = zone.image("a.example/one", "1", "old")
    zone.attach(old, listing("lodash"))
    new = zone.image("a.example/one", "1", "new")
    names = {image.digest: image.names for image in zone.shelf.images()}
    assert names[old.digest] == (f"a.example/one@{old.digest}",)
    assert names[new.digest] == ("a.example/one:1",)
    assert zone.shelf.image(f"a.example/one@{old.digest}").digest == old.digest


def test_charts_and_other_referrers_are_no_images_and_no_lists(zone: Zone) -> None:
    def pointer(data: bytes, media_type: str) -> Descriptor:
        return Descriptor(media_type, zone.blobs.add(data), len(data))

    chart = image_manifest(
        pointer(b"{}", media_types.HELM_CONFIG), [pointer(b"chart", media_types.HELM_CHART)]
    )
    zone.name("a.example/chart", "1", pointer(chart, media_types.IMAGE_MANIFEST))
    image = zone.image("a.example/one", "1", "one")
    zone.attach(image, b"signature", "application/vnd.example.signature")
    (found,) = zone.shelf.images()
    assert (found.digest, found.lists) == (image.digest, ())


def test_of_several_lists_all_are_searched_and_the_newest_shown(zone: Zone) -> None:
    image = zone.image("a.example/one", "1", "one")
    zone.attach(image, listing("lodash", "shared", by="1.9.0"))
    zone.attach(image, listing("shared", "requests", by="1.18.1"))
    found = zone.shelf.image("a.example/one:1")
    names = [package.name for package in zone.shelf.packages(found)]
    assert sorted(names) == ["lodash", "requests", "shared"]
    shown = json.loads(zone.shelf.document(found))
    assert shown["metadata"]["tools"]["components"][0]["version"] == "1.18.1"


@pytest.mark.parametrize(
    "text", ["a.example/none:1", "a.example/one:2", f"sha256:{'0' * 64}", "sha256:x", "", "../x"]
)
def test_an_unknown_image_is_named(zone: Zone, text: str) -> None:
    zone.image("a.example/one", "1", "one")
    with pytest.raises(ImageUnknown):
        zone.shelf.image(text)


def test_an_image_is_found_by_its_digest(zone: Zone) -> None:
    image = zone.image("a.example/one", "1", "one")
    assert zone.shelf.image(str(image.digest)).names == ("a.example/one:1",)


def test_reading_is_bounded(zone: Zone, monkeypatch: pytest.MonkeyPatch) -> None:
    image = zone.image("a.example/one", "1", "one")
    zone.attach(image, listing("lodash"))
    (found,) = zone.shelf.images()
    monkeypatch.setattr(shelf_module, "LIMIT", 100)
    with pytest.raises(SbomMalformed, match="100 are read"):
        zone.shelf.packages(found)
    announced = replace(found, lists=(replace(found.lists[0], size=1),))
    with pytest.raises(ChampError, match="at most 100"):
        zone.shelf.packages(announced)
