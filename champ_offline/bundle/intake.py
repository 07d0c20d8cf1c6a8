"""Import: a verified bundle's bytes become blobs of the zone's store, once, and get their names.

Invariant: blobs wait outside the store until every byte the bundle brings was checked; then they
are renamed in, and one transaction makes them reachable. A crash leaves the store as it was, plus
at most blobs that no name leads to; what waited is used by the next run.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from champ_offline.bundle import media
from champ_offline.bundle.at_hand import VolumeAtHand
from champ_offline.bundle.closure import Closure, Links, Vet
from champ_offline.bundle.document import BundleDocument
from champ_offline.bundle.errors import BlobGone, NoSpace
from champ_offline.bundle.gather import Gathering, zone_disk
from champ_offline.bundle.held import HeldBundles, KnownBundle
from champ_offline.bundle.pace import bytes_a_second
from champ_offline.bundle.papers import size_of
from champ_offline.bundle.recorded import displaced, imported
from champ_offline.bundle.signatures import SIGNATURE_TAG
from champ_offline.bundle.standing import Standing
from champ_offline.bundle.verify import VerifiedBundle, verdict
from champ_offline.bundle.volume import INDEX_FILE, Member
from champ_offline.durable.database import Database
from champ_offline.durable.priority import giving_way
from champ_offline.durable.space import free_bytes
from champ_offline.errors import Bytes, ChampError
from champ_offline.events import Estimate, StepFinished, StepStarted, Subscriber, ignore
from champ_offline.journal.audit import Audit
from champ_offline.oci.digest import Digest
from champ_offline.store.blobs import BlobStore
from champ_offline.store.links import Links as Pushed
from champ_offline.store.refs import Ref, Refs
from champ_offline.store.takeover import Displaced, take_over
from champ_offline.store.verified import Verified
from champ_offline.store.waiting import WaitingRoom
from champ_offline.trust.dates import packed_on
from champ_offline.trust.errors import Replayed
from champ_offline.trust.state import TrustState

# For the database: its journal, the rows of a bundle, and what the zone writes next.
RESERVE = 16 * 10**6


@dataclass(frozen=True)
class Imported:
    """What an import did: blobs and bytes that are new, blobs the store already had.

    `damaged` counts places on the media that were found wrong and that another copy made good, or
    on which no content depends. `restored` are names that led to what only withdrawn keys vouched
    for, and lead to this bundle's content now. `displaced` is what clients had pushed to the
    bundle's repositories, and is there no more.
    """

    bundle: str
    version: str
    new_blobs: int
    new_bytes: int
    known_blobs: int
    changed: bool
    damaged: int = 0
    restored: tuple[str, ...] = ()
    displaced: tuple[Displaced, ...] = ()

    @classmethod
    def nothing(cls, document: BundleDocument) -> Imported:
        """The import of a bundle that is held."""
        name, version = document.name, document.version
        return cls(name, version, 0, 0, document.blobs, changed=False)


@dataclass(frozen=True)
class Forecast:
    """What importing a bundle would take, in bytes: to read from these media, new here, free.

    `rate` is the medium's pace in bytes a second, None when nothing is to be read from it. `held`
    where the zone has all of it and an import changes nothing. `database` is what it may write.
    """

    to_read: int
    new_bytes: int
    free: int
    rate: float | None
    held: bool = False
    database: int = RESERVE

    @property
    def fits(self) -> bool:
        """Whether there is room, with something to spare for the database."""
        return self.new_bytes + self.database <= self.free

    @property
    def seconds(self) -> float | None:
        """How long the reading will take."""
        return self.to_read / self.rate if self.rate else None


class Intake:
    """Takes verified bundles into one zone. The caller holds the zone's lock.

    `vet` looks at everything in a bundle that has a name (`closure.Vet`).
    """

    def __init__(
        self,
        database: Database,
        blobs: BlobStore,
        waiting: WaitingRoom,
        refs: Refs,
        trust: TrustState,
        vet: Vet,
    ) -> None:
        self._database, self._blobs, self._waiting = database, blobs, waiting
        self._refs, self._trust, self._vet = refs, trust, vet
        self._verified, self._pushed = Verified(database), Pushed(database)
        self.held = HeldBundles(database, trust)

    def bundles(self) -> list[KnownBundle]:
        """All bundles the zone holds, oldest first."""
        return [one for one in self.ever() if not one.retired]

    def ever(self) -> list[KnownBundle]:
        """All bundles the zone ever imported, those that were retired too, oldest first."""
        return self.held.ever()

    def retire(self, connection: sqlite3.Connection, bundle: Digest, now: str) -> None:
        """Let go of the names that only this bundle brought, inside the caller's transaction."""
        self._refs.brought.retire(connection, str(bundle))
        self.held.retire(connection, bundle, now)

    def withdrawn(self, root: bytes) -> list[Ref]:
        """The names that lead to what no key of `root` vouches for any more.

        The tag of a signature counts where a bundle that stands gives it too; else it tells only of
        content that withdrawn keys brought.
        """
        standing = self._trust.standing(root)
        given = self._refs.brought.given(standing)
        return [
            ref
            for ref in self._refs.not_of(standing)
            if (ref.name, ref.tag) in given or not SIGNATURE_TAG.fullmatch(ref.tag)
        ]

    def forecast(self, bundle: VerifiedBundle) -> Forecast:
        """What importing `bundle` would take; reads a few MiB of the medium, for its pace.

        Raises Replayed.
        """
        if self._settled(bundle, self._standing(bundle)):
            return Forecast(0, 0, free_bytes(self._waiting.root), None, held=True)
        gathering = Gathering(bundle, self._waiting, self._absent(bundle), ignore)
        return self._forecast(bundle, gathering)

    def take(self, bundle: VerifiedBundle, now: str, notify: Subscriber) -> Imported:
        """Import `bundle`; `now` is an ISO 8601 time for the record.

        What can be read is kept, whatever else is missing: the next run continues there. Raises
        InstallerChanged, Replayed, BlobObstructed, NoSpace, NoSpaceToHeal, ZoneUnwritable,
        BundleIncomplete; VolumeMissing, MediumGone, a VolumeFault, MediaDamaged, BlobsLost or
        SeveralTroubles when not everything came. The store is then as it was.
        """
        self._blobs.require()
        bundle.installer.check(notify)
        standing = self._standing(bundle)
        if self._settled(bundle, standing):
            self._waiting.forget(_leftovers(bundle))
            return _result(bundle, standing, changed=False)
        self._blobs.refuse_folders(standing.missing)
        with zone_disk(self._waiting.root):
            with giving_way():  # to pulls from the registry
                damaged = self._gather(bundle, notify)
                links = self._links(bundle, standing)
            gone = self._commit(bundle, standing, links, now, notify)
        restored = standing.restored(links)
        given = not standing.known or standing.retired or standing.wanting
        result = _result(bundle, standing, changed=bool(given or restored or gone))
        return replace(result, damaged=damaged, restored=restored, displaced=gone)

    def _settled(self, bundle: VerifiedBundle, standing: Standing) -> bool:
        """Whether an import has nothing to do."""
        unknown = any(volume.index is None for volume in bundle.volumes)
        wanting = standing.retired or standing.wanting or standing.owed
        return standing.known and not (wanting or unknown)

    def _standing(self, bundle: VerifiedBundle) -> Standing:
        """How `bundle` stands to what the zone has.

        Raises Replayed for a pack that is not above the floor, but for the very one at the floor
        and for one that gives back blobs or papers which the zone lost; not for one that was
        retired.
        """
        blobs, retired = _blobs(bundle), self.held.retired(bundle.trusted.digest)
        missing = {d: size for d, size in blobs.items() if not self._blobs.holds(d, size)}
        floor = self._trust.floor(bundle.document.name, bundle.trusted.root)
        above = floor is None or bundle.trusted.version > floor.version
        at = floor is not None and bundle.trusted.version == floor.version
        known = retired is not None and (at or not retired)
        older = not above and not (known and at)
        wanting = bool(missing) or self.held.papers.lacks(bundle)
        if floor is not None and older and not (known and wanting):
            raise Replayed(
                where=bundle.folder,
                bundle=bundle.document.name,
                found=packed_on(bundle.trusted.version),
                floor=packed_on(floor.version),
            )
        lost = self.withdrawn(bundle.trusted.root)
        owed = known and at and self._owed(bundle, lost)
        names = {(ref.name, ref.tag): ref.descriptor.digest for ref in lost}
        return Standing(blobs, missing, known, older, bool(retired), wanting, names, owed)

    def _owed(self, bundle: VerifiedBundle, withdrawn: Sequence[Ref]) -> bool:
        """Whether one of the `withdrawn` names is one that the bundle gave.

        What its document says counts too: zones did not always keep who gave a name.
        """
        given = self._refs.brought.given({str(bundle.trusted.digest)})
        named = set(bundle.document.images)
        return any((ref.name, ref.tag) in given or str(ref) in named for ref in withdrawn)

    def _absent(self, bundle: VerifiedBundle) -> Iterator[Member]:
        """The members whose content the store does not have: index.json and blobs."""
        for member in bundle.members:
            if member.name == INDEX_FILE or (
                member.blob is not None and not self._blobs.holds(member.blob, member.blob_size)
            ):
                yield member

    def _forecast(self, bundle: VerifiedBundle, gathering: Gathering) -> Forecast:
        sample = gathering.sample
        rate = bytes_a_second(*sample) if sample else None
        free = free_bytes(self._waiting.root)
        # SQLite writes what is new into its log first.
        database = RESERVE + 2 * size_of(bundle)
        return Forecast(gathering.at_hand, gathering.size, free, rate, database=database)

    def _gather(self, bundle: VerifiedBundle, notify: Subscriber) -> int:
        """Bring everything into the waiting room; returns how many places were damaged.

        What waited before is hashed again before it is relied on, and read anew where it is not
        what it was.
        """
        self._waiting.remove_partials()
        waited = [blob for blob in _blobs(bundle) if self._waiting.blobs.has(blob)]
        damaged = self._gather_once(bundle, notify)
        if self._waiting.blobs.keep_sound(waited):
            damaged += self._gather_once(bundle, notify)
        return damaged

    def _gather_once(self, bundle: VerifiedBundle, notify: Subscriber) -> int:
        gathering = Gathering(bundle, self._waiting, self._absent(bundle), notify)
        found = self._forecast(bundle, gathering)
        if not found.fits:
            raise NoSpace(
                path=self._waiting.root,
                free=Bytes(found.free),
                needed=Bytes(found.new_bytes + found.database),
                reserve=Bytes(found.database),
            )
        if found.rate and found.to_read:
            notify(Estimate("import", found.to_read, found.rate, found.free))
        gathering.run()
        if lost := gathering.volumes:
            raise _unfinished(bundle, gathering, lost)
        return len(gathering.faults.found)

    def _links(self, bundle: VerifiedBundle, standing: Standing) -> Links:
        """What the bundle's index leads to, after everything below it was found present."""
        index = self._waiting.blobs.read(bundle.document.index.digest)

        def room(digest: Digest) -> BlobStore:
            return self._waiting.blobs if digest in standing.missing else self._blobs

        return Closure(bundle, room, self._vet).follow(index, standing.blobs)

    def _commit(
        self,
        bundle: VerifiedBundle,
        standing: Standing,
        links: Links,
        now: str,
        notify: Subscriber,
    ) -> tuple[Displaced, ...]:
        """Make blobs and names reachable; of an older pack its lost blobs and papers alone.

        Gives what had been pushed to the bundle's repositories.
        """
        notify(StepStarted("commit", bundle.document.name))
        audit = Audit(self._database, lambda: datetime.fromisoformat(now))
        index = self._waiting.blobs.read(bundle.document.index.digest)
        self._blobs.adopt(self._waiting.blobs, standing.missing)
        gone: tuple[Displaced, ...] = ()
        with self._database.transaction() as connection:
            self._refuse_lost(bundle, standing)
            stamps = {digest: self._blobs.stamp(digest) for digest in standing.missing}
            self._verified.put(connection, stamps, now)
            self.held.keep_papers(connection, bundle, index)
            if not standing.older:
                names = {ref.name for ref in links.names.values()}
                gone = take_over(connection, self._refs, self._pushed, names)
                self._refs.put(connection, standing.to_name(links))
                self._name(connection, bundle, links, now)
            audit.append(connection, imported(bundle, standing))
            for one in gone:
                audit.append(connection, displaced(bundle, one))
        self._waiting.forget(_leftovers(bundle))
        notify(StepFinished("commit", bundle.document.name))
        return gone

    def _refuse_lost(self, bundle: VerifiedBundle, standing: Standing) -> None:
        """Look again, where nobody can set a blob aside: a check may have found one damaged."""
        for digest, size in standing.blobs.items():
            if not self._blobs.holds(digest, size):
                raise BlobGone(bundle=bundle.document.name, blob=digest)

    def _name(
        self, connection: sqlite3.Connection, bundle: VerifiedBundle, links: Links, now: str
    ) -> None:
        self._refs.vouch(connection, links.names.values())
        self._refs.put_referrers(connection, links.referrers)
        self._trust.keep_line(connection, media.documents_in(bundle.files).roots)
        self._trust.accept(connection, bundle.document.name, bundle.trusted, now)
        self.held.record(connection, bundle, now)


