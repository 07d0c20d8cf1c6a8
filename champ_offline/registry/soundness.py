"""Whether a blob's file still is what was verified: asked before a byte of it is sent.

Invariant: a file is sent by its path only while size, time of change and inode are those it had
when it was last hashed to its name; one that moved is hashed again first, in a thread, once for all
who wait. A damaged file is set aside, so that nobody is ever sent it and the next import or push
gives the blob back. What is damaged or gone is told once, until it was found
sound again. What is known is in memory: no request reads the tables where nothing moved.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from champ_offline.durable.database import Database
from champ_offline.errors import ChampError
from champ_offline.events import FaultFound, Subscriber, ignore
from champ_offline.journal.acts import Act, done
from champ_offline.journal.audit import Audit
from champ_offline.oci.digest import Digest
from champ_offline.store.blobs import BlobDamaged, BlobMissing, BlobStore, Examined
from champ_offline.store.verified import Verified

LOG = logging.getLogger("champ.registry.access")
_MOST = 65536


class Soundness:
    """Of one zone's blobs; one event loop uses it. `notify` hears of every damaged blob."""

    def __init__(
        self,
        database: Database,
        blobs: BlobStore,
        clock: Callable[[], datetime],
        notify: Subscriber = ignore,
    ) -> None:
        self._database, self._blobs, self._clock = database, blobs, clock
        self._verified, self._notify = Verified(database), notify
        self._audit = Audit(database, clock)
        self._known: OrderedDict[Digest, Examined] = OrderedDict()
        self._told: set[Digest] = set()
        self._looking: dict[Digest, asyncio.Future[Examined | None]] = {}
        # One thread: what is hashed again shares the disk with what is served.
        self._hashing = ThreadPoolExecutor(max_workers=1, thread_name_prefix="blob-verify")

    async def holds(self, digest: Digest) -> bool:
        """Whether the blob, which its repository has, may be sent now.

        Raises OSError where the disk does not give it.
        """
        try:
            stamp = self._blobs.stamp(digest)
        except BlobMissing as error:
            self._miss(digest, error)
            return False
        known = self._known.get(digest)
        if known is None or known.stamp != stamp:
            known = await self._look(digest)
            if known is None:
                return False
            self._known[digest] = known
            if len(self._known) > _MOST:
                self._known.popitem(last=False)
        if known.sound:
            self._told.discard(digest)
        return known.sound

    def well(self, content: str) -> None:
        """Whoever read the blob of that digest found it sound: should it vanish, that is news."""
        if self._told:
            self._told.discard(Digest.parse_registered(content))

    def _miss(self, digest: Digest, error: BlobMissing) -> None:
        """Tell once of a blob that is gone; one that was set aside was told of."""
        if digest not in self._told and len(self._told) < _MOST:
            self._told.add(digest)
            self._report(digest, error)

    async def _look(self, digest: Digest) -> Examined | None:
        looking = self._looking.get(digest)
        if looking is None:
            loop = asyncio.get_running_loop()
            looking = loop.run_in_executor(self._hashing, self._verify, digest)
            self._looking[digest] = looking
            looking.add_done_callback(lambda ended: self._looked(digest, ended))
        # Others may wait for it too: a client that goes away ends its own waiting only.
        return await asyncio.shield(looking)

    def _looked(self, digest: Digest, ended: asyncio.Future[Examined | None]) -> None:
        self._looking.pop(digest, None)
        if not ended.cancelled():
            ended.exception()  # seen, even if whoever asked has gone

    def _verify(self, digest: Digest) -> Examined | None:
        """What the blob's file is and whether it may be sent; None for none; from the thread."""
        try:
            if (stamp := self._blobs.stamp(digest)) == self._verified.of(digest):
                return Examined(stamp, sound=True)
            found = self._blobs.examine(digest)
        except BlobMissing:
            return None
        try:
            self._keep(digest, found)
        except (ChampError, OSError) as error:
            # A full or read-only disk: what was found holds until the registry starts again.
            LOG.warning("verified: %s", error)
        if not found.sound:
            self._tell(digest)
        return found

    def _keep(self, digest: Digest, found: Examined) -> None:
        with self._database.transaction() as connection:
            if found.sound:
                now = self._clock().isoformat(timespec="seconds")
                self._verified.put(connection, {digest: found.stamp}, now)
            elif self._blobs.set_aside(digest, found.stamp):
                self._audit.append(connection, done(Act.CHECK, str(digest), set_aside=1))

    def _tell(self, digest: Digest) -> None:
        if len(self._told) < _MOST:
            self._told.add(digest)
        self._report(digest, BlobDamaged(digest=digest))

    def _report(self, digest: Digest, error: ChampError) -> None:
        LOG.error("%s: %s", error.id, error)
        self._notify(FaultFound(error.id, str(self._blobs.path(digest)), str(digest), -1))
