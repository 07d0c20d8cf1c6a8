"""Import: a verified bundle's bytes become blobs of the zone's store, once, and get their names.

Invariant: blobs wait outside the store until every byte the bundle brings was checked; then they
are renamed in, and one transaction makes them reachable. A crash leaves the store as it was, plus
at most blobs that no name leads to; what waited is used by the next run.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Self

from champ_offline.bundle.document import BundleDocument
from champ_offline.bundle.errors import BundleIncomplete, NoSpace
from champ_offline.bundle.verify import VerifiedBundle
from champ_offline.bundle.volume import Member, Sink
from champ_offline.durable.database import Database
from champ_offline.durable.space import free_bytes
from champ_offline.events import Progress, StepFinished, StepStarted, Subscriber
from champ_offline.oci import media_types
from champ_offline.oci.descriptor import REF_NAME, Descriptor
from champ_offline.oci.digest import Digest
from champ_offline.oci.manifest import Manifest, as_referrer
from champ_offline.oci.reference import Reference
from champ_offline.store.blobs import BlobStore
from champ_offline.store.pipeline import Pipeline
from champ_offline.store.refs import Ref, Referrer, Refs
from champ_offline.trust.errors import Replayed
from champ_offline.trust.state import TrustState

_SPARE = 64 * 1024 * 1024

_SCHEMA = (
    """
    CREATE TABLE bundles (
        digest TEXT PRIMARY KEY,
        name TEXT NOT NULL,
        version TEXT NOT NULL,
        sequence INTEGER NOT NULL,
        document BLOB NOT NULL,
        imported TEXT NOT NULL
    ) STRICT
    """,
)


@dataclass(frozen=True)
class Imported:
    """What an import did: blobs and bytes that are new, blobs the store already had."""

    bundle: str
    version: str
    new_blobs: int
    new_bytes: int
    known_blobs: int
    changed: bool


@dataclass(frozen=True)
class Forecast:
    """What importing a bundle would take: bytes that are new here, bytes that are free."""

    new_bytes: int
    free: int

    @property
    def fits(self) -> bool:
        """Whether there is room, with something to spare for the database."""
        return self.new_bytes + _SPARE <= self.free


@dataclass(frozen=True)
class KnownBundle:
    """A bundle the zone holds; `imported` is an ISO 8601 time in UTC."""

    digest: Digest
    document: BundleDocument
    imported: str


class Intake:
    """Takes verified bundles into one zone. The caller holds the zone's lock."""

    def __init__(
        self,
        database: Database,
        blobs: BlobStore,
        waiting: BlobStore,
        refs: Refs,
        trust: TrustState,
    ) -> None:
        self._database, self._blobs, self._waiting = database, blobs, waiting
        self._refs, self._trust = refs, trust
        database.migrate("bundles", _SCHEMA)

    def bundles(self) -> list[KnownBundle]:
        """All bundles the zone holds, oldest first."""
        rows = self._database.query("SELECT * FROM bundles ORDER BY imported, name")
        return [
            KnownBundle(
                Digest.parse(row["digest"]),
                BundleDocument.from_bytes(row["document"], row["name"]),
                row["imported"],
            )
            for row in rows
        ]

    def forecast(self, bundle: VerifiedBundle) -> Forecast:
        """What importing `bundle` would take; reads no blob."""
        sizes = {m.digest: m.size for m in bundle.members if _is_blob(m)}
        rooms = (self._blobs, self._waiting)
        new = sum(n for digest, n in sizes.items() if not any(room.has(digest) for room in rooms))
        return Forecast(new, free_bytes(self._waiting.root))

    def take(self, bundle: VerifiedBundle, now: str, notify: Subscriber) -> Imported:
        """Import `bundle`; `now` is an ISO 8601 time for the record.

        Raises Replayed, NoSpace, BundleIncomplete and what reading the volumes raises; the store
        is then as it was.
        """
        known = self._database.query(
            "SELECT 1 FROM bundles WHERE digest = ?", (str(bundle.trusted.digest),)
        )
        if not known:
            self._refuse_replay(bundle)
        wanted = {member.digest: member for member in bundle.members if _is_blob(member)}
        missing = {d: m for d, m in wanted.items() if not self._blobs.holds(d, m.size)}
        if known and not missing:
            return _result(bundle, {}, wanted, changed=False)
        self._refuse_full(bundle)
        index = self._read(bundle, missing, notify)
        links = self._links(bundle, index, set(missing))
        self._commit(bundle, missing, links, now, notify)
        return _result(bundle, missing, wanted, changed=True)

    def _refuse_replay(self, bundle: VerifiedBundle) -> None:
        floor = self._trust.floor(bundle.document.name, bundle.trusted.root)
        if floor is not None and bundle.trusted.version <= floor.version:
            raise Replayed(
                where=bundle.folder,
                bundle=bundle.document.name,
                found=bundle.trusted.version,
                floor=floor.version,
            )

    def _refuse_full(self, bundle: VerifiedBundle) -> None:
        found = self.forecast(bundle)
        if not found.fits:
            raise NoSpace(path=self._waiting.root, free=found.free, needed=found.new_bytes + _SPARE)

    def _read(
        self, bundle: VerifiedBundle, missing: dict[Digest, Member], notify: Subscriber
    ) -> bytes:
        """Stream what is missing into the waiting room; returns the bytes of index.json."""
        total = sum(member.size for member in bundle.members)
        done = 0
        self._waiting.remove_partials()
        self._waiting.keep_sound(missing)
        wanted = {digest for digest in missing if not self._waiting.has(digest)}
        with Pipeline(self._waiting) as pipeline:
            sinks = _Sinks(pipeline, wanted, bundle.document.index.digest)
            for volume in bundle.volumes:
                notify(StepStarted("import", volume.name))
                for passed in volume.reader.read(volume.index, sinks):
                    done += passed
                    notify(Progress("import", done, total, subject=volume.name))
                notify(StepFinished("import", volume.name))
        if sinks.index is None:
            raise BundleIncomplete(bundle=bundle.document.name, blob="index.json", parent="it")
        return sinks.index.data

    def _links(self, bundle: VerifiedBundle, index: bytes, missing: set[Digest]) -> _Links:
        """What the bundle's index leads to, after everything below it was found present."""
        seen: dict[Digest, int] = {}
        links = _Links([], [])
        whole = str(bundle.trusted.digest)
        for descriptor in Manifest.from_bytes(index).manifests:
            self._check_closure(bundle, descriptor, "index.json", missing, seen)
            name = descriptor.annotations.get(REF_NAME)
            if name:
                reference = Reference.parse(name)
                stored = Descriptor(descriptor.media_type, descriptor.digest, descriptor.size)
                links.refs.append(Ref(reference.name, reference.tag, stored, whole))
            elif descriptor.media_type in media_types.DOCUMENTS:
                room = self._waiting if descriptor.digest in missing else self._blobs
                data = room.read(descriptor.digest)
                subject = Manifest.from_bytes(data).subject
                if subject is not None:
                    self._check_closure(bundle, subject, str(descriptor.digest), missing, seen)
                    links.referrers.append(Referrer(subject.digest, as_referrer(data), whole))
        return links

    def _check_closure(
        self,
        bundle: VerifiedBundle,
        descriptor: Descriptor,
        parent: str,
        missing: set[Digest],
        seen: dict[Digest, int],
    ) -> None:
        digest = descriptor.digest
        if digest in seen:
            return
        room = self._waiting if digest in missing else self._blobs
        if not room.has(digest) or room.size(digest) != descriptor.size:
            raise BundleIncomplete(bundle=bundle.document.name, blob=digest, parent=parent)
        seen[digest] = descriptor.size
        if descriptor.media_type in media_types.DOCUMENTS:
            for child in Manifest.from_bytes(room.read(digest)).children:
                self._check_closure(bundle, child, str(digest), missing, seen)

    def _commit(
        self,
        bundle: VerifiedBundle,
        missing: dict[Digest, Member],
        links: _Links,
        now: str,
        notify: Subscriber,
    ) -> None:
        notify(StepStarted("commit", bundle.document.name))
        self._blobs.adopt(self._waiting, missing)
        with self._database.transaction() as connection:
            self._refs.put(connection, links.refs)
            self._refs.put_referrers(connection, links.referrers)
            self._trust.accept(connection, bundle.document.name, bundle.trusted, now)
            _record(connection, bundle, now)
        notify(StepFinished("commit", bundle.document.name))


