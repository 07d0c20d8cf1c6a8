"""Writing media from a zone's store for the next zone, by the signatures they came with.

Nothing is signed in a zone: documents are those that were signed, volumes follow from their indexes
(FORMAT.md, "Export"). Invariant: nothing is written before all documents were verified as if from a
medium; every byte of the store is hashed on its way, and a volume with one that differs never gets
its name. What is read stays in the store until the export ends (`store.readings`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from champ_offline.bundle.edition import Edition, read_edition
from champ_offline.bundle.export_errors import PapersMissing, StoreDamaged
from champ_offline.bundle.export_media import Targets, kept_of
from champ_offline.bundle.gather import zone_disk
from champ_offline.bundle.held import HeldBundles, KnownBundle
from champ_offline.bundle.layout import LAYOUT
from champ_offline.bundle.media_writer import MediaWriter
from champ_offline.bundle.selection import Wanted, newer_than, select
from champ_offline.bundle.volume import LAYOUT_FILE, Member, MemberDiffers
from champ_offline.durable.database import Database
from champ_offline.durable.priority import giving_way
from champ_offline.events import Subscriber
from champ_offline.journal.acts import Act, done
from champ_offline.journal.audit import Audit
from champ_offline.oci.digest import Digest
from champ_offline.paths import ZonePaths
from champ_offline.store.blobs import BlobMissing, BlobStore
from champ_offline.store.readings import Reader, Readings
from champ_offline.trust.state import TrustState


@dataclass(frozen=True)
class ExportOrder:
    """What is written for the zone called `zone`, and where; if none is named, all that is for it.

    `wanted` bundles may be such that this is refused.
    """

    zone: str
    targets: Targets
    wanted: tuple[Wanted, ...] = ()


@dataclass(frozen=True)
class Exported:
    """A bundle on media: its folder on each of them in order, its bytes, its largest file.

    `written` is False where all of it lay there already; it was not read then. `expired` are
    documents whose time is over, `newer` and `newer_packed` version and time of a newer pack that
    this zone accepted: the next zone may refuse. Times are ISO 8601 in UTC.
    """

    bundle: str
    version: str
    packed: str
    zone: str
    folders: tuple[Path, ...]
    volumes: int
    size: int
    largest: int
    written: bool
    expired: tuple[str, ...]
    newer: str
    newer_packed: str


class Exporter:
    """Writes media from one zone, of which nothing changes but the audit chain."""

    def __init__(
        self,
        held: HeldBundles,
        trust: TrustState,
        database: Database,
        blobs: BlobStore,
        zone: ZonePaths,
        clock: Callable[[], datetime],
    ) -> None:
        self._held, self._trust, self._blobs = held, trust, blobs
        self._database, self._zone, self._clock = database, zone, clock
        self._audit, self._readings = Audit(database, clock), Readings(database, zone.readings)

    def run(self, order: ExportOrder, notify: Subscriber) -> tuple[Exported, ...]:
        """Write the bundles one after the other; what an earlier run wrote whole is kept.

        What is retired meanwhile goes along all the same: no collection takes it from an export.
        Before anything is written, raises NoSuchFolder, NotHeld, NothingForZone, ForOtherZones,
        PapersMissing, PapersDamaged and trust errors, TargetLinked, IntoZone, TargetOccupied,
        MediaFull, VolumesTooLarge, ZoneUnwritable, DatabaseFull; then TargetUnwritable,
        StoreDamaged and the last two.
        """
        order.targets.refuse_absent()
        with ExitStack() as run:
            with zone_disk(self._zone.readings):
                place = run.enter_context(self._readings.begin(Reader.EXPORT, self._clock))
            with self._database.transaction() as connection:
                ever = self._held.ever()
                chosen = select(ever, order.zone, order.wanted)
                editions = self._editions(chosen)
                place.hold(connection, _content(editions))
            return self._export(order, ever, chosen, editions, notify)

    def _export(
        self,
        order: ExportOrder,
        ever: Sequence[KnownBundle],
        chosen: Sequence[KnownBundle],
        editions: Sequence[Edition],
        notify: Subscriber,
    ) -> tuple[Exported, ...]:
        for edition in editions:
            edition.refuse_other(order.zone)
            order.targets.refuse_strays(edition, self._zone)
        lying = [order.targets.lying(edition) for edition in editions]
        left = [one for one, folders in zip(editions, lying, strict=True) if not folders]
        writers = iter(list(order.targets.writers(left)))
        found = []
        for known, edition, folders in zip(chosen, editions, lying, strict=True):
            there = folders or self._write(order.zone, edition, next(writers), notify)
            packs = known, newer_than(ever, known)
            found.append(_exported(order.zone, packs, edition, there, written=not folders))
        return tuple(found)

    def _editions(self, chosen: Sequence[KnownBundle]) -> list[Edition]:
        papers = {known: self._held.papers.of(known.digest) for known in chosen}
        if missing := [one.document for one in chosen if not papers[one]]:
            bundles = ", ".join(f"{document.name} {document.version}" for document in missing)
            raise PapersMissing(bundles=bundles)
        roots = [*self._trust.roots(), *self._held.papers.roots()]
        root, now = self._trust.root(), self._clock()
        return [read_edition(known, papers[known], root, roots, now) for known in chosen]

    def _write(
        self, zone: str, edition: Edition, writer: MediaWriter, notify: Subscriber
    ) -> tuple[Path, ...]:
        kept = kept_of(edition, writer, notify)
        self._tell(zone, edition, len(writer.folders))
        writer.clear(kept)
        try:
            scratch = self._zone.waiting
            with zone_disk(scratch), giving_way():  # to pulls from the registry
                writer.write_volumes(self._content(edition), scratch, notify, kept)
        except MemberDiffers as error:
            raise _damaged(edition, error.fields["blob"]) from error
        except BlobMissing as error:
            raise _damaged(edition, error.fields["digest"]) from error
        writer.finish(edition.files)
        return writer.folders

    def _tell(self, zone: str, edition: Edition, media: int) -> None:
        """Record it before the first byte leaves: what cannot be recorded is not done."""
        document, digest = edition.document, str(edition.trusted.digest)
        told = {"version": document.version, "digest": digest, "zone": zone, "media": media}
        self._audit.record(done(Act.EXPORT, document.name, **told))

    def _content(self, edition: Edition) -> Callable[[Member], BinaryIO]:
        def opened(member: Member) -> BinaryIO:
            if member.blob is None:
                return BytesIO(LAYOUT if member.name == LAYOUT_FILE else edition.index)
            file = self._blobs.open(member.blob)
            file.seek(member.offset or 0)
            return file

        return opened


def _content(editions: Sequence[Edition]) -> Iterator[Digest]:
    """All that is read of the store to write them."""
    for edition in editions:
        for volume in edition.volumes:
            yield from (member.blob for member in volume.members if member.blob is not None)


def _damaged(edition: Edition, blob: object) -> StoreDamaged:
    document = edition.document
    return StoreDamaged(blob=blob, bundle=document.name, version=document.version)


def _exported(
    zone: str,
    packs: tuple[KnownBundle, KnownBundle | None],
    edition: Edition,
    folders: tuple[Path, ...],
    *,
    written: bool,
) -> Exported:
    known, newer = packs
    return Exported(
        bundle=edition.document.name,
        version=edition.document.version,
        packed=known.packed.isoformat(),
        zone=zone,
        folders=folders,
        volumes=len(edition.volumes),
        size=sum(edition.load.volumes),
        largest=max(entry.size for entry in edition.document.volumes),
        written=written,
        expired=edition.expired,
        newer=newer.document.version if newer else "",
        newer_packed=newer.packed.isoformat() if newer else "",
    )
