"""The registry's part of the audit chain: what clients changed, and what they were refused.

Invariant: a change is recorded in the transaction that makes it, or before it is begun, so one that
cannot be recorded does not happen. Refusals are counted in memory, a bounded number of kinds, and
written once a minute: whoever is refused a million times fills a row, not the disk, and no answer
waits for it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from champ_offline.errors import ChampError
from champ_offline.journal.audit import Audit, Entry
from champ_offline.registry.access import Caller

_KINDS = 32


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
    request: str
    first: str
    last: str
    count: int = 1


_OTHERS = Kind("", "", "other", "", 0)


class Refusals:
    """Those of the last minute; `note` is called by one thread, `write` by any."""

    def __init__(self, audit: Audit, clock: Callable[[], datetime]) -> None:
        self._audit, self._clock = audit, clock
        self._counts: dict[Kind, _Count] = {}

    def note(self, kind: Kind, request: str) -> None:
        """Count a refusal; beyond so many kinds, among the others."""
        now = self._clock().isoformat(timespec="seconds")
        self._add(kind, _Count(request, now, now))

    def write(self) -> None:
        """Append a row for each kind; what cannot be written is kept, and DatabaseFull raised."""
        counts, self._counts = self._counts, {}
        try:
            self._audit.record(*(_entry(kind, count) for kind, count in counts.items()))
        except ChampError:
            later, self._counts = self._counts, counts
            for kind, count in later.items():
                self._add(kind, count)
            raise

    def _add(self, kind: Kind, more: _Count) -> None:
        if kind not in self._counts and len(self._counts) >= _KINDS:
            kind = _OTHERS
        found = self._counts.setdefault(kind, replace(more, count=0))
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
