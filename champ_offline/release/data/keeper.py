"""Save a release's data into the store, and bring it back: part by part, through its own commands.

Invariant: a backup is called whole in the transaction in which its last part is there, and a part
is there once its command ended with code 0 and its blob is durable. Before the first byte is
brought back every blob was read and is sound; what must stand still then stands still until all
parts are back. Whatever is cut off may be done again from its beginning.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from champ_offline.catalog.data_parts import Command, DataPart, Workload
from champ_offline.cluster.interface import Cluster
from champ_offline.durable.database import Database
from champ_offline.errors import Bytes, ChampError, ExitCode, system_said
from champ_offline.events import Progress, StepFinished, StepStarted, Subscriber
from champ_offline.journal.journal import Step as Row
from champ_offline.oci.digest import Digest
from champ_offline.release.data.backups import Backup, Backups, Reason, SavedPart, State, Subject
from champ_offline.release.data.hands import Hands
from champ_offline.release.objects import Item
from champ_offline.store.blobs import BlobMissing, BlobStore
from champ_offline.store.verified import Verified

SAVE, RESTORE = "save-data", "restore-data"
_PIECE = 1024 * 1024


class DataNotKept(ChampError):
    """The zone's disk does not take what a command wrote."""

    id = "data.not-kept"
    exit_code = ExitCode.PREFLIGHT
    message = "The data of {release} could not be kept in the zone's store: {reason}."
    remedy = "See `champ doctor`; make room with `champ store gc` or keep fewer backups."


class NoRoomForData(ChampError):
    """The last backup of a release would not fit a second time."""

    id = "data.no-room"
    exit_code = ExitCode.PREFLIGHT
    message = "The data of {release} had {size} when it was last saved; {free} are free."
    remedy = (
        "Make room: `champ data remove`, `champ store gc --apply`; or keep fewer of each release,"
        " `champ zone retention --backups N`."
    )


class BackupDamaged(ChampError):
    """A blob of a backup is gone or is not what was saved."""

    id = "data.backup-damaged"
    exit_code = ExitCode.CORRUPT
    message = "Backup {number} of {release} is damaged: “{part}” ({digest}). Nothing was changed."
    remedy = "`champ data verify` tells which backups are sound; restore one of these."


@dataclass(frozen=True)
class Tools:
    """What saving and restoring need of one zone; `free` gives the bytes that its disk has left.

    `pause`, `patience`, `silence` are seconds: between looks at workloads, until one is given up,
    and until a command that neither reads nor writes is (a database builds its indexes silently).
    """

    cluster: Cluster
    blobs: BlobStore
    database: Database
    now: Callable[[], datetime]
    free: Callable[[], int]
    pause: float = 2.0
    patience: float = 300.0
    silence: float = 3600.0

    @property
    def backups(self) -> Backups:
        """The zone's backups."""
        return Backups(self.database)

    def hands(self, subject: Subject, manifests: Sequence[Item]) -> Hands:
        """On the workloads that these manifests make."""
        where = (subject.namespace, subject.release)
        return Hands(self.cluster, *where, manifests, self.pause, self.patience)


@dataclass(frozen=True)
class Order:
    """What to save, for whom and why."""

    subject: Subject
    declared: tuple[DataPart, ...]
    why: Reason
    actor: str


def touched(commands: Iterable[Command], hands: Hands) -> tuple[Workload, ...]:
    """The workloads that these commands stop or, as they are kept at no replica, start."""
    found: dict[Workload, None] = {}
    for command in commands:
        found |= dict.fromkeys(command.still)
        if hands.idle(command.workload):
            found[command.workload] = None
    return tuple(found)


def sound(blobs: BlobStore, digest: Digest) -> bool:
    """Whether all bytes of a blob are there and are what they were."""
    try:
        return blobs.examine(digest).sound
    except (BlobMissing, OSError):
        return False


