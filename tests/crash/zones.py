"""What a zone holds, checked whole: every blob hashed, every name followed to its end."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from champ_offline.appliance import Appliance
from champ_offline.bundle.intake import Imported
from champ_offline.durable.database import Database
from champ_offline.events import ignore
from champ_offline.oci import media_types
from champ_offline.oci.manifest import Manifest
from champ_offline.registry.content import Content
from champ_offline.store.blobs import BlobStore
from champ_offline.store.links import Links
from champ_offline.store.refs import Refs


@dataclass(frozen=True)
class Held:
    """All that an import changes in a zone, save for the times it wrote down."""

    blobs: frozenset[str]
    refs: tuple[str, ...]
    referrers: tuple[str, ...]
    bundles: tuple[str, ...]
    accepted: tuple[str, ...]
    papers: tuple[str, ...]
    pushed: tuple[str, ...]
    told: tuple[str, ...]


def held(zone: Path) -> Held:
    """What the zone holds; raises AssertionError where any of it is not what it says it is."""
    blobs = BlobStore(zone / "store")
    for digest in blobs:
        data = blobs.path(digest).read_bytes()
        assert hashlib.new(digest.algorithm, data).hexdigest() == digest.hex
    with closing(Database(zone / "champ.db")) as database:
        assert database.damage() == []
        refs = Refs(database)
        _follow_names(blobs, refs, Content(database, blobs))
        bundles = database.query("SELECT digest FROM bundles ORDER BY digest")
        accepted = database.query("SELECT bundle, version FROM trust_accepted ORDER BY 1, 2")
        return Held(
            frozenset(str(digest) for digest in blobs),
            tuple(f"{ref.name}:{ref.tag} {ref.descriptor.digest}" for ref in refs.all()),
            tuple(f"{one.subject} {one.descriptor.digest}" for one in refs.all_referrers()),
            tuple(row["digest"] for row in bundles),
            tuple(f"{row['bundle']} {row['version']}" for row in accepted),
            tuple(_papers(database)),
            tuple(_pushed(database)),
            tuple(_told(database)),
        )


def _pushed(database: Database) -> Iterator[str]:
    """What clients gave repositories, and not bundles."""
    for row in database.query("SELECT name, tag FROM refs WHERE bundle = '' ORDER BY 1, 2"):
        yield f"{row['name']}:{row['tag']}"
    yield from (f"{link.name} {link.kind} {link.descriptor.digest}" for link in Links(database))


def _told(database: Database) -> Iterator[str]:
    """What the audit chain says was let go of for a bundle."""
    sql = "SELECT subject, detail FROM audit WHERE act = 'bundle.displace' ORDER BY subject"
    yield from (f"{row['subject']} {row['detail']}" for row in database.query(sql))


def _papers(database: Database) -> Iterator[str]:
    """The papers of the bundles that are held: all of them, and of no other bundle."""
    rows = database.query("SELECT bundle, path, content FROM papers ORDER BY 1, 2")
    bundles = database.query("SELECT digest FROM bundles WHERE retired = '' ORDER BY 1")
    assert sorted({row["bundle"] for row in rows}) == [row["digest"] for row in bundles]
    for row in rows:
        yield f"{row['bundle']} {row['path']} {hashlib.sha256(row['content']).hexdigest()}"


def _follow_names(blobs: BlobStore, refs: Refs, content: Content) -> None:
    """Every content that the registry would serve is whole, and what it leads to as well."""
    for ref in refs.all():
        assert content.of(ref.name).tags.get(ref.tag) == ref.descriptor
    for name in refs.names():
        for descriptor in content.of(name).blobs.values():
            assert blobs.size(descriptor.digest) == descriptor.size
            if descriptor.media_type in media_types.DOCUMENTS:
                for child in Manifest.from_bytes(blobs.read(descriptor.digest)).children:
                    assert content.find(name, child.digest) is not None


def take(zone: Path, media: Sequence[Path], now: datetime) -> Imported:
    """Import in this process, leaving no connection open."""
    appliance = Appliance(zone, lambda: now)
    with closing(appliance._database):
        return appliance.import_media(media, ignore)


def commission(zone: Path, root: bytes) -> None:
    """A zone called core that trusts `root`."""
    document = zone.with_suffix(".root.json")
    document.write_bytes(root)
    with closing(Appliance.create(zone, "core", document)._database):
        pass
