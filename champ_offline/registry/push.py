"""Blobs that clients push: uploads in one piece or many, mounts (distribution-spec 1.1, "Push").

Invariant: a blob is in its repository when its bytes were hashed to the digest the client named,
are on the disk, and were linked in one transaction with their move into the store; until then
nobody sees any of it. What fails leaves the upload as it was before that request, except that a
connection which breaks, or is too slow, leaves what came over it.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from champ_offline.durable.database import Database
from champ_offline.errors import ChampError
from champ_offline.journal.audit import Audit
from champ_offline.oci.descriptor import Descriptor
from champ_offline.oci.digest import Digest
from champ_offline.registry.access import OWNED, Action, Caller, Gatekeeper, may, no_longer
from champ_offline.registry.answers import Answer, Refused, identity
from champ_offline.registry.bodies import Body, ClientGone, TooSlow
from champ_offline.registry.content import Content
from champ_offline.registry.deeds import Act, deed
from champ_offline.registry.limits import Limits
from champ_offline.registry.requests import (
    AboutUpload,
    BeginUpload,
    CancelUpload,
    FinishUpload,
    Refusal,
    Repository,
    UploadChunk,
    UploadStatus,
)
from champ_offline.registry.threads import done
from champ_offline.store.blobs import BlobMismatch
from champ_offline.store.links import Kind, Link
from champ_offline.store.uploads import Reception, Tell, Upload, Uploads

_MEDIA_TYPE = "application/octet-stream"
_CHUNK = re.compile(r"([0-9]{1,18})-([0-9]{1,18})")
_UNKNOWN = Refusal(404, "BLOB_UPLOAD_UNKNOWN", "there is no such upload, or it has ended")
_BUSY = Refusal(409, "BLOB_UPLOAD_INVALID", "another request is writing to this upload")
_TOO_MANY = Refusal(
    429, "TOOMANYREQUESTS", "too many uploads are under way", (("retry-after", "30"),)
)
_SIZE_INVALID = Refusal(400, "SIZE_INVALID", "the body has not the length of its Content-Range")
_NO_CHUNK = Refusal(400, "BLOB_UPLOAD_INVALID", "Content-Range is not of the form <start>-<end>")


class Push:
    """Takes blobs into one zone's store."""

    def __init__(
        self,
        database: Database,
        content: Content,
        folder: Path,
        audit: Audit,
        limits: Limits,
        clock: Callable[[], datetime],
        gatekeeper: Gatekeeper,
    ) -> None:
        self._database, self._content = database, content
        self._blobs, self._refs, self._links = content.blobs, content.refs, content.links
        self._verified = content.verified
        self._uploads = Uploads(database, folder)
        self._audit, self._limits, self._clock = audit, limits, clock
        self._gatekeeper = gatekeeper

    async def answer(
        self, request: AboutUpload, headers: Mapping[str, str], caller: Caller, body: Body
    ) -> Answer:
        """Answer one request; raises Refused, ClientGone, OSError and ChampError of the store."""
        match request:
            case BeginUpload():
                return await self._begin(request, caller, body)
            case UploadChunk():
                return await self._chunk(request, headers, caller, body)
            case FinishUpload():
                return await self._finish(request, headers, caller, body)
            case UploadStatus():
                upload = self._find(request)
                return _progress(204, request, upload, self._uploads.size(upload))
            case CancelUpload():
                upload = self._find(request)
                async with self._writing(upload):
                    cancelled = deed(Act.CANCEL, caller, request.name, upload=upload.id)
                    await done(self._audit.record, cancelled)
                    await done(self._uploads.drop, upload)
                return Answer(204, {})

    def expire(self) -> int:
        """End the uploads nobody wrote to for too long; returns how many."""
        before = self._clock() - timedelta(seconds=self._limits.idle)
        return self._uploads.expire(_text(before))

    async def _begin(self, request: BeginUpload, caller: Caller, body: Body) -> Answer:
        if request.mount is not None:
            mounted = await self._mount(request, request.mount, caller)
            if mounted is not None:
                return mounted
        upload = await done(self._open, request, caller)
        if request.digest is None:
            return _progress(202, request, upload, 0)
        async with self._writing(upload) as reception:
            try:
                await self._receive(upload, reception, None, caller, body)
                return await self._kept(request, upload, reception, request.digest, caller)
            except BaseException:
                # Its client was never told where the upload is.
                await done(self._uploads.drop, upload)
                raise

    def _open(self, request: BeginUpload, caller: Caller) -> Upload:
        self.expire()
        most, now = (self._limits.uploads_per_client, self._limits.uploads), self._clock()
        begin = partial(
            self._uploads.begin,
            request.name,
            caller.client.name,
            request.algorithm,
            _text(now),
            most,
            self._tell(Act.BEGIN, caller),
        )
        upload = begin()
        # A client that broke off often shall not wait until all of that has expired.
        spare = _text(now - timedelta(seconds=self._limits.spare))
        if upload is None and self._uploads.give_up_one(caller.client.name, spare):
            upload = begin()
        if upload is None:
            raise Refused(_TOO_MANY)
        return upload

    async def _mount(self, request: BeginUpload, digest: Digest, caller: Caller) -> Answer | None:
        """Link a blob another repository has; None where the client can read none that has it."""
        names = [request.source] if request.source else self._content.holders(digest)
        for name in names:
            found = self._content.find(name, digest)
            if found is not None and may(caller.client, Action.PULL, name):
                linked = await done(self._link, request, found, caller)
                return _created(request, digest) if linked else None
        return None

    def _link(self, request: BeginUpload, found: Descriptor, caller: Caller) -> bool:
        with self._database.transaction() as connection:
            self._refuse_owned(request)
            self._blobs.require()
            # Looked at again: until now nothing kept it from being collected.
            if not self._blobs.holds(found.digest, found.size):
                return False
            self._links.put(connection, self._made(request, found.digest, found.size, caller))
            mounted = deed(Act.MOUNT, caller, request.name, digest=found.digest, size=found.size)
            self._audit.append(connection, mounted)
        return True

    async def _chunk(
        self, request: UploadChunk, headers: Mapping[str, str], caller: Caller, body: Body
    ) -> Answer:
        upload = self._find(request)
        async with self._writing(upload) as reception:
            wanted = _announced(request, upload, reception, headers, body)
            await self._receive(upload, reception, wanted, caller, body)
            await done(self._written, upload, reception, caller)
            return _progress(202, request, upload, reception.size)

    async def _finish(
        self, request: FinishUpload, headers: Mapping[str, str], caller: Caller, body: Body
    ) -> Answer:
        upload = self._find(request)
        async with self._writing(upload) as reception:
            wanted = _announced(request, upload, reception, headers, body)
            await self._receive(upload, reception, wanted, caller, body)
            try:
                return await self._kept(request, upload, reception, request.digest, caller)
            except Refused:
                # Bytes that are not the blob cannot become it: what follows is appended.
                await done(self._uploads.drop, upload)
                raise

    @asynccontextmanager
    async def _writing(self, upload: Upload) -> AsyncIterator[Reception]:
        """Be the upload's one writer, until it is where it belongs."""
        reception = await done(self._uploads.receive, upload)
        if reception is None:
            raise Refused(_BUSY)
        with reception:
            yield reception

    async def _receive(
        self,
        upload: Upload,
        reception: Reception,
        wanted: int | None,
        caller: Caller,
        body: Body,
    ) -> None:
        """Append the body, of `wanted` bytes where its client said how many."""
        try:
            async for piece in body.pieces(self._limits.body):
                await done(reception.write, piece)
            _check_length(reception, wanted)
        except (TooSlow, ClientGone):
            await done(reception.commit)
            await done(self._written, upload, reception, caller)
            raise
        except (Refused, OSError):
            await done(reception.undo)
            raise
        await done(reception.commit)

    def _written(self, upload: Upload, reception: Reception, caller: Caller) -> None:
        size = reception.size - reception.start
        tell = self._tell(Act.CHUNK, caller, start=reception.start, size=size)
        try:
            self._uploads.written(upload, _text(self._clock()), tell)
        except ChampError:
            reception.undo()
            raise

    def _tell(self, act: Act, caller: Caller, **detail: int) -> Tell:
        """What puts `act` into the audit chain, in the transaction of the upload's own row."""

        def tell(connection: sqlite3.Connection, upload: Upload) -> None:
            told = deed(act, caller, upload.name, upload=upload.id, **detail)
            self._audit.append(connection, told)

        return tell

    async def _kept(
        self,
        request: BeginUpload | FinishUpload,
        upload: Upload,
        reception: Reception,
        digest: Digest,
        caller: Caller,
    ) -> Answer:
        refusal = no_longer(self._gatekeeper, caller.client, request)
        if refusal is not None:
            raise Refused(refusal)
        return await done(self._store, request, upload, reception, digest, caller)

    def _store(
        self,
        request: Repository,
        upload: Upload,
        reception: Reception,
        digest: Digest,
        caller: Caller,
    ) -> Answer:
        try:
            reception.verify(digest)
        except BlobMismatch as error:
            message = f"the bytes are {error.fields['found']}, not {digest}"
            raise Refused(Refusal(400, "DIGEST_INVALID", message)) from error
        with self._database.transaction() as connection:
            self._refuse_owned(request)
            self._links.put(connection, self._made(request, digest, reception.size, caller))
            pushed = deed(Act.BLOB, caller, request.name, digest=digest, size=reception.size)
            self._audit.append(connection, pushed)
            self._uploads.finish(connection, upload, digest, self._blobs)
            stamp = self._blobs.stamp(digest)
            self._verified.put(connection, {digest: stamp}, _text(self._clock()))
        self._uploads.forget(upload)
        return _created(request, digest)

    def _made(self, request: Repository, digest: Digest, size: int, caller: Caller) -> Link:
        found = Descriptor(_MEDIA_TYPE, digest, size)
        return Link(request.name, Kind.BLOB, found, _text(self._clock()), caller.client.name)

    def _refuse_owned(self, request: Repository) -> None:
        """Asked again inside the transaction: an import may have taken the name meanwhile."""
        if self._refs.owned(request.name):
            raise Refused(OWNED)

    def _find(self, request: UploadChunk | FinishUpload | UploadStatus | CancelUpload) -> Upload:
        found = self._uploads.find(request.name, request.upload)
        if found is None:
            raise Refused(_UNKNOWN)
        return found


