"""Reading every blob again: what rotted on the disk is found, and set aside before it is served.

Invariant: a blob is set aside only when two readings of the very file that is there now do not fit
its name. A check that was ended goes on where it was; it holds no lock while it reads. A disk that
takes nothing more, full or read-only, is read to its end all the same.
"""

from __future__ import annotations

import errno
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from champ_offline.durable.database import Database, DatabaseFull, DatabaseReadOnly
from champ_offline.durable.space import FULL
from champ_offline.events import FaultFound, Progress, StepFinished, StepStarted, Subscriber
from champ_offline.oci.digest import Digest
from champ_offline.store.blobs import BlobDamaged, BlobMissing, BlobStore, Examined
from champ_offline.store.verified import CheckRecord, Verified

_BATCH_BYTES = 256 * 1024 * 1024
_BATCH_BLOBS = 512


@dataclass(frozen=True)
class Pace:
    """At most `rate` bytes a second; `sleep` and `clock` as in `time`."""

    rate: int | None = None
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic

    def keeper(self) -> Callable[[int], None]:
        """To be told of bytes as they are read; it waits where they come too fast."""
        began, done = self.clock(), 0

        def keep(size: int) -> None:
            nonlocal done
            done += size
            if self.rate is not None:
                ahead = done / self.rate - (self.clock() - began)
                if ahead > 0:
                    self.sleep(ahead)

        return keep


class Scrub:
    """Checks of one store.

    Of the last `run`: `recorded` is False where the disk took nothing more at some time, so that
    the next check reads again what that one read; `left` are the damaged blobs that could not be
    set aside, and their sizes in bytes.
    """

    def __init__(self, database: Database, blobs: BlobStore, clock: Callable[[], datetime]) -> None:
        self._database, self._blobs, self._clock = database, blobs, clock
        self._verified = Verified(database)
        self.recorded, self.left = True, dict[Digest, int]()

    @property
    def under_way(self) -> bool:
        """Whether the last check did not come to its end."""
        return self._verified.open_check() is not None

    def run(self, notify: Subscriber, pace: Pace, *, anew: bool = False) -> CheckRecord:
        """Read what the last check did not come to, or everything `anew`; raises OSError.

        Damage is told as it is found, and the blob set aside where the disk lets it be.
        """
        self.recorded, self.left = True, {}
        check = (None if anew else self._verified.open_check()) or self._begin()
        waiting = [digest for digest in sorted(map(str, self._blobs)) if digest > check.last]
        sizes = self._sizes(map(Digest.parse_registered, waiting))
        total, keep, done = check.size + sum(sizes.values()), pace.keeper(), check.size
        notify(StepStarted("check"))

        def read(size: int) -> None:
            nonlocal done
            done += size
            notify(Progress("check", done, total))
            keep(size)

        for batch in _batches(sizes):
            found = {digest: self._examine(digest, read, notify) for digest in batch}
            check = self._keep(check, found)
        check = replace(check, ended=self._now())
        self._record(lambda connection: self._verified.keep_check(connection, check))
        notify(StepFinished("check"))
        return check

    def _begin(self) -> CheckRecord:
        """A check from the first blob on; one that nobody remembers where the disk is full."""
        check = CheckRecord(0, self._now(), "", 0, 0, "")

        def begin(connection: sqlite3.Connection) -> None:
            nonlocal check
            check = self._verified.begin_check(connection, check.begun)

        self._record(begin)
        return check

    def _record(self, write: Callable[[sqlite3.Connection], None]) -> None:
        """Write something down, unless the disk took nothing more before, or does not now."""
        if not self.recorded:
            return
        try:
            with self._database.transaction() as connection:
                write(connection)
        except (DatabaseFull, DatabaseReadOnly):
            self.recorded = False

    def _sizes(self, digests: Iterator[Digest]) -> dict[Digest, int]:
        found = {}
        for digest in digests:
            try:
                found[digest] = self._blobs.size(digest)
            except BlobMissing:
                continue  # collected meanwhile
        return found

    def _examine(
        self, digest: Digest, read: Callable[[int], None], notify: Subscriber
    ) -> Examined | None:
        """What the file is; None where it is gone. A damaged one is set aside at once, or left."""
        try:
            found = self._blobs.examine(digest, read)
        except BlobMissing:
            return None
        if not found.sound and self._set_aside(digest, found):
            where = str(self._blobs.path(digest))
            notify(FaultFound(BlobDamaged.id, where, str(digest), -1))
        return found

    def _set_aside(self, digest: Digest, found: Examined) -> bool:
        """False where another file has the name by now."""
        try:
            with self._database.hold():
                return self._blobs.set_aside(digest, found.stamp)
        except (DatabaseFull, DatabaseReadOnly):
            pass
        except OSError as error:
            if error.errno not in {*FULL, errno.EROFS}:
                raise
        if self._blobs.has(digest):
            self.left[digest] = found.stamp.size
        return True

    def _keep(self, check: CheckRecord, found: dict[Digest, Examined | None]) -> CheckRecord:
        """Remember how far it came, and the files that had no record or another one."""
        sound = {digest: one.stamp for digest, one in found.items() if one and one.sound}
        moved = {d: stamp for d, stamp in sound.items() if self._verified.of(d) != stamp}
        check = replace(
            check,
            last=str(list(found)[-1]),
            blobs=check.blobs + len(found),
            size=check.size + sum(one.stamp.size for one in found.values() if one),
        )

        def write(connection: sqlite3.Connection) -> None:
            self._verified.put(connection, moved, self._now())
            self._verified.keep_check(connection, check)

        self._record(write)
        return check

    def _now(self) -> str:
        return self._clock().isoformat(timespec="seconds")


def _batches(sizes: dict[Digest, int]) -> Iterator[Sequence[Digest]]:
    """In order, so that little is read twice when a check is ended."""
    batch: list[Digest] = []
    size = 0
    for digest, bytes_here in sizes.items():
        batch.append(digest)
        size += bytes_here
        if size >= _BATCH_BYTES or len(batch) >= _BATCH_BLOBS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
