"""The registry's part of the audit chain: what clients changed, and what they were refused.

Invariant: a change is recorded in the transaction that makes it, or before it is begun, so one that
cannot be recorded does not happen. Refusals are counted in memory, a bounded number of kinds. The
first of a kind is written with the next `write`, seconds later; those that follow within a minute
are one row at that minute's end. So whoever is refused a million times fills a row a minute, all
attackers together `_KINDS` and one, and no answer waits for it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from champ_offline.errors import ChampError
from champ_offline.journal.audit import Audit, Entry
from champ_offline.registry.access import Caller

_KINDS = 32
_MINUTE = timedelta(minutes=1)


class Act(StrEnum):
    """What is recorded of the registry."""

    BEGIN = "registry.upload.begin"
    CHUNK = "registry.upload.chunk"
    CANCEL = "registry.upload.cancel"
    BLOB = "registry.blob.push"
    MOUNT = "registry.blob.mount"
    BLOB_DELETE = "registry.blob.delete"
    MANIFEST = "registry.manifest.push"
    MANIFEST_DELETE = "registry.manifest.delete"
    REFUSED = "registry.refused"


def deed(act: Act, caller: Caller, repository: str, **detail: object) -> Entry:
    """What a client did to a repository; digests and numbers only, nothing secret."""
    where = {"address": caller.address, "request": caller.request}
    told = {key: _plain(value) for key, value in detail.items()}
    return Entry(caller.client.name, act, repository, {**where, **told})


def _plain(value: object) -> object:
    return value if isinstance(value, int | list) else str(value)


@dataclass(frozen=True)
class Kind:
    """Refusals that are alike: of a client, from an address, of an act in a repository."""

    client: str
    address: str
    action: str
    repository: str
    status: int


@dataclass
class _Count:
    """Refusals not yet written; `told` where a row of the minute tells of earlier ones."""

    request: str
    first: str
    last: str
    count: int = 1
    told: bool = False


_OTHERS = Kind("", "", "other", "", 0)


class Refusals:
    """Those of a minute; `note` is called by one thread, `write` by any."""

    def __init__(self, audit: Audit, clock: Callable[[], datetime]) -> None:
        self._audit, self._clock = audit, clock
        self._counts: dict[Kind, _Count] = {}
        self._began = datetime.min.replace(tzinfo=UTC)
        self._counting, self._writing = threading.Lock(), threading.Lock()

    def note(self, kind: Kind, request: str) -> None:
        """Count a refusal; beyond so many kinds, among the others."""
        now = self._clock().isoformat(timespec="seconds")
        with self._counting:
            self._add(kind, _Count(request, now, now))

    def write(self, *, every: bool = False) -> None:
        """Append a row for each kind that is due, in one transaction, in none where none is.

        Due is a kind of which this minute has no row; all at its end, and where `every` is wanted.
        What cannot be written is kept, and DatabaseFull raised.
        """
        with self._writing:
            with self._counting:
                due = self._due(every=every)
            try:
                self._audit.record(*(_entry(kind, count) for kind, count in due.items()))
            except ChampError:
                with self._counting:
                    self._put_back(due)
                raise

    def _due(self, *, every: bool) -> Mapping[Kind, _Count]:
        """What is to be written now, as if it had been already."""
        now = self._clock()
        # A clock that was put back ends the minute too.
        ended = not timedelta() <= now - self._began < _MINUTE
        if ended:
            self._began = now
            self._counts = {kind: one for kind, one in self._counts.items() if one.count}
        due = {
            kind: replace(one)
            for kind, one in self._counts.items()
            if one.count and (ended or every or not one.told)
        }
        for kind in due:
            self._counts[kind].count, self._counts[kind].told = 0, True
        return due

    def _put_back(self, due: Mapping[Kind, _Count]) -> None:
        for kind, one in due.items():
            later = self._counts[kind]
            last = later.last if later.count else one.last
            self._counts[kind] = replace(one, count=one.count + later.count, last=last, told=False)

    def _add(self, kind: Kind, more: _Count) -> None:
        if kind not in self._counts and len(self._counts) >= _KINDS:
            kind = _OTHERS
        found = self._counts.setdefault(kind, replace(more, count=0))
        if not found.count:
            found.request, found.first = more.request, more.first
        found.count, found.last = found.count + more.count, more.last


def _entry(kind: Kind, count: _Count) -> Entry:
    detail = {
        "action": kind.action,
        "address": kind.address,
        "count": count.count,
        "first": count.first,
        "last": count.last,
        "request": count.request,
        "status": kind.status,
    }
    return Entry(kind.client, Act.REFUSED, kind.repository, detail)
