"""The backups that a zone has, without any cluster: shown, read again, let go of.

Invariant: what an operation that has not ended may still need is not let go of.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from champ_offline.durable.database import Database
from champ_offline.durable.lock import FileLock
from champ_offline.errors import ChampError, ExitCode
from champ_offline.events import Progress, Subscriber
from champ_offline.journal.acts import Act, done
from champ_offline.journal.audit import Audit
from champ_offline.journal.journal import Journal
from champ_offline.release.data.backups import Backup, Backups, State
from champ_offline.release.data.keeper import sound
from champ_offline.store.blobs import BlobStore

VERIFY = "verify-data"


class BackupNeeded(ChampError):
    """A backup is wanted away that something which is not ended may still need."""

    id = "data.backup-needed"
    exit_code = ExitCode.PREFLIGHT
    message = (
        "Backup {number} of release {release} may still be needed: a change is not at its end."
    )
    remedy = "Run `champ recover`, then repeat."


@dataclass(frozen=True)
class Read:
    """A whole backup that was read: the parts that are gone or not what was saved."""

    number: int
    release: str
    namespace: str
    size: int
    damaged: tuple[str, ...]

    @property
    def sound(self) -> bool:
        """Whether all of it can be restored."""
        return not self.damaged


class Shelf:
    """Of one zone, whose lock is at `lock`."""

    def __init__(
        self, database: Database, blobs: BlobStore, lock: Path, clock: Callable[[], datetime]
    ) -> None:
        self._database, self._blobs, self._lock = database, blobs, lock
        self._backups, self._audit = Backups(database), Audit(database, clock)
        self._journal = Journal(database, clock)

    def listed(self, release: str | None, namespace: str | None) -> tuple[Backup, ...]:
        """Those of a release or a namespace, else all, oldest first."""
        return tuple(
            one
            for one in self._backups.every()
            if release in {None, one.subject.release} and namespace in {None, one.subject.namespace}
        )

    def one(self, number: int) -> Backup:
        """One of them; raises BackupUnknown."""
        return self._backups.one(number)

    def verify(self, number: int | None, notify: Subscriber) -> tuple[Read, ...]:
        """Read every byte of a backup, or of all that are whole; raises BackupUnknown."""
        wanted = self._backups.every() if number is None else (self._backups.one(number),)
        if number is not None:
            wanted[0].require_whole()
        whole = [one for one in wanted if one.state is State.WHOLE]
        total, before = sum(one.size for one in whole), 0
        found = []
        for one in whole:
            damaged = []
            for part in one.parts:
                damaged += [] if sound(self._blobs, part.digest) else [part.name]
                before += part.size
                notify(Progress(VERIFY, before, total, subject=part.name))
            subject = one.subject
            about = (one.number, subject.release, subject.namespace, one.size)
            found.append(Read(*about, tuple(damaged)))
        return tuple(found)

    def remove(self, number: int) -> Backup:
        """Forget a backup: its content goes with the next collection.

        Raises BackupUnknown, BackupNeeded, Locked.
        """
        with FileLock(self._lock):
            found = self._backups.one(number)
            if found.subject.text in {one.subject for one in self._journal.under_way()}:
                raise BackupNeeded(number=number, release=found.subject.release)
            with self._database.transaction() as connection:
                self._backups.remove(connection, [number])
                told = done(Act.DATA_REMOVE, found.subject.text, backup=number, bytes=found.size)
                self._audit.append(connection, told)
        return found
