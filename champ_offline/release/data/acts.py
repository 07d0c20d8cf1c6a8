"""Saving and restoring as operations of their own: journal, audit chain, and their recoveries.

Invariant: the intent is committed before anything is done and each step before it is. Data that was
begun to be brought back is brought back whole, that or what was there before, before anything that
stood still runs again; where neither can be done it goes on standing still, and the operation stays
open.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from champ_offline.catalog.data_parts import DataPart
from champ_offline.errors import ChampError, ExitCode, Phrase
from champ_offline.events import Subscriber, ignore
from champ_offline.helm.engine import HelmEngine
from champ_offline.journal.acts import Act
from champ_offline.journal.audit import Audit, Entry
from champ_offline.journal.journal import FAILED, RECOVERED, Journal, Record, Recovered
from champ_offline.journal.journal import Operation as Open
from champ_offline.journal.process import current_user
from champ_offline.oci.digest import Digest
from champ_offline.release.data.backups import Backup, NothingSaved, Reason, Subject
from champ_offline.release.data.hands import Hands, sealed_items
from champ_offline.release.data.keeper import Keeper, Order, Tools
from champ_offline.release.data.rows import Rows
from champ_offline.release.masks import Mask
from champ_offline.release.records.chronicle import DataDeed
from champ_offline.release.records.history import History, Outcome, Revision
from champ_offline.release.records.vault import Vault

SAVE_KIND, RESTORE_KIND = "data.save", "data.restore"
_OPERATIONS = {SAVE_KIND: "save-data", RESTORE_KIND: "restore-data"}
SAVE, RESTORE, RETURN, WAKE = "save", "restore", "return", "wake"
_INTERRUPTED = "release.interrupted"
DONE, PUT_BACK, UNTOUCHED, OPEN, ELSEWHERE = "done", "put-back", "untouched", "open", "elsewhere"


class ReleaseMoved(ChampError):
    """Helm's newest record of a release is not the one that this zone made."""

    id = "data.release-moved"
    exit_code = ExitCode.PREFLIGHT
    message = "Release {release} was changed by another tool; whose data it has now is not known."
    remedy = "`champ status {release}` shows the drift; plan and apply it again first."


class DataPutBack(ChampError):
    """A restore failed, and the data is again as it was before."""

    id = "data.put-back"
    exit_code = ExitCode.PUT_BACK
    message = "The data of {release} could not be restored and is as it was before: {cause}."
    remedy = "Remove the cause named above, then repeat."


class DataNotWhole(ChampError):
    """A restore failed half way and what was there before could not be brought back either."""

    id = "data.not-whole"
    exit_code = ExitCode.NEEDS_PERSON
    message = "The data of {release} is half restored, so it stands still: {cause}."
    remedy = "Remove the cause named above, then run `champ recover`: it restores all of it again."


@dataclass(frozen=True)
class Restored:
    """What was brought back; `saved` is the backup of what was there before, 0 for none."""

    release: str
    namespace: str
    backup: int
    saved: int


@dataclass(frozen=True)
class _Intent:
    subject: Subject
    sealed: Digest
    actor: str
    backup: int = 0

    def to_journal(self) -> dict[str, Any]:
        about = vars(self.subject)
        return {**about, "sealed": str(self.sealed), "actor": self.actor, "backup": self.backup}

    @classmethod
    def from_journal(cls, kept: Mapping[str, Any]) -> _Intent:
        names = ("cluster", "namespace", "release", "revision", "app", "version")
        subject = Subject(**{name: kept[name] for name in names})
        return cls(subject, Digest.parse(kept["sealed"]), kept["actor"], int(kept["backup"]))


