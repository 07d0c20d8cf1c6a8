"""Carrying out a collection: exactly what was planned, less what came to be needed meanwhile.

Invariant: a blob is unlinked only inside a transaction begun IMMEDIATE that looked again and found
nothing leading to it, so it cannot be one that somebody was just promised. Files go before anything
is written, so a full disk is no hindrance; what the database still says of them goes last, and a
kill in between leaves rows that count for nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

from champ_offline.durable.database import Database
from champ_offline.events import Progress, StepFinished, StepStarted, Subscriber
from champ_offline.oci.digest import Digest
from champ_offline.store.blobs import BlobStore
from champ_offline.store.collect import Cause, CollectionPlan, Going
from champ_offline.store.verified import Verified

_BATCH = 64


@dataclass(frozen=True)
class Collected:
    """What a collection did: files and bytes that went; what stayed, as it is needed again."""

    zone: str
    blobs: int
    size: int
    needed_again: tuple[Digest, ...]


class Sweep:
    """One zone's collection. The caller holds the zone's lock, which keeps imports out."""

    def __init__(
        self,
        database: Database,
        blobs: BlobStore,
        needed: Callable[[], Collection[Digest]],
        notify: Subscriber,
    ) -> None:
        self._database, self._blobs, self._notify = database, blobs, notify
        self._look, self._needed = needed, frozenset[Digest]()
        self._changes: object = None
        self._files = self._size = 0

    def run(self, plan: CollectionPlan) -> Collected:
        """Let go of what the plan names; raises what looking raises, before anything went."""
        self._notify(StepStarted("collect", plan.zone))
        stayed: list[Digest] = []
        for batch in _batches(plan.going):
            with self._database.hold():
                stayed += self._remove(batch)
            self._notify(Progress("collect", self._size, plan.size, subject=plan.zone))
        if plan.partials[0]:
            with self._database.hold():
                self._files += self._blobs.remove_partials()
                self._size += plan.partials[1]
        self._forget()
        self._notify(StepFinished("collect", plan.zone))
        return Collected(plan.zone, self._files, self._size, tuple(stayed))

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


def _batches(going: Sequence[Going]) -> Iterator[Sequence[Going]]:
    for at in range(0, len(going), _BATCH):
        yield going[at : at + _BATCH]
