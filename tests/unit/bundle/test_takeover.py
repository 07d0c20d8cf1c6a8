"""What clients pushed under a bundle's name, before it or between two imports, is not served."""

from __future__ import annotations

import json

import pytest

from champ_offline.bundle.intake import Imported
from champ_offline.bundle.layout import Contents
from champ_offline.journal.audit import Audit
from champ_offline.oci.descriptor import Descriptor
from champ_offline.oci.digest import Digest
from champ_offline.registry.access import Open
from champ_offline.registry.asgi import RegistryApp, registry
from champ_offline.store.blobs import BlobStore
from champ_offline.store.links import Links
from champ_offline.store.needs import Needs
from champ_offline.store.reach import Reach
from champ_offline.store.takeover import Displaced
from tests.contracts.distribution.client import CONFIG, IMAGE, LAYER, descriptor, digest_of
from tests.simulators.asgi import ask
from tests.unit.bundle.conftest import NOW, Pack, Zone

NAME = "champ.local/first"
FORGED = b'{"spdxVersion": "SPDX-2.3", "packages": []}'
LAYER_OF_MINE = b"not what was signed"


def served(zone: Zone) -> RegistryApp:
    uploads = zone.blobs.root.parent / "uploads"
    return registry(zone.database, zone.blobs, uploads, lambda: NOW, Open())


def put(app: RegistryApp, name: str, reference: str, document: dict[str, object]) -> None:
    data = json.dumps({"schemaVersion": 2, "mediaType": IMAGE, **document}).encode()
    where = reference or digest_of(data)
    assert ask(app, "PUT", f"/v2/{name}/manifests/{where}", data).status == 201


def attack(zone: Zone, subject: Descriptor, name: str = NAME) -> None:
    """An image under a tag of the bundle and one beside it; a bill of materials for its image."""
    app = served(zone)
    for data in (b"{}", LAYER_OF_MINE, FORGED):
        path = f"/v2/{name}/blobs/uploads/?digest={digest_of(data)}"
        assert ask(app, "POST", path, data).status == 201
    config = descriptor(b"{}", CONFIG)
    for tag in ("1", "1.0.1"):
        layers = [descriptor(LAYER_OF_MINE, LAYER)]
        put(app, name, tag, {"config": config, "layers": layers})
    forged = descriptor(FORGED, "application/spdx+json")
    about = {"mediaType": IMAGE, "digest": str(subject.digest), "size": subject.size}
    put(app, name, "", {"config": config, "layers": [forged], "subject": about})


@pytest.fixture
def signed(contents: tuple[BlobStore, Contents]) -> Descriptor:
    """The image that the bundle gives the name."""
    return contents[1].descriptors[0]


def rows(zone: Zone) -> list[tuple[str, dict[str, object]]]:
    found = Audit(zone.database, lambda: NOW).rows()
    return [(row.subject, json.loads(row.detail)) for row in found if row.act == "bundle.displace"]


def only_what_was_signed(zone: Zone, image: Digest) -> None:
    app = served(zone)
    assert ask(app, "GET", f"/v2/{NAME}/tags/list").json["tags"] == ["1"]
    assert ask(app, "GET", f"/v2/{NAME}/manifests/1").headers["docker-content-digest"] == str(image)
    assert ask(app, "GET", f"/v2/{NAME}/manifests/1.0.1").status == 404
    assert ask(app, "GET", f"/v2/{NAME}/referrers/{image}").json["manifests"] == []
    for data in (LAYER_OF_MINE, FORGED):
        assert ask(app, "GET", f"/v2/{NAME}/blobs/{digest_of(data)}").status == 404
        assert Digest.parse(digest_of(data)) not in needed(zone)


def needed(zone: Zone) -> set[Digest]:
    return set(Needs(zone.refs, Links(zone.database), Reach(zone.blobs)).of())


def told(imported: Imported) -> list[Displaced]:
    assert imported.changed
    return list(imported.displaced)


GONE = Displaced(NAME, ("1", "1.0.1"), manifests=2, untagged=1, blobs=3)


def test_what_was_pushed_before_a_bundle_goes_and_is_named(
    pack: Pack, zone: Zone, signed: Descriptor
) -> None:
    stick = pack().folder
    attack(zone, signed)
    assert told(zone.take(stick)) == [GONE]
    only_what_was_signed(zone, signed.digest)
    expected = {"tags": ["1", "1.0.1"], "tagged": 2, "manifests": 2, "untagged": 1, "blobs": 3}
    assert rows(zone) == [(NAME, {"bundle": "demo", "version": "1", **expected})]
    again = zone.take(stick)
    assert (again.changed, again.displaced, len(rows(zone))) == (False, (), 1)


def test_what_was_pushed_after_a_retirement_goes_with_the_next_import(
    pack: Pack, zone: Zone, signed: Descriptor
) -> None:
    stick = pack().folder
    assert zone.take(stick).displaced == ()
    (bundle,) = zone.intake.bundles()
    with zone.database.transaction() as connection:
        zone.intake.retire(connection, bundle.digest, NOW.isoformat())
    attack(zone, signed)
    assert told(zone.take(stick)) == [GONE]
    only_what_was_signed(zone, signed.digest)
    assert len(rows(zone)) == 1


def test_what_refers_to_an_image_elsewhere_is_not_shown_under_the_bundle(
    pack: Pack, zone: Zone, signed: Descriptor
) -> None:
    stick = pack().folder
    attack(zone, signed, "team/mirror")
    assert zone.take(stick).displaced == ()
    only = ask(served(zone), "GET", f"/v2/{NAME}/referrers/{signed.digest}").json
    assert only["manifests"] == []
    elsewhere = ask(served(zone), "GET", f"/v2/team/mirror/referrers/{signed.digest}").json
    assert len(elsewhere["manifests"]) == 1
    assert rows(zone) == []