class DataActs:
    """On one cluster; the caller holds the zone's lock."""

    def __init__(
        self, tools: Tools, engine: HelmEngine, vault: Vault, journal: Journal, audit: Audit
    ) -> None:
        self._tools, self._engine, self._vault = tools, engine, vault
        self._journal, self._audit = journal, audit
        journal.declare(SAVE_KIND, self._recover_save)
        journal.declare(RESTORE_KIND, self._recover_restore)

    def save(
        self, revision: Revision, declared: tuple[DataPart, ...], notify: Subscriber
    ) -> Backup:
        """Save the data of a release as it runs now; nothing is kept where that fails.

        Raises ReleaseMoved, WorkloadUnknown, NoRoomForData, and what saving raises.
        """
        intent, hands = self._about(revision), self._hands(revision)
        with self._mask(revision).errors():
            entry, keeper = self._begin(SAVE_KIND, intent), Keeper(self._tools, notify)
            try:
                with entry.step(SAVE) as row:
                    order = Order(intent.subject, declared, Reason.ASKED, intent.actor)
                    found = keeper.save(order, hands, row)
            except BaseException as error:
                with entry.left_open():
                    self._give_up(entry, keeper, hands)
                self._end(intent, entry, FAILED, _id(error))
                raise
            self._end(intent, entry, DONE, "", backup=found.number, bytes=found.size)
            return found

    def restore(
        self,
        revision: Revision,
        backup: Backup,
        declared: tuple[DataPart, ...],
        notify: Subscriber,
    ) -> Restored:
        """Bring a backup back into the release as it runs now; `declared` is saved first.

        Raises BackupNotWhole, BackupDamaged, ReleaseMoved, WorkloadUnknown (nothing was changed),
        DataPutBack, DataNotWhole, and WorkloadNotReady where all is back and does not come up.
        """
        keeper, hands = Keeper(self._tools, notify), self._hands(revision)
        hands.check(one.restore.workload for one in backup.declared)
        hands.check(one for part in backup.declared for one in part.restore.still)
        keeper.check(backup)
        intent = replace(self._about(revision), backup=backup.number)
        with self._mask(revision).errors():
            entry = self._begin(RESTORE_KIND, intent)
            try:
                if declared:
                    with entry.step(SAVE) as row:
                        order = Order(intent.subject, declared, Reason.BEFORE_CHANGE, intent.actor)
                        keeper.save(order, hands, row)
                self._bring(entry, RESTORE, backup, keeper, hands)
                with entry.step(WAKE):
                    commands = [part.restore for part in backup.declared]
                    keeper.wake(commands, hands, wait=True)
            except BaseException as error:
                self._failed(intent, entry, keeper, hands, error)
                raise
            self._end(intent, entry, DONE, "")
            saved = Rows(entry.steps()).backup(SAVE)
            about = (intent.subject.release, intent.subject.namespace)
            return Restored(*about, backup.number, saved)

    def _bring(self, entry: Open, name: str, backup: Backup, keeper: Keeper, hands: Hands) -> None:
        with entry.step(name) as row:
            row.note({"backup": backup.number})
            keeper.restore(backup, hands)

    def _failed(
        self,
        intent: _Intent,
        entry: Open,
        keeper: Keeper,
        hands: Hands,
        error: BaseException,
    ) -> None:
        """Bring what failed to an end; raises where `error` does not say how it came out."""
        release, saved = intent.subject.release, Rows(entry.steps()).backup(SAVE)
        try:
            outcome = self._settle(entry, keeper, hands, again=False)
        except ChampError as worse:
            entry.let_go()
            cause = error if isinstance(error, ChampError) and not saved else worse
            raise DataNotWhole(release=release, cause=_said(cause)) from error
        self._end(intent, entry, FAILED, _id(error), settled=outcome)
        if outcome == PUT_BACK and isinstance(error, ChampError):
            raise DataPutBack(release=release, cause=_said(error)) from error

    def _settle(self, entry: Open, keeper: Keeper, hands: Hands, *, again: bool) -> str:
        """Make the data whole and let it be served; gives how it stands.

        A restore that was cut off is done `again`; one that failed is taken back. Raises what keeps
        both from being done: what stands still then stays so.
        """
        rows = Rows(entry.steps())
        if not rows.backup(RESTORE):
            self._give_up(entry, keeper, hands)
            return UNTOUCHED
        wanted = self._tools.backups.one(rows.backup(RESTORE))
        if again and not rows.done(RESTORE) and not rows.begun(RETURN):
            try:
                self._bring(entry, RESTORE, wanted, keeper, hands)
            except ChampError:
                if not rows.backup(SAVE):
                    raise
            rows = Rows(entry.steps())
        if rows.done(RESTORE):
            self._wake(entry, wanted, keeper, hands)
            return DONE
        if not rows.backup(SAVE):
            subject = wanted.subject
            raise NothingSaved(release=subject.release, version=subject.version)
        before = self._tools.backups.one(rows.backup(SAVE))
        if not rows.done(RETURN):
            self._bring(entry, RETURN, before, keeper, hands)
        self._wake(entry, before, keeper, hands)
        return PUT_BACK

    def _wake(self, entry: Open, backup: Backup, keeper: Keeper, hands: Hands) -> None:
        with entry.step(WAKE):
            keeper.wake([part.restore for part in backup.declared], hands)

    def _give_up(self, entry: Open, keeper: Keeper, hands: Hands) -> None:
        """Undo a saving: what stood still runs again, what is not whole is called so."""
        number = Rows(entry.steps()).backup(SAVE)
        if not number:
            return
        with entry.step(WAKE):
            backup = self._tools.backups.one(number)
            keeper.wake([part.save for part in backup.declared], hands)
            keeper.give_up(number)

    def _recover_save(self, record: Record, rehearsal: bool) -> Recovered:  # noqa: FBT001 (Recovery)
        intent, told = self._told(record)
        if told.outcome == ELSEWHERE:
            return told
        entry = self._journal.resume(record)
        before = entry.steps()
        if rehearsal:
            return replace(told, acts=Rows(before).ahead(SAVE, RESTORE, RETURN, WAKE))
        keeper, hands = Keeper(self._tools, ignore), self._hands_of(intent)
        self._give_up(entry, keeper, hands)
        self._end(intent, entry, RECOVERED + UNTOUCHED, _INTERRUPTED)
        return replace(told, outcome=UNTOUCHED, acts=Rows(entry.steps()[len(before) :]).told)

    def _recover_restore(self, record: Record, rehearsal: bool) -> Recovered:  # noqa: FBT001
        intent, told = self._told(record)
        if told.outcome == ELSEWHERE:
            return told
        entry = self._journal.resume(record)
        before = entry.steps()
        if rehearsal:
            return replace(told, acts=Rows(before).ahead(SAVE, RESTORE, RETURN, WAKE))
        keeper, hands = Keeper(self._tools, ignore), self._hands_of(intent)
        outcome = self._settle(entry, keeper, hands, again=True)
        self._end(intent, entry, RECOVERED + outcome, _INTERRUPTED)
        return replace(told, outcome=outcome, acts=Rows(entry.steps()[len(before) :]).told)

    def _told(self, record: Record) -> tuple[_Intent, Recovered]:
        intent = _Intent.from_journal(record.intent)
        subject = intent.subject
        here = self._tools.cluster.identity() == subject.cluster
        return intent, Recovered(
            number=record.number,
            subject=f"{subject.namespace}/{subject.release}",
            cluster=subject.cluster,
            operation=_OPERATIONS[record.kind],
            began=record.began,
            step=record.step,
            outcome=OPEN if here else ELSEWHERE,
        )

    def _about(self, revision: Revision) -> _Intent:
        """Raises ReleaseMoved."""
        newest = self._engine.status(revision.release, revision.namespace)
        if newest is None or newest.revision != self._current(revision) or revision.sealed is None:
            raise ReleaseMoved(release=revision.release)
        return _Intent(subject_of(revision), revision.sealed, current_user())

    def _current(self, revision: Revision) -> int:
        now = {one.place: one.helm_revision for one in History(self._tools.database).releases()}
        return now.get(revision.place, 0)

    def _hands(self, revision: Revision) -> Hands:
        return self._hands_of(self._about(revision))

    def _hands_of(self, intent: _Intent) -> Hands:
        manifests = sealed_items(self._vault, intent.sealed, intent.subject.namespace)
        return self._tools.hands(intent.subject, manifests)

    def _mask(self, revision: Revision) -> Mask:
        return Mask(self._vault.inputs(revision.inputs).secrets if revision.inputs else ())

    def _begin(self, kind: str, intent: _Intent) -> Open:
        with self._journal.transaction() as connection:
            subject = intent.subject.text
            entry = self._journal.begin(connection, kind, subject, intent.to_journal())
            self._tell(connection, Act.DATA_BEGIN, intent, entry, does=kind)
        return entry

    def _end(
        self, intent: _Intent, entry: Open, outcome: str, error: str, **detail: object
    ) -> None:
        with self._journal.transaction() as connection:
            self._journal.end(connection, entry, outcome, error)
            self._tell(connection, Act.DATA_END, intent, entry, outcome=outcome, error=error,
                       **detail)  # fmt: skip

    def _tell(
        self,
        connection: sqlite3.Connection,
        act: Act,
        intent: _Intent,
        entry: Open,
        **detail: object,
    ) -> None:
        about = {"operation": entry.number, **detail}
        about |= {"restored": intent.backup} if intent.backup else {}
        self._audit.append(connection, Entry(current_user(), act, intent.subject.text, about))


