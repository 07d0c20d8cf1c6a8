"""Saved data of releases: which parts, with which digests, of which revision, and why (FORMAT.md).

Invariant: a backup is whole only after every part that its app declares ended well and is in the
store under its digest; one that is not whole is never restored. What rows of a whole or a running
backup name is held in the store.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import groupby

from champ_offline.catalog.data_parts import DataPart, parts_document, read_parts
from champ_offline.durable.database import Database
from champ_offline.errors import ChampError, ExitCode
from champ_offline.oci import media_types
from champ_offline.oci.descriptor import Descriptor
from champ_offline.oci.digest import Digest

_SCHEMA = (
    """
    CREATE TABLE backups (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        cluster TEXT NOT NULL,
        namespace TEXT NOT NULL,
        release TEXT NOT NULL,
        revision INTEGER NOT NULL,
        app TEXT NOT NULL,
        version TEXT NOT NULL,
        why TEXT NOT NULL CHECK (why IN ('asked', 'before-change')),
        declared TEXT NOT NULL,
        actor TEXT NOT NULL,
        began TEXT NOT NULL,
        ended TEXT NOT NULL DEFAULT '',
        state TEXT NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'whole', 'broken'))
    ) STRICT;
    CREATE TABLE backup_parts (
        backup INTEGER NOT NULL REFERENCES backups (number) ON DELETE CASCADE,
        name TEXT NOT NULL,
        digest TEXT NOT NULL,
        size INTEGER NOT NULL,
        PRIMARY KEY (backup, name)
    ) STRICT
    """,
)


class BackupUnknown(ChampError):
    """There is no backup of that number."""

    id = "data.backup-unknown"
    exit_code = ExitCode.NOT_FOUND
    message = "There is no backup {number}."
    remedy = "`champ data list` shows them."


class BackupOfAnother(BackupUnknown):
    """The backup of that number is of a release of another name."""

    id = "data.backup-of-another"
    message = "Backup {number} is not of the data of release {release}."
    remedy = "`champ data list {release}` shows those that are."


class BackupElsewhere(ChampError):
    """A backup of one release would be brought into another."""

    id = "data.backup-elsewhere"
    exit_code = ExitCode.PREFLIGHT
    message = "Backup {number} is of {whose} on the cluster {cluster}, and is restored there only."
    remedy = "Name that cluster and namespace: --cluster, --namespace."


class BackupNotWhole(ChampError):
    """A backup whose making did not come to its end would be used."""

    id = "data.backup-not-whole"
    exit_code = ExitCode.PREFLIGHT
    message = "Backup {number} of release {release} was never whole, so nothing is restored of it."
    remedy = "`champ data list {release}` shows which are whole."


class NothingSaved(ChampError):
    """A release would get data back that were never saved."""

    id = "data.nothing-saved"
    exit_code = ExitCode.NOT_FOUND
    message = "No whole backup of the data of release {release} at {version} is kept."
    remedy = "`champ data list {release}` shows what is; go back without data, or name a backup."


class State(StrEnum):
    """Whether it can be restored: RUNNING while it is made, BROKEN where that was not finished."""

    RUNNING = "running"
    WHOLE = "whole"
    BROKEN = "broken"


class Reason(StrEnum):
    """Why data was saved: somebody asked for it, or a change of the release was ahead."""

    ASKED = "asked"
    BEFORE_CHANGE = "before-change"


@dataclass(frozen=True)
class SavedPart:
    """What one part's command wrote: a blob of `size` bytes."""

    name: str
    digest: Digest
    size: int


@dataclass(frozen=True)
class Subject:
    """Whose data: a release on the cluster of that identity, as `revision` of ours has it."""

    cluster: str
    namespace: str
    release: str
    revision: int
    app: str
    version: str

    @property
    def place(self) -> tuple[str, str, str]:
        """What the release is known by."""
        return (self.cluster, self.namespace, self.release)

    @property
    def text(self) -> str:
        """The release, for people."""
        return "/".join(self.place)


@dataclass(frozen=True)
class Backup:
    """One backup; `declared` is how its version says it is saved and restored.

    `began` and `ended` are ISO 8601, `ended` empty while it is made.
    """

    number: int
    subject: Subject
    why: Reason
    actor: str
    began: str
    ended: str
    state: State
    declared: tuple[DataPart, ...] = field(repr=False)
    parts: tuple[SavedPart, ...] = ()

    @property
    def size(self) -> int:
        """Bytes of all parts."""
        return sum(part.size for part in self.parts)

    def elsewhere(self, cluster: str) -> BackupElsewhere:
        """That it is of another release; `cluster` is what people call its cluster."""
        whose = "/".join(self.subject.place[1:])
        return BackupElsewhere(number=self.number, whose=whose, cluster=cluster)

    def require_whole(self) -> None:
        """Raise BackupNotWhole unless it is."""
        if self.state is not State.WHOLE:
            raise BackupNotWhole(number=self.number, release=self.subject.release)

    @property
    def descriptors(self) -> tuple[Descriptor, ...]:
        """The blobs that it needs: those of one that is broken are not."""
        needed = () if self.state is State.BROKEN else self.parts
        return tuple(Descriptor(media_types.OCTETS, one.digest, one.size) for one in needed)

    @property
    def label(self) -> str:
        """For people: what a blob of it belongs to."""
        return f"{self.subject.namespace}/{self.subject.release} backup {self.number}"


