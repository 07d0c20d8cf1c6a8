"""Carrying out a collection: exactly what was planned, less what came to be needed meanwhile.

Invariant: a blob is unlinked only inside a transaction begun IMMEDIATE that looked again and found
nothing leading to it, so it cannot be one that somebody was just promised. Files go before anything
is written, so a full disk is no hindrance; what the database still says of them goes last, and a
kill in between leaves rows that count for nothing. Only a link goes before its bytes do: no row
ever promises a blob that is gone. Where there is no room for that row either, what was kept for it
is given back to the disk first (`durable.reserve`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

from champ_offline.durable.database import Database, DatabaseFull
from champ_offline.events import Progress, StepFinished, StepStarted, Subscriber
from champ_offline.oci.digest import Digest
from champ_offline.store.blobs import BlobStore
from champ_offline.store.collect import Cause, CollectionPlan, Going
from champ_offline.store.links import Kind, Link, Links
from champ_offline.store.verified import Verified

_BATCH = 64


@dataclass(frozen=True)
class Collected:
    """What a collection did: files and bytes that went; what stayed, as it is needed again.

    `unlinked` is how many blobs went from repositories that had no image with them, `records` how
    many contents the database let go of.
    """

    zone: str
    blobs: int
    size: int
    needed_again: tuple[Digest, ...]
    unlinked: int = 0
    records: int = 0


class Sweep:
    """One zone's collection. The caller holds the zone's lock, which keeps imports out.

    `needed` and `unused` look again; `give_up` ends idle uploads, says how many and their bytes;
    `room` makes some on a disk that has none, and says whether it did.
    """

    def __init__(
        self,
        database: Database,
        blobs: BlobStore,
        needed: Callable[[], Collection[Digest]],
        notify: Subscriber,
        unused: Callable[[], Collection[Link]] = tuple,
        give_up: Callable[[], tuple[int, int]] = lambda: (0, 0),
        room: Callable[[], bool] = lambda: False,
    ) -> None:
        self._unused, self._give_up, self._room = unused, give_up, room
        self._database, self._blobs, self._notify = database, blobs, notify
        self._look, self._needed = needed, frozenset[Digest]()
        self._changes: object = None
        self._files = self._size = 0

    def run(self, plan: CollectionPlan) -> Collected:
        """Let go of what the plan names; raises what looking raises, before anything went."""
        self._notify(StepStarted("collect", plan.zone))
        stayed = self._sweep(plan, [one for one in plan.going if one.why is not Cause.UNUSED])
        if plan.partials[0]:
            with self._database.hold():
                self._files += self._blobs.remove_partials()
                self._size += plan.partials[1]
        if plan.uploads[0]:
            ended, size = self._give_up()
            self._files, self._size = self._files + ended, self._size + size
        unlinked = 0
        for some in _few_first(plan):
            unlinked += self._unlink(plan, some)
            stayed += self._sweep(plan, [one for one in plan.going if one.digest in some])
        self._forget()
        self._notify(StepFinished("collect", plan.zone))
        return Collected(plan.zone, self._files, self._size, tuple(stayed), unlinked)

    def _sweep(self, plan: CollectionPlan, going: Sequence[Going]) -> list[Digest]:
        """Remove files; gives what stayed."""
        stayed: list[Digest] = []
        for batch in _batches(going):
            with self._database.hold():
                stayed += self._remove(batch)
            self._notify(Progress("collect", self._size, plan.size, subject=plan.zone))
        return stayed

    def _unlink(self, plan: CollectionPlan, some: Collection[Digest]) -> int:
        """Let repositories go of what no manifest of theirs leads to yet; says of how many."""
        try:
            return self._unlinked(plan, some)
        except DatabaseFull:
            if not self._room():
                raise
            return self._unlinked(plan, some)

    def _unlinked(self, plan: CollectionPlan, some: Collection[Digest]) -> int:
        links = Links(self._database)
        with self._database.transaction() as connection:
            still = {(link.name, link.descriptor.digest) for link in self._unused()}
            return sum(
                links.remove(connection, one.name, Kind.BLOB, one.digest)
                for one in plan.unused
                if one.digest in some and (one.name, one.digest) in still
            )

    def _remove(self, batch: Sequence[Going]) -> Iterator[Digest]:
        """Unlink what is still not needed; gives what is."""
        if (changes := self._database.changes()) != self._changes:
            self._needed, self._changes = frozenset(self._look()), changes
        for one in batch:
            if one.why is Cause.DAMAGED:
                self._blobs.forget_aside(one.digest)
            elif one.digest in self._needed:
                yield one.digest
                continue
            else:
                self._blobs.remove(one.digest)
            self._files += 1
            self._size += one.size

    def _forget(self) -> None:
        """Let go of the records of blobs that are not here."""
        verified = Verified(self._database)
        gone = [digest for digest in verified if not self._blobs.has(digest)]
        if gone:
            with self._database.transaction() as connection:
                verified.forget(connection, gone)


def _few_first(plan: CollectionPlan) -> Iterator[Collection[Digest]]:
    """The unused blobs in two parts: the bytes of the first make room for the rows of the rest."""
    going = [one.digest for one in plan.going if one.why is Cause.UNUSED]
    every = list(dict.fromkeys([*going, *(one.digest for one in plan.unused)]))
    yield from (frozenset(part) for part in (every[:_BATCH], every[_BATCH:]) if part)


def _batches(going: Sequence[Going]) -> Iterator[Sequence[Going]]:
    for at in range(0, len(going), _BATCH):
        yield going[at : at + _BATCH]