def deeds(journal: Journal) -> Iterator[DataDeed]:
    """Everything ever saved or brought back by itself in the zone, oldest first."""
    for record in journal.of_kinds(*_OPERATIONS):
        intent = _Intent.from_journal(record.intent)
        lasted = timedelta()
        if record.ended:
            lasted = datetime.fromisoformat(record.ended) - datetime.fromisoformat(record.began)
        subject = intent.subject
        yield DataDeed(
            *subject.place,
            number=subject.revision,
            operation=_OPERATIONS[record.kind],
            app=subject.app,
            version=subject.version,
            backup=intent.backup or Rows(journal.steps(record.number)).backup(SAVE),
            actor=intent.actor,
            started=record.began,
            seconds=lasted.total_seconds(),
            outcome=record.outcome.removeprefix(RECOVERED) or Outcome.RUNNING.value,
            error=record.error,
        )


def subject_of(revision: Revision) -> Subject:
    """Whose data a revision of a release has."""
    return Subject(*revision.place, revision.number, revision.app, revision.version)


def _said(error: ChampError) -> Phrase:
    """The sentence of an error alone: what to do about it is not what to do now."""
    return Phrase("{error}", error=error)


def _id(error: BaseException) -> str:
    return error.id if isinstance(error, ChampError) else _INTERRUPTED