def _blobs(bundle: VerifiedBundle) -> dict[Digest, int]:
    """Every blob of the bundle that a known index names, and its size."""
    return {member.blob: member.blob_size for member in bundle.members if member.blob is not None}


def _leftovers(bundle: VerifiedBundle) -> set[Digest]:
    """What may still wait when all blobs are in the store: index.json, marks of joined pieces."""
    pieces = {m.blob for m in bundle.members if m.offset is not None and m.blob is not None}
    return {bundle.document.index.digest, *pieces}


def _unfinished(
    bundle: VerifiedBundle, gathering: Gathering, lost: list[VolumeAtHand]
) -> ChampError:
    """Why not everything came: a medium gone, damage, or volumes that are elsewhere."""
    if gathering.gone is not None:
        return gathering.gone
    absent = [volume for volume in lost if not (volume.copies or volume.displaced)]
    if len(absent) == len(lost) or not gathering.faults.found:
        return bundle.missing(lost)
    gathering.faults.absent(absent)
    elsewhere = {m.name for volume in absent if volume.index for m in volume.index.members}
    gone = len(gathering.wanted.keys() - elsewhere)
    return verdict(gathering.faults.found, gone, bundle.missing_of(absent))


def _result(bundle: VerifiedBundle, standing: Standing, *, changed: bool) -> Imported:
    missing, known = standing.missing, len(standing.blobs) - len(standing.missing)
    return Imported(
        bundle=bundle.document.name,
        version=bundle.document.version,
        new_blobs=len(missing),
        new_bytes=sum(missing.values()),
        known_blobs=known,
        changed=changed,
    )
