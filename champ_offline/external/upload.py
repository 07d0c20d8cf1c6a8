"""One blob on its way to an external registry (distribution-spec 1.1, "Pushing Blobs").

Invariant: every byte is hashed once, as it is read from the store into memory, and sent from there;
an upload whose bytes do not hash to the blob's name is never closed. After a broken connection it
goes on at the offset that the target reports; where the target does not know it, it begins anew.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlencode

from champ_offline.errors import ChampError, Phrase, Reason
from champ_offline.external.endpoint import TRANSIENT, WAITS_SECONDS, Ask, Endpoint
from champ_offline.external.errors import TargetDiffers
from champ_offline.external.wire import Broken, Reply
from champ_offline.oci.descriptor import Descriptor
from champ_offline.store.blobs import BlobDamaged, BlobStore

# What is held in memory, and what a broken connection costs at most. Registries over object stores
# want parts of 5 MiB or more.
CHUNK = 16 * 1024 * 1024
_FORGOT = Phrase("it forgot an upload whenever the connection broke")
_SLICE = 256 * 1024
_BEGINNINGS = 5
# Another offset is wanted, or the broken connection still holds the upload.
_OTHER_OFFSET = 416
_ASK_AGAIN = frozenset({409, _OTHER_OFFSET})
_RANGE = re.compile(r"(?:bytes=)?0-(?P<last>[0-9]{1,18})")
_OCTETS = {"Content-Type": "application/octet-stream"}


class Way(StrEnum):
    """How a blob came to be in a repository of the target."""

    THERE = "there already"
    MOUNTED = "mounted"
    SENT = "sent"


class _Lost(Exception):
    """The target does not know the upload any more, or not how far it came."""


@dataclass
class _Part:
    """A chunk in memory: from `start` of the blob on, `done` of its bytes with the target."""

    start: int
    data: bytes
    done: int = 0

    @property
    def end(self) -> int:
        return self.start + len(self.data)

    def slices(self) -> Iterator[bytes]:
        for at in range(self.done, len(self.data), _SLICE):
            yield self.data[at : at + _SLICE]


class Upload:
    """Blobs of the store into one repository; `tell` hears how many bytes of one are there."""

    def __init__(
        self,
        endpoint: Endpoint,
        repository: str,
        blobs: BlobStore,
        tell: Callable[[int], None],
        chunk: int = CHUNK,
    ) -> None:
        self._endpoint, self._repository, self._blobs = endpoint, repository, blobs
        self._tell, self._chunk = tell, chunk

    def put(self, blob: Descriptor, origin: str | None = None) -> Way:
        """Have the blob there; `origin` is another repository that has it.

        Raises BlobDamaged, BlobMissing, TargetDiffers and what `Endpoint.ask` raises.
        """
        for beginning in range(_BEGINNINGS):
            if self.has(blob):
                return Way.SENT if beginning else Way.THERE
            try:
                location = self._begin(blob, origin)
                if location is None:
                    return Way.MOUNTED
                self._send(blob, location)
            except _Lost:
                self._endpoint.pause(WAITS_SECONDS[0], _FORGOT)
            else:
                return Way.SENT
        self._endpoint.pause(None, _FORGOT)
        raise AssertionError

    def has(self, blob: Descriptor) -> bool:
        """Whether the repository has the blob; raises TargetDiffers for another size."""
        asked = Ask("HEAD", self._repository, f"blobs/{blob.digest}")
        reply = self._endpoint.ask(asked, {200, 404})
        wanted = str(blob.size)
        if reply.status == 200 and reply.headers.get("content-length", wanted) != wanted:
            raise self._differs(blob)
        return reply.status == 200

    def _begin(self, blob: Descriptor, origin: str | None) -> str | None:
        """Where to send it; None where it was mounted."""
        query = {"mount": str(blob.digest), "from": origin} if origin else {}
        rest = "blobs/uploads/" + (f"?{urlencode(query)}" if query else "")
        asked = Ask("POST", self._repository, rest, pulls=(origin,) if origin else ())
        reply = self._endpoint.ask(asked, {201, 202} if origin else {202})
        return None if reply.status == 201 else self._endpoint.location(asked, reply)

    def _send(self, blob: Descriptor, location: str) -> None:
        hashed, offset = hashlib.new(blob.digest.algorithm), 0
        with self._blobs.open(blob.digest) as file:
            while offset < blob.size:
                part = _Part(offset, file.read(min(self._chunk, blob.size - offset)))
                hashed.update(part.data)
                short = len(part.data) < min(self._chunk, blob.size - offset)
                if short or (part.end == blob.size and hashed.hexdigest() != blob.digest.hex):
                    raise self._damaged(blob, location)
                location = self._patch(part, location)
                offset = part.end
                self._tell(offset)
            if file.read(1) or hashed.hexdigest() != blob.digest.hex:
                raise self._damaged(blob, location)
        self._close(blob, location)

    def _patch(self, part: _Part, location: str) -> str:
        """Send a chunk and say where the next one goes; raises _Lost."""
        waits = iter((*WAITS_SECONDS, None))
        while part.done < len(part.data):
            before, reply = part.done, None
            try:
                reply = self._endpoint.once(self._chunk_of(part, location))
                if reply.status in {201, 202, 204}:
                    return self._accepted(part, location, reply)
                reason: Reason = Phrase("HTTP status {status}", status=reply.status)
                self._refuse(self._chunk_of(part, location), reply)
            except Broken as error:
                reason = error.reason
            self._endpoint.pause(next(waits), reason, reply)
            misplaced = reply is not None and reply.status == _OTHER_OFFSET
            location = self._resume(part, location, misplaced=misplaced)
            if part.done > before:
                waits = iter((*WAITS_SECONDS, None))
        return location

    def _chunk_of(self, part: _Part, location: str) -> Ask:
        sent = {"Content-Range": f"{part.start + part.done}-{part.end - 1}"}
        size = len(part.data) - part.done
        return Ask("PATCH", self._repository, location, {**_OCTETS, **sent}, part.slices, size)

    def _accepted(self, part: _Part, location: str, reply: Reply) -> str:
        """After an accepted chunk; raises _Lost where the target counts another end."""
        told = _RANGE.fullmatch(reply.headers.get("range", ""))
        if told is not None and int(told["last"]) + 1 != part.end:
            raise _Lost
        part.done = len(part.data)
        return self._endpoint.location(Ask("PATCH", self._repository, location), reply)

    def _refuse(self, asked: Ask, reply: Reply) -> None:
        """Go on asking how far it came, or raise what stands in the way."""
        if reply.status == 404:
            raise _Lost
        transient = reply.status in TRANSIENT
        error = self._endpoint.failure(asked, reply)
        if reply.status not in _ASK_AGAIN and not (transient and error.id == "external.failed"):
            raise error

    def _resume(self, part: _Part, location: str, *, misplaced: bool) -> str:
        """Ask how far the upload came; raises _Lost where the answer helps nobody.

        “0-0” is said of an empty upload as well as of one with a single byte; `misplaced` is known
        when the target refused the offset that follows from the first.
        """
        asked = Ask("GET", self._repository, location)
        reply = self._endpoint.ask(asked, set(range(200, 500)) - TRANSIENT)
        told = _RANGE.fullmatch(reply.headers.get("range", ""))
        if reply.status not in {202, 204} or told is None or (misplaced and told["last"] == "0"):
            raise _Lost
        offset = int(told["last"]) + 1 if told["last"] != "0" else 0
        if not part.start <= offset <= part.end:
            raise _Lost
        part.done = offset - part.start
        if "location" in reply.headers:
            return self._endpoint.location(asked, reply)
        return location

    def _close(self, blob: Descriptor, location: str) -> None:
        """Name the upload by its digest; raises _Lost, TargetDiffers."""
        mark = "&" if "?" in location else "?"
        named = f"{location}{mark}{urlencode({'digest': str(blob.digest)})}"
        asked = Ask("PUT", self._repository, named, _OCTETS)
        for wait in (*WAITS_SECONDS, None):
            reply = None
            try:
                reply = self._endpoint.once(asked)
                reason: Reason = Phrase("HTTP status {status}", status=reply.status)
                if self._closed(blob, asked, reply):
                    return
            except Broken as error:
                reason = error.reason
            self._endpoint.pause(wait, reason, reply)
            if self.has(blob):
                return

    def _closed(self, blob: Descriptor, asked: Ask, reply: Reply) -> bool:
        if reply.status in {201, 204}:
            if reply.headers.get("docker-content-digest", str(blob.digest)) != str(blob.digest):
                raise self._differs(blob)
            return True
        if reply.status == 400:
            raise self._differs(blob)
        self._refuse(asked, reply)
        return False

    def _damaged(self, blob: Descriptor, location: str) -> BlobDamaged:
        """The error, after the target was told that the upload is over."""
        with suppress(Broken, ChampError):
            self._endpoint.once(Ask("DELETE", self._repository, location))
        return BlobDamaged(digest=blob.digest)

    def _differs(self, blob: Descriptor) -> TargetDiffers:
        where = self._endpoint.target.address
        return TargetDiffers(where=where, what=self._repository, digest=blob.digest)


def unique(blobs: Iterable[Descriptor]) -> list[Descriptor]:
    """Each content once, in order."""
    return list({blob.digest: blob for blob in blobs}.values())