def _announced(
    request: UploadChunk | FinishUpload,
    upload: Upload,
    reception: Reception,
    headers: Mapping[str, str],
    body: Body,
) -> int | None:
    """How many bytes the client says it sends now, if it says so; Refused where they do not fit."""
    text = headers.get("content-range")
    if text is None:
        return None
    match = _CHUNK.fullmatch(text)
    if match is None:
        raise Refused(_NO_CHUNK)
    start, end = int(match[1]), int(match[2])
    if start != reception.start or end < start:
        raise Refused(_out_of_order(request, upload, reception.start))
    if body.length not in {None, end - start + 1}:
        raise Refused(_SIZE_INVALID)
    return end - start + 1


def _check_length(reception: Reception, wanted: int | None) -> None:
    if wanted not in {None, reception.size - reception.start}:
        raise Refused(_SIZE_INVALID)


def _created(request: Repository, digest: Digest) -> Answer:
    location = request.address(f"blobs/{digest}")
    return Answer(201, {"location": location, **identity(digest)})


def _progress(status: int, request: Repository, upload: Upload, size: int) -> Answer:
    """Where the upload goes on; its range names the last byte that is here, so 0-0 before any."""
    headers = {
        "location": request.address(f"blobs/uploads/{upload.id}"),
        "range": f"0-{max(0, size - 1)}",
        "docker-upload-uuid": upload.id,
    }
    return Answer(status, headers)


def _out_of_order(request: Repository, upload: Upload, size: int) -> Refusal:
    headers = tuple(_progress(416, request, upload, size).headers.items())
    return Refusal(416, "BLOB_UPLOAD_INVALID", f"the next byte is {size}", headers)


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")