class Keeper:
    """Saves and restores; `notify` hears how it goes."""

    def __init__(self, tools: Tools, notify: Subscriber) -> None:
        self._tools, self._notify = tools, notify
        self._backups = tools.backups

    def save(self, order: Order, hands: Hands, row: Row) -> Backup:
        """Save every part; the row tells the backup's number before anything is done.

        Raises WorkloadUnknown and NoRoomForData before; else it is as `wake` and `give_up` find it.
        """
        commands = [part.save for part in order.declared]
        hands.check(one for c in commands for one in (c.workload, *c.still))
        self._refuse_full(order.subject)
        with self._tools.database.transaction() as connection:
            began = self._tools.now().isoformat()
            about = (order.subject, order.declared, order.why, order.actor)
            number = self._backups.begin(connection, *about, began)
            row.note_in(connection, {"backup": number})
        hands.stop([one for command in commands for one in command.still])
        for command in commands:
            if hands.idle(command.workload):
                hands.start(command.workload)
        before = {part.name: part.size for one in self._last(order.subject) for part in one.parts}
        for part in order.declared:
            self._save(part, number, hands, before.get(part.name, 0))
        self.wake(commands, hands)
        self.give_up(number)
        return self._backups.one(number)

    def give_up(self, number: int) -> State:
        """End a backup: whole if it has all its parts, broken otherwise."""
        with self._tools.database.transaction() as connection:
            return self._backups.finish(connection, number, self._tools.now().isoformat())

    def wake(self, commands: Sequence[Command], hands: Hands, *, wait: bool = False) -> None:
        """Let run again what stood still, and end what was started: all as the manifests say.

        With `wait` until it is ready; raises WorkloadNotReady.
        """
        workloads = touched(commands, hands)
        hands.as_sealed(workloads)
        if wait:
            hands.wait(workloads)

    def check(self, backup: Backup) -> None:
        """Read all of it; raises BackupNotWhole, BackupDamaged."""
        backup.require_whole()
        for part in backup.parts:
            if not sound(self._tools.blobs, part.digest):
                raise BackupDamaged(
                    number=backup.number,
                    release=backup.subject.release,
                    part=part.name,
                    digest=part.digest,
                )

    def restore(self, backup: Backup, hands: Hands) -> None:
        """Bring it back; what stands still stays so until `wake`. The caller checked it.

        What commands run in is there as the manifests have it. Raises what these commands end with:
        data is then half there.
        """
        commands = [part.restore for part in backup.declared]
        hands.stop([one for command in commands for one in command.still])
        for workload in dict.fromkeys(command.workload for command in commands):
            hands.start(workload)
        digests = {part.name: part for part in backup.parts}
        for part in backup.declared:
            self._restore(part, digests[part.name], hands)

    def _save(self, part: DataPart, number: int, hands: Hands, expected: int) -> None:
        began = self._tools.now()
        self._notify(StepStarted(SAVE, part.name))
        command, size = part.save, 0
        pod = hands.pod(command.workload)
        place = (hands.namespace, pod, command.container, command.argv)
        try:
            with (
                self._tools.blobs.writer(private=True) as writer,
                self._tools.cluster.run_in(*place, silence=self._tools.silence) as running,
            ):
                for piece in running:
                    writer.write(piece)
                    size += len(piece)
                    told = max(size, expected)
                    self._notify(Progress(SAVE, size, told, subject=part.name))
                # Only now: the iterator ends without an error where the command ended with 0.
                digest = writer.commit()
        except OSError as error:
            reason = system_said(error)
            raise DataNotKept(release=hands.release, reason=reason) from error
        self._keep(number, SavedPart(part.name, digest, size))
        self._notify(StepFinished(SAVE, part.name, self._since(began)))

    def _keep(self, number: int, part: SavedPart) -> None:
        stamps = {part.digest: self._tools.blobs.stamp(part.digest)}
        verified, now = Verified(self._tools.database), self._tools.now()
        with self._tools.database.transaction() as connection:
            self._backups.keep(connection, number, part)
            verified.put(connection, stamps, now.isoformat(timespec="seconds"))

    def _restore(self, part: DataPart, saved: SavedPart, hands: Hands) -> None:
        began = self._tools.now()
        self._notify(StepStarted(RESTORE, part.name))
        command = part.restore
        pod = hands.pod(command.workload)
        place = (hands.namespace, pod, command.container, command.argv)
        pieces = self._pieces(saved.digest, saved.size, part.name)
        silence = self._tools.silence
        with self._tools.cluster.run_in(*place, stdin=pieces, silence=silence) as running:
            running.wait()
        self._notify(StepFinished(RESTORE, part.name, self._since(began)))

    def _pieces(self, digest: Digest, size: int, name: str) -> Iterator[bytes]:
        done = 0
        with self._tools.blobs.open(digest) as file:
            while piece := file.read(_PIECE):
                yield piece
                done += len(piece)
                self._notify(Progress(RESTORE, done, size, subject=name))

    def _refuse_full(self, subject: Subject) -> None:
        free = self._tools.free()
        for last in self._last(subject):
            if last.size > free:
                size, left = Bytes(last.size), Bytes(free)
                raise NoRoomForData(release=subject.release, size=size, free=left)

    def _last(self, subject: Subject) -> tuple[Backup, ...]:
        return self._backups.whole(subject.place)[-1:]

    def _since(self, began: datetime) -> float:
        return (self._tools.now() - began).total_seconds()