class Backups:
    """Of one zone."""

    def __init__(self, database: Database) -> None:
        database.migrate("backups", _SCHEMA)
        self._database = database

    def begin(
        self,
        connection: sqlite3.Connection,
        subject: Subject,
        declared: tuple[DataPart, ...],
        why: Reason,
        actor: str,
        began: str,
    ) -> int:
        """A running backup without parts, in the caller's transaction; gives its number."""
        told = json.dumps(parts_document(declared), sort_keys=True)
        cursor = connection.execute(
            "INSERT INTO backups (cluster, namespace, release, revision, app, version, why,"
            " declared, actor, began) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (*subject.place, subject.revision, subject.app, subject.version, why.value, told,
             actor, began),
        )  # fmt: skip
        return int(cursor.lastrowid or 0)

    def keep(self, connection: sqlite3.Connection, number: int, part: SavedPart) -> None:
        """A part whose command ended well and whose blob is in the store."""
        row = (number, part.name, str(part.digest), part.size)
        connection.execute("INSERT OR REPLACE INTO backup_parts VALUES (?, ?, ?, ?)", row)

    def finish(self, connection: sqlite3.Connection, number: int, ended: str) -> State:
        """End a running backup: whole if every declared part is there, else broken."""
        row = connection.execute("SELECT declared FROM backups WHERE number = ?", (number,))
        declared = {one.name for one in read_parts(json.loads(row.fetchone()["declared"]))}
        kept = connection.execute("SELECT name FROM backup_parts WHERE backup = ?", (number,))
        whole = declared == {one["name"] for one in kept}
        state = State.WHOLE if whole else State.BROKEN
        connection.execute(
            "UPDATE backups SET state = ?, ended = ? WHERE number = ? AND state = 'running'",
            (state.value, ended, number),
        )
        return state

    def remove(self, connection: sqlite3.Connection, numbers: Iterable[int]) -> None:
        """Forget these; their blobs go with the next collection."""
        gone = [(number,) for number in numbers]
        connection.executemany("DELETE FROM backups WHERE number = ?", gone)

    def every(self) -> tuple[Backup, ...]:
        """All of them, oldest first."""
        parts: dict[int, list[SavedPart]] = {}
        for row in self._database.query("SELECT * FROM backup_parts ORDER BY backup, rowid"):
            part = SavedPart(row["name"], Digest.parse(row["digest"]), row["size"])
            parts.setdefault(row["backup"], []).append(part)
        rows = self._database.query("SELECT * FROM backups ORDER BY number")
        return tuple(_backup(row, tuple(parts.get(row["number"], ()))) for row in rows)

    def of(self, release: str, namespace: str | None = None) -> tuple[Backup, ...]:
        """Those of the releases of that name, oldest first."""
        return tuple(
            one
            for one in self.every()
            if one.subject.release == release and namespace in {None, one.subject.namespace}
        )

    def one(self, number: int, release: str = "") -> Backup:
        """One by its number, of that release where one is named; raises BackupUnknown."""
        for found in self.every():
            if found.number != number:
                continue
            if release not in {"", found.subject.release}:
                raise BackupOfAnother(number=number, release=release)
            return found
        raise BackupUnknown(number=number)

    def whole(self, place: tuple[str, str, str], version: str = "") -> tuple[Backup, ...]:
        """The whole ones of a release, at that version where one is named, oldest first."""
        return tuple(
            one
            for one in self.every()
            if one.subject.place == place
            and one.state is State.WHOLE
            and version in {"", one.subject.version}
        )

    def newest(self, place: tuple[str, str, str], version: str) -> Backup:
        """The newest whole one of a release at that version; raises NothingSaved."""
        found = self.whole(place, version)
        if not found:
            raise NothingSaved(release=place[2], version=version)
        return found[-1]

    def dispensable(
        self, keep: int, returnable: Collection[tuple[tuple[str, str, str], str]] = ()
    ) -> Iterator[Backup]:
        """What is broken, and of each release what is older than its newest `keep` whole ones.

        Never the newest one of a release and version that is `returnable`: attempts that failed
        leave backups too, and must not push out the way back.
        """
        held = {
            one.number for place, version in returnable for one in self.whole(place, version)[-1:]
        }
        ordered = sorted(self.every(), key=lambda one: (one.subject.place, one.number))
        for _, group in groupby(ordered, key=lambda one: one.subject.place):
            of_one = list(group)
            whole = [one for one in of_one if one.state is State.WHOLE]
            yield from (one for one in of_one if one.state is State.BROKEN)
            older = whole[: max(0, len(whole) - keep)]
            yield from (one for one in older if one.number not in held)


def _backup(row: sqlite3.Row, parts: tuple[SavedPart, ...]) -> Backup:
    about = ("cluster", "namespace", "release", "revision", "app", "version")
    return Backup(
        number=row["number"],
        subject=Subject(**{name: row[name] for name in about}),
        why=Reason(row["why"]),
        actor=row["actor"],
        began=row["began"],
        ended=row["ended"],
        state=State(row["state"]),
        declared=read_parts(json.loads(row["declared"])),
        parts=parts,
    )