@dataclass(frozen=True)
class _Links:
    """What one bundle makes reachable."""

    refs: list[Ref]
    referrers: list[Referrer]


class _Sinks:
    """Decides per member where its bytes go: the waiting room, memory (index.json), or past."""

    def __init__(self, pipeline: Pipeline, wanted: set[Digest], index: Digest) -> None:
        self._pipeline, self._wanted, self._index_digest = pipeline, wanted, index
        self.index: _Memory | None = None

    def __call__(self, member: Member) -> Sink | None:
        if member.name == "index.json" and member.digest == self._index_digest:
            self.index = _Memory()
            return self.index
        if member.digest not in self._wanted:
            return None
        self._wanted.remove(member.digest)
        return self._pipeline.writer()


class _Memory:
    """A sink that keeps a small document."""

    def __init__(self) -> None:
        self.data = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        pass

    def write(self, data: memoryview) -> None:
        """Keep the bytes."""
        self.data += data

    def commit(self, expected: Digest | None = None, size: int | None = None) -> Digest:
        """The digest of what was kept."""
        del expected, size
        return Digest.of(self.data)


def _is_blob(member: Member) -> bool:
    return member.name.startswith("blobs/")


def _record(connection: sqlite3.Connection, bundle: VerifiedBundle, now: str) -> None:
    document = bundle.document
    connection.execute(
        "INSERT OR IGNORE INTO bundles VALUES (?, ?, ?, ?, ?, ?)",
        (
            str(bundle.trusted.digest),
            document.name,
            document.version,
            bundle.trusted.version,
            document.to_bytes(),
            now,
        ),
    )


def _result(
    bundle: VerifiedBundle,
    missing: dict[Digest, Member],
    wanted: dict[Digest, Member],
    *,
    changed: bool,
) -> Imported:
    return Imported(
        bundle=bundle.document.name,
        version=bundle.document.version,
        new_blobs=len(missing),
        new_bytes=sum(member.size for member in missing.values()),
        known_blobs=len(wanted) - len(missing),
        changed=changed,
    )
