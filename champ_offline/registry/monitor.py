"""How the registry is, for load balancers and Prometheus: `/healthz` and `/metrics`.

Invariant: neither tells a path, a name or a secret. Asking about health costs a look at a few
files and folders, and reads no table where nothing changed; what metrics want besides is looked up
when asked, in a thread.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from champ_offline.durable.database import Database
from champ_offline.durable.space import free_bytes, used_bytes
from champ_offline.errors import ChampError
from champ_offline.events import Event, FaultFound, Subscriber
from champ_offline.journal.audit import Audit
from champ_offline.registry.answers import Answer, document
from champ_offline.registry.exposition import CONTENT_TYPE
from champ_offline.registry.metrics import Looked, Metrics
from champ_offline.registry.watch import Held, held
from champ_offline.store.blobs import BlobDamaged, BlobStore
from champ_offline.store.mark import StoreForeign
from champ_offline.store.uploads import Uploads

_FRESH = {"cache-control": "no-store"}
_NOTHING = Looked(0, 0, None, None, None, None, None, 0)


class Monitor:
    """Of one served zone; `metrics` is counted into by whoever answers.

    `ending` is set while the registry takes no new requests and nobody takes over. `port` is where
    it listens, 0 before it does; `dropped` says how many lines of the log were lost, `minding` what
    stops no request and wants a person all the same.
    """

    def __init__(
        self, database: Database, blobs: BlobStore, uploads: Uploads, audit: Audit, metrics: Metrics
    ) -> None:
        self._database, self._blobs, self._store = database, blobs, blobs.root
        self._uploads, self._audit = uploads, audit
        self.metrics = metrics
        self.ending = False
        self.port = 0
        self.dropped: Callable[[], int] = lambda: 0
        self.minding: Callable[[], str] = str
        self._changes: object = None

    def health(self) -> Answer:
        """200 where requests can be answered now, else 503 with the reason in words."""
        reason = self._reason()
        if reason:
            told = {"status": "unavailable", "reason": reason}
            return document(told, {**_FRESH, "retry-after": "5"}, 503)
        mind = self.minding()
        return document({"status": "ok", "mind": mind} if mind else {"status": "ok"}, _FRESH)

    def counting(self, notify: Subscriber) -> Subscriber:
        """`notify`, with the faults found counted on the way; from any thread."""

        def heard(event: Event) -> None:
            if isinstance(event, FaultFound):
                damaged = event.fault == BlobDamaged.id
                self.metrics.damaged += damaged
                self.metrics.missing += not damaged
            notify(event)

        return heard

    def exposition(self) -> Answer:
        """All metrics as text; called in a thread."""
        headers = {"content-type": CONTENT_TYPE, **_FRESH}
        return Answer(200, headers, self.metrics.text(self._looked()))

    def _reason(self) -> str:
        if self.ending:
            return "the registry is being stopped"
        try:
            self._database.require()
            changes = self._database.changes()
            if changes != self._changes:
                self._database.query("SELECT 1 FROM refs LIMIT 1")
                self._changes = changes
        except (ChampError, OSError):
            return "the zone's database cannot be read"
        try:
            self._blobs.require_open()
            with os.scandir(self._store) as found:
                next(found, None)
        except StoreForeign:
            return "another store is in the place of the zone's"
        except (ChampError, OSError):
            return "the zone's store cannot be read"
        return ""

    def _looked(self) -> Looked:
        found = held(self.port, self._store) if self.port else Held(0, 0)
        looked = replace(
            _NOTHING,
            connections=found.connections,
            files=found.files,
            lines_dropped=self.dropped(),
        )
        # What cannot be read now is left out: the rest still tells why.
        with suppress(ChampError):
            uploads, rows = self._uploads.count(), self._audit.head().seq
            looked = replace(looked, uploads=uploads, audit_rows=rows)
        with suppress(OSError):
            aside = sum(not self._blobs.has(digest) for digest in self._blobs.aside())
            looked = replace(looked, aside=aside)
        with suppress(OSError):
            free, used = free_bytes(self._store), used_bytes(self._store)
            looked = replace(looked, free=free, used=used)
        return looked
