"""What a repository has is remembered, and forgotten the moment anybody changes the zone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

from champ_offline.durable.database import Database
from champ_offline.oci import media_types
from champ_offline.oci.descriptor import Descriptor
from champ_offline.registry.content import Content
from champ_offline.store.links import Kind, Link, Links
from champ_offline.store.refs import Ref, Refs
from tests.unit.registry.conftest import NAME, Zone


@contextmanager
def statements(zone: Zone) -> Iterator[list[str]]:
    found: list[str] = []
    connection = zone.database._connection()
    connection.set_trace_callback(found.append)
    yield found
    connection.set_trace_callback(None)


def look(content: Content, zone: Zone) -> None:
    content.of(NAME).tags.get("1")
    content.find(NAME, zone.layer.digest)
    content.referrers(NAME, zone.image.digest)
    content.find("no/such", zone.layer.digest)
    content.names()


def test_nothing_is_asked_again_where_nothing_changed(zone: Zone) -> None:
    look(zone.content, zone)
    with statements(zone) as found:
        look(zone.content, zone)
    assert set(found) == {"PRAGMA data_version"}


def test_an_own_write_is_seen(zone: Zone) -> None:
    look(zone.content, zone)
    zone.tag(NAME, "3", zone.image)
    assert zone.content.of(NAME).tags.get("3") == zone.image
    zone.tag("new/name", "1", zone.image)
    assert "new/name" in zone.content.names()
    assert zone.content.find("new/name", zone.layer.digest) is not None


def test_a_write_of_another_process_is_seen(zone: Zone) -> None:
    look(zone.content, zone)
    with closing(Database(zone.database.path)) as other:
        refs, links = Refs(other), Links(other)
        with other.transaction() as connection:
            refs.put(connection, [Ref(NAME, "4", zone.index, "bundle-2")])
        assert zone.content.of(NAME).tags.get("4") == zone.index
        with other.transaction() as connection:
            links.put(connection, Link("team/app", Kind.BLOB, zone.layer, "2026-05-01", "ci"))
        assert zone.content.find("team/app", zone.layer.digest) == zone.layer
        with other.transaction() as connection:
            links.remove(connection, "team/app", Kind.BLOB, zone.layer.digest)
        assert zone.content.find("team/app", zone.layer.digest) is None


def test_a_write_that_was_rolled_back_changes_nothing(zone: Zone) -> None:
    look(zone.content, zone)
    before = zone.database.changes()
    try:
        with zone.database.transaction() as connection:
            zone.refs.put(connection, [Ref(NAME, "9", zone.image, "bundle-1")])
            raise KeyError  # noqa: TRY301 - what goes wrong in there does not matter
    except KeyError:
        pass
    assert zone.database.changes() == before
    assert zone.content.of(NAME).tags.get("9") is None


def test_a_damaged_manifest_that_was_mended_is_served_again(zone: Zone) -> None:
    path = zone.blobs.path(zone.index.digest)
    data = path.read_bytes()
    path.unlink()
    assert zone.content.find(NAME, zone.index.digest) is not None
    path.write_bytes(data)
    assert zone.content.of(NAME).unread is None
    assert zone.content.find(NAME, zone.image.digest) is not None


def test_what_is_pushed_as_a_blob_is_no_manifest(zone: Zone) -> None:
    with zone.database.transaction() as connection:
        zone.content.links.put(connection, Link("a", Kind.BLOB, zone.image, "2026-05-01", ""))
    held = zone.content.of("a")
    assert (list(held.blobs), list(held.manifests)) == ([zone.image.digest], [])
    assert held.exists
    assert not held.owned


def test_bundles_and_pushes_are_told_apart(zone: Zone) -> None:
    """Nothing that was pushed under a bundle's name is served there."""
    pushed = Descriptor(media_types.IMAGE_INDEX, zone.index.digest, zone.index.size)
    with zone.database.transaction() as connection:
        zone.content.links.put(connection, Link("mine", Kind.MANIFEST, pushed, "2026-05-01", ""))
        for tag in ("1", "2"):
            zone.refs.tag(connection, "mine", tag, pushed)
    assert "mine" not in {ref.name for ref in zone.refs.all()}
    assert "mine" not in zone.refs.names()
    assert not zone.content.of("mine").owned
    zone.tag("mine", "1", zone.image)
    held = zone.content.of("mine")
    assert held.owned
    assert held.tags == {"1": zone.image}
    assert zone.image.digest in held.manifests
    assert zone.index.digest not in held.manifests
    assert [ref.tag for ref in zone.refs.all() if ref.name == "mine"] == ["1"]


def test_a_bundle_takes_a_tag_over_that_leads_to_the_same(zone: Zone) -> None:
    with zone.database.transaction() as connection:
        zone.refs.tag(connection, "mine", "1", zone.image)
    zone.tag("mine", "1", zone.image)
    with zone.database.transaction() as connection:
        assert zone.refs.untag(connection, "mine", tag="1") == 0
    assert zone.content.of("mine").tags.get("1") == zone.image


def test_names_that_clients_make_up_push_nothing_out(zone: Zone) -> None:
    look(zone.content, zone)
    for number in range(600):
        assert not zone.content.of(f"made/up{number}").exists
    with statements(zone) as found:
        assert zone.content.of(NAME).tags.get("1") == zone.image
    assert set(found) == {"PRAGMA data_version"}
