"""A package is traced to images, apps and releases by digests."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from champ_offline.bundle.referrers import Layer, attach
from champ_offline.bundle.sbom.document import canonical
from champ_offline.bundle.sbom.shelf import Shelf
from champ_offline.catalog.index import Catalog
from champ_offline.oci import media_types
from champ_offline.oci.descriptor import Descriptor
from champ_offline.release.packages import Installed, Packages, PackageUnknown
from champ_offline.store.blobs import BlobStore
from champ_offline.store.refs import Ref, Referrer, Refs
from tests.simulators.charts import PAUSE
from tests.unit.release.conftest import IMAGES, NAME, PLACE, World
from tests.unit.sbom.images import put
from tests.unit.sbom.test_document import document, package
from tests.unit.sources.archives import layer


@dataclass
class Zone:
    world: World
    blobs: BlobStore
    refs: Refs

    @property
    def packages(self) -> Packages:
        catalog = Catalog(self.refs, self.blobs)
        return Packages(Shelf(self.refs, self.blobs), catalog, self.world.history, self.world.vault)

    def image(self, name: str, content: str, *listed: tuple[str, str]) -> Descriptor:
        """An image under a name; with a list unless nothing is listed."""
        image = put(self.blobs, layer(content, 10), comment=content)
        repository, _, tag = name.rpartition(":")
        ref = Ref(repository, tag, image, "bundle")
        referrers = [Referrer(image.digest, self.list(image, listed), "bundle")] if listed else []
        with self.world.database.transaction() as connection:
            self.refs.put(connection, [ref])
            self.refs.put_referrers(connection, referrers)
        return image

    def list(self, image: Descriptor, listed: tuple[tuple[str, str], ...]) -> Descriptor:
        found = [package(name, version=version) for name, version in listed]
        content = canonical(document(*found), image.digest)
        kind = media_types.CYCLONEDX
        return attach(self.blobs, kind, [Layer(kind, content)], image, {})

    def install(self, image: Descriptor) -> None:
        request = replace(self.world.request(), images={**IMAGES, PAUSE: image.digest})
        plan = self.world.planner.change(request)
        self.world.vault.put(plan.to_bytes())
        self.world.apply(plan)


@pytest.fixture
def zone(world: World, tmp_path: Path) -> Zone:
    return Zone(world, BlobStore(tmp_path / "store"), Refs(world.database))


def test_names_match_in_part_and_in_any_case(zone: Zone) -> None:
    zone.image("a.example/one:1", "one", ("log4j-core", "2.14.1"), ("lodash", "4.17.20"))
    found = zone.packages.find("LOG4J").sightings
    assert [(one.package, one.version, one.image) for one in found] == [
        ("log4j-core", "2.14.1", "a.example/one:1")
    ]
    assert (found[0].apps, found[0].releases) == ((), ())
    assert len(zone.packages.find("").sightings) == 2


def test_the_debian_source_package_counts_as_a_name(zone: Zone) -> None:
    image = put(zone.blobs, layer("deb", 10))
    purl = "pkg:deb/debian/libssl3@3.0.11-1?upstream=openssl%403.0.11-1"
    content = canonical(document(package("libssl3", purl=purl)), image.digest)
    kind = media_types.CYCLONEDX
    found = attach(zone.blobs, kind, [Layer(kind, content)], image, {})
    with zone.world.database.transaction() as connection:
        zone.refs.put(connection, [Ref("a.example/one", "1", image, "bundle")])
        zone.refs.put_referrers(connection, [Referrer(image.digest, found, "bundle")])
    (one,) = zone.packages.find("openssl").sightings
    assert (one.package, one.source, one.type) == ("libssl3", "openssl", "deb")


def test_versions_narrow_a_search(zone: Zone) -> None:
    zone.image("a.example/one:1", "one", ("log4j-core", "2.14.1"))
    zone.image("a.example/two:1", "two", ("log4j-core", "2.17.1"))
    found = zone.packages.find("log4j", "<2.17.1").sightings
    assert [one.image for one in found] == ["a.example/one:1"]


def test_releases_are_joined_by_the_digest_that_runs(zone: Zone) -> None:
    old = zone.image("registry.k8s.io/pause:3.10", "old", ("lodash", "4.17.20"))
    zone.install(old)
    zone.image("registry.k8s.io/pause:3.10", "new", ("lodash", "4.17.21"))
    by_version = {one.version: one for one in zone.packages.find("lodash").sightings}
    assert by_version["4.17.20"].releases == (Installed(PLACE, NAME, 1),)
    assert by_version["4.17.20"].image == f"registry.k8s.io/pause@{old.digest}"
    assert by_version["4.17.21"].releases == ()


def test_nothing_found_counts_what_was_searched(zone: Zone) -> None:
    zone.image("a.example/one:1", "one", ("lodash", "1"))
    zone.image("a.example/bare:1", "bare")
    with pytest.raises(PackageUnknown) as raised:
        zone.packages.find("log4j")
    assert raised.value.fields["searched"] == 1
    assert "a.example/bare:1" in str(raised.value)
    assert zone.packages.find("lodash").bare == ("a.example/bare:1",)
