"""The verbs that keep one zone sound and small: check, collect, retire, back up.

Composition: it joins what the store knows with bundles, releases and operations. A collection and a
retirement are values that are looked at first; carrying them out looks again.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from champ_offline.bundle.held import KnownBundle
from champ_offline.bundle.intake import Intake
from champ_offline.bundle.retire import (
    NewestBundle,
    Retirement,
    choose,
    is_newest,
    refuse_needed,
)
from champ_offline.durable.database import Database, DatabaseFull, DatabaseReadOnly
from champ_offline.durable.lock import FileLock
from champ_offline.durable.reserve import Reserve
from champ_offline.errors import ChampError, ExitCode
from champ_offline.events import Event, FaultFound, Subscriber
from champ_offline.findings import Finding, State
from champ_offline.journal.acts import Act, done
from champ_offline.journal.audit import Audit
from champ_offline.journal.journal import Journal
from champ_offline.oci import media_types
from champ_offline.oci.digest import Digest
from champ_offline.paths import ZonePaths
from champ_offline.registry.limits import Limits
from champ_offline.release.records.history import History
from champ_offline.release.records.recorded import recorded
from champ_offline.release.records.vault import Vault, VaultMissing
from champ_offline.store.blobs import BlobDamaged, BlobMissing, BlobStore
from champ_offline.store.collect import CollectionPlan, Present, Unused, plan_collection
from champ_offline.store.links import Link, Links
from champ_offline.store.mark import StoreGone
from champ_offline.store.needs import UNUSED_AFTER, Needs, Root, Why
from champ_offline.store.reach import Reach
from champ_offline.store.readings import Readings
from champ_offline.store.refs import Refs
from champ_offline.store.scrub import Pace, Scrub
from champ_offline.store.sweep import Collected, Sweep
from champ_offline.store.uploads import Uploads
from champ_offline.store.verified import Verified
from champ_offline.store.waiting import WaitingRoom
from champ_offline.upkeep.backup import BackedUp, back_up
from champ_offline.upkeep.content import Content
from champ_offline.upkeep.examine import examine_checks, examine_content, examine_strangers
from champ_offline.upkeep.owners import Damaged, Owners
from champ_offline.upkeep.records import Records

_MOST_NAMED = 20
# What a look at the zone may read, in bytes: some seconds of a slow disk.
_MOST_READ = 256 * 1024 * 1024


class CollectionElsewhere(ChampError):
    """A plan of one zone would be carried out in another."""

    id = "collect.other-zone"
    exit_code = ExitCode.USAGE
    message = "The plan is for zone {planned}; this is zone {zone}."
    remedy = "Plan again in this zone."


@dataclass(frozen=True)
class Checked:
    """A full check: when it began and ended, blobs and bytes read, what is damaged or gone.

    `resumed`: it went on where an earlier one had been ended. `recorded` is False where the disk
    took nothing more, so that the next check reads all of it again; `left` are the damaged blobs
    that are where they were, as the disk did not let them be set aside.
    """

    begun: str
    ended: str
    blobs: int
    size: int
    resumed: bool
    damaged: tuple[Damaged, ...]
    recorded: bool = True
    left: tuple[Digest, ...] = ()


class _Aside:
    """Hears a check on its way to `notify`, and keeps which blobs it set aside."""

    def __init__(self, notify: Subscriber) -> None:
        self._notify = notify
        self.digests: set[str] = set()

    def hear(self, event: Event) -> None:
        if isinstance(event, FaultFound) and event.fault == BlobDamaged.id:
            self.digests.add(event.blob)
        self._notify(event)


class Upkeep:
    """Of the zone called `zone`."""

    def __init__(
        self,
        zone: str,
        paths: ZonePaths,
        database: Database,
        blobs: BlobStore,
        refs: Refs,
        intake: Intake,
        clock: Callable[[], datetime],
    ) -> None:
        self._zone, self._paths, self._database = zone, paths, database
        self._blobs, self._refs, self._intake, self._clock = blobs, refs, intake, clock
        self._links, self._reach = Links(database), Reach(blobs)
        self._needs = Needs(refs, self._links, self._reach)
        self._readings = Readings(database, paths.readings)
        self._history = History(database)
        self._vault = Vault(database, secrets.token_urlsafe)
        self._journal = Journal(database, clock)
        self._audit, self._reserve = Audit(database, clock), Reserve(paths.reserve)
        kept = (self._history, self._vault, self._audit)
        self.records = Records(zone, database, *kept, clock)
        saved = self.records.saved_content
        self._content = Content(refs, self._links, blobs, Verified(database), saved)

    def check(self, notify: Subscriber, pace: Pace, *, anew: bool = False) -> Checked:
        """Read every blob and hash it; what is damaged is set aside and told with its owners.

        A check that was ended goes on where it was, unless `anew`. Imports, pulls and pushes go on
        meanwhile. A full or read-only disk is read all the same, and nothing recorded.
        Raises OSError where the disk does not give the bytes.
        """
        scrub = Scrub(self._database, self._blobs, self._clock)
        resumed = not anew and scrub.under_way
        aside = _Aside(notify)
        try:
            record = scrub.run(aside.hear, pace, anew=anew)
        finally:
            recorded = self._tell_of(aside.digests - set(map(str, scrub.left))) and scrub.recorded
        return Checked(
            begun=record.begun,
            ended=record.ended,
            blobs=record.blobs,
            size=record.size,
            resumed=resumed,
            damaged=self._owned(self._content.wrong() | scrub.left),
            recorded=recorded,
            left=tuple(sorted(scrub.left)),
        )

    def _tell_of(self, aside: set[str]) -> bool:
        """Record what a check set aside, also one that came to no end; False on a full disk."""
        if aside:
            named = sorted(aside)[:_MOST_NAMED]
            told = done(Act.CHECK, self._zone, set_aside=len(aside), digests=named)
            try:
                self._audit.record(told)
            except (DatabaseFull, DatabaseReadOnly):
                return False
        return True

    def damaged(self) -> tuple[Damaged, ...]:
        """What was set aside and not given back, and what names lead to and is not here whole."""
        return self._owned(self._content.wrong())

    def examine(self) -> Iterator[Finding]:
        """What stands in the way of giving content out, and when all of it was last read.

        Of files that changed since they were hashed, some are read; nothing is set aside.
        """
        try:
            self._blobs.require()
            wrong = self._content.wrong()
            altered, unread = self._content.altered(_MOST_READ)
            strangers = self._blobs.strangers()
        except StoreGone as error:
            yield Finding("store", State.BAD, error)
            return
        yield from examine_content(self._owned(wrong | altered), unread)
        yield from examine_strangers(strangers)
        yield examine_checks(Verified(self._database), self._clock())

    def _owned(self, wrong: dict[Digest, int]) -> tuple[Damaged, ...]:
        bundles = {str(b.digest): _label(b) for b in self._intake.bundles()}
        saved = self.records.saved()
        owners = Owners(self._refs, self._links, self._blobs, bundles, saved)
        return tuple(owners.of(wrong))

    def back_up(self, path: Path) -> BackedUp:
        """Copy the zone's database to `path`, as `backup.back_up`; all goes on meanwhile."""
        return back_up(self._zone, self._database, self._audit, path)

    def collection(self) -> CollectionPlan:
        """What a collection would do now; nothing is changed. Raises ManifestUnreadable."""
        needed = self._needed()
        sizes: dict[Digest, int] = {}
        for digest in self._blobs:
            try:
                sizes[digest] = self._blobs.size(digest)
            except BlobMissing:
                continue  # set aside a moment ago
        waiting, uploads = WaitingRoom(self._paths.waiting), _sizes(self._paths.uploads)
        present = Present(
            blobs=sizes,
            aside=self._blobs.aside(),
            partials=self._blobs.partials(),
            waiting=(waiting.count, waiting.size),
            uploads=(len(uploads), sum(uploads)),
            idle=self._uploads().idle(self._idle()) if uploads else (0, 0),
        )
        unused = [Unused(link.name, link.descriptor.digest) for link in self._unused()]
        readings = self._readings.under_way()
        gone = self.records.dispensable()
        left = (unused, readings, gone, self.records.unkept())
        return plan_collection(self._zone, present, needed, self._was(), *left)

    def collect(self, plan: CollectionPlan, notify: Subscriber) -> Collected:
        """Carry out that plan; what came to be needed meanwhile stays.

        Works on a full disk. Raises CollectionElsewhere, ManifestUnreadable, Locked.
        """
        if plan.zone != self._zone:
            raise CollectionElsewhere(planned=plan.zone, zone=self._zone)
        with FileLock(self._paths.lock):
            sweep = Sweep(
                self._database,
                self._blobs,
                self._needed,
                notify,
                self._unused,
                self._give_up,
                self._reserve.spend,
            )
            self._with_room(lambda: self.records.let_go({one.digest for one in plan.going}))
            collected = sweep.run(plan)
            # Not before: there may have been no room for a row until something went.
            if plan.records:
                collected = replace(collected, records=self._forget(plan))
            if collected.blobs or collected.unlinked or collected.records:
                told = {"blobs": collected.blobs, "bytes": collected.size}
                told |= {"records": collected.records} if collected.records else {}
                self._audit.record(done(Act.COLLECT, self._zone, **told))
                self._readings.forget()
            self._reserve.keep()
            return collected

    def _forget(self, plan: CollectionPlan) -> int:
        records = [one.digest for one in plan.records]
        return self._with_room(lambda: self.records.forget(records))

    def _with_room(self, write: Callable[[], int]) -> int:
        try:
            return write()
        except DatabaseFull:
            if not self._reserve.spend():
                raise
            return write()

    def _needed(self) -> dict[Digest, Why]:
        """What a collection leaves where it is."""
        read = (digest for one in self._readings.under_way() for digest in one.content)
        return self._needs.of(self._roots(), self._long_ago(), read)

    def _unused(self) -> list[Link]:
        return self._needs.unused(self._long_ago())

    def _long_ago(self) -> str:
        return (self._clock() - UNUSED_AFTER).isoformat(timespec="seconds")

    def _uploads(self) -> Uploads:
        return Uploads(self._database, self._paths.uploads)

    def _idle(self) -> str:
        """Uploads that were written to last before then are as good as ended."""
        return (self._clock() - timedelta(seconds=Limits.idle)).isoformat(timespec="seconds")

    def _give_up(self) -> tuple[int, int]:
        """End the idle uploads that nobody writes to; says how many, and their bytes."""
        uploads, before = self._uploads(), self._idle()
        _, size = uploads.idle(before)
        return uploads.expire(before), size - uploads.idle(before)[1]

    def retirement(self, name: str, version: str) -> Retirement:
        """What letting go of a bundle would mean; raises BundleUnknown, BundleNeeded."""
        bundles = self._intake.bundles()
        bundle = choose(bundles, name, version)
        lost = self._lost(bundle)
        refuse_needed(bundle, lost, {root.digest: root.who for root in self._roots()})
        gone = self._freed(bundle)
        return Retirement(
            bundle=name,
            version=version,
            digest=bundle.digest,
            imported=bundle.imported,
            newest=is_newest(bundles, bundle),
            blobs=len(gone),
            size=sum(gone.values()),
        )

    def retire(self, retirement: Retirement) -> Retirement:
        """Let go of that bundle: its names go, its content with the next collection.

        Raises BundleUnknown, BundleNeeded, ManifestUnreadable; NewestBundle where it has become the
        newest of its name since.
        """
        with FileLock(self._paths.lock):
            again = self.retirement(retirement.bundle, retirement.version)
            if again.newest and not retirement.newest:
                raise NewestBundle(bundle=again.bundle, version=again.version)
            with self._database.transaction() as connection:
                self._intake.retire(connection, again.digest, self._now())
                self._refs.drop_referrers(connection, self._needs.of(self._roots()))
                told = {"version": again.version, "digest": str(again.digest)}
                self._audit.append(connection, done(Act.RETIRE, again.bundle, **told))
        return again

    def _freed(self, bundle: KnownBundle) -> dict[Digest, int]:
        """What would be needed no more without the bundle, and its bytes."""
        before = self._needs.of(self._roots())
        after = before
        with self._database.rehearsal() as connection:
            self._intake.retire(connection, bundle.digest, self._now())
            after = self._needs.of(self._roots())
        gone = (digest for digest in before.keys() - after.keys() if self._blobs.has(digest))
        return {digest: self._blobs.size(digest) for digest in gone}

    def _lost(self, bundle: KnownBundle) -> dict[Digest, str]:
        """The content that would lose its only name, and that name."""
        found: dict[Digest, str] = {}
        for one in self._refs.brought.alone(str(bundle.digest)):
            for below in self._reach.below([one.descriptor]):
                found.setdefault(below.digest, one.label)
        return found

    def _roots(self) -> Iterator[Root]:
        """What is needed besides names and pushes."""
        for revision in self.records.returnable():
            who = f"{revision.namespace}/{revision.release} revision {revision.number}"
            yield from self._images(Why.REVISION, revision.plan, who)
        for digest, labels in self.records.saved().items():
            yield Root(Why.BACKUP, digest, ", ".join(labels), media_types.OCTETS)
        for record in self._journal.under_way():
            if "plan" in record.intent:
                plan = Digest.parse(record.intent["plan"])
                yield from self._images(Why.OPERATION, plan, f"{record.kind} {record.subject}")

    def _images(self, why: Why, kept: Digest, who: str) -> Iterator[Root]:
        try:
            plan = recorded(self._vault.get(kept))
        except VaultMissing:
            return  # nobody can return to it
        yield from (Root(why, image.digest, who) for image in plan.images)

    def _was(self) -> dict[Digest, set[str]]:
        """The names that retired bundles had given content."""
        found: dict[Digest, set[str]] = {}
        for one in self._refs.brought.all():
            if one.retired:
                for below in self._reach.below([one.descriptor], whole=False):
                    found.setdefault(below.digest, set()).add(one.label)
        return found

    def _now(self) -> str:
        return self._clock().isoformat(timespec="seconds")


def _sizes(folder: Path) -> list[int]:
    """The sizes of the files in a folder that need not be there."""
    paths = folder.iterdir() if folder.is_dir() else ()
    found = []
    for path in paths:
        with suppress(FileNotFoundError):
            found.append(path.stat().st_size)
    return found


def _label(bundle: KnownBundle) -> str:
    return f"{bundle.document.name} {bundle.document.version}"
