"""Manifests and tags that clients push, and deletes (distribution-spec 1.1, "Content Management").

Invariant: a manifest is linked, in one transaction, after its exact bytes are on the disk and after
everything it names was found in its repository; only its subject may come later. A deleted name is
gone when the answer leaves; bytes go later, when nothing leads to them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from champ_offline.durable.database import Database
from champ_offline.journal.audit import Audit
from champ_offline.oci import media_types
from champ_offline.oci.descriptor import Descriptor, InvalidDescriptor
from champ_offline.oci.digest import Digest, InvalidDigest
from champ_offline.oci.manifest import InvalidManifest, Manifest
from champ_offline.registry.access import OWNED, Caller
from champ_offline.registry.answers import Answer, Refused, identity, missing
from champ_offline.registry.content import Content
from champ_offline.registry.deeds import Act, deed
from champ_offline.registry.requests import (
    Change,
    DeleteBlob,
    DeleteManifest,
    PutManifest,
    Refusal,
    Repository,
)
from champ_offline.store.links import Kind, Link

_DELETED = Answer(202, {})


@dataclass(frozen=True)
class _Read:
    """A manifest that may be stored: what it says, and the descriptor of its exact bytes."""

    manifest: Manifest
    descriptor: Descriptor
    data: bytes


class Publish:
    """Changes what the repositories of one zone have."""

    def __init__(
        self, database: Database, content: Content, audit: Audit, clock: Callable[[], datetime]
    ) -> None:
        self._database, self._audit, self._clock = database, audit, clock
        self._blobs, self._refs, self._links = content.blobs, content.refs, content.links
        self._verified = content.verified

    def answer(
        self, request: Change, headers: Mapping[str, str], caller: Caller, body: bytes
    ) -> Answer:
        """Answer one request, from a thread; raises Refused, OSError and ChampError."""
        match request:
            case PutManifest():
                return self._put(request, read(request, headers, body), caller)
            case DeleteManifest():
                return self._delete(request, caller)
            case DeleteBlob():
                return self._delete_blob(request, caller)

    def _put(self, request: PutManifest, found: _Read, caller: Caller) -> Answer:
        digest = found.descriptor.digest
        tags = (request.reference,) if isinstance(request.reference, str) else request.tags
        subject = found.manifest.subject.digest if found.manifest.subject else None
        with self._database.transaction() as connection:
            self._refuse_owned(request)
            self._refuse_incomplete(request.name, found.manifest)
            with self._blobs.writer(digest.algorithm) as writer:
                writer.write(found.data)
                writer.commit(digest)
            pushed = self._clock().isoformat(timespec="seconds")
            name, by = request.name, caller.client.name
            link = Link(name, Kind.MANIFEST, found.descriptor, pushed, by, subject)
            self._links.put(connection, link)
            self._verified.put(connection, {digest: self._blobs.stamp(digest)}, pushed)
            for tag in tags:
                self._refs.tag(connection, name, tag, found.descriptor)
            done = deed(Act.MANIFEST, caller, name, digest=digest, tags=list(tags))
            self._audit.append(connection, done)
        extra = {"oci-subject": str(subject)} if subject else {}
        location = {"location": request.address(f"manifests/{digest}")}
        named = tuple(("oci-tag", tag) for tag in request.tags)
        return Answer(201, {**location, **identity(digest), **extra}, repeated=named)

    def _refuse_incomplete(self, name: str, manifest: Manifest) -> None:
        """Refuse what names content the repository has not, or not in that size."""
        kind = Kind.MANIFEST if manifest.media_type in media_types.INDEXES else Kind.BLOB
        unknown, wrong = [], []
        for child in manifest.children:
            if child.media_type in media_types.NOT_DISTRIBUTED:
                continue
            link = self._links.one(name, kind, child.digest)
            if link is None:
                unknown.append(child.digest)
            elif link.descriptor.size != child.size:
                wrong.append(child.digest)
        if unknown:
            raise Refused(*missing(unknown, "MANIFEST_BLOB_UNKNOWN", kind))
        if wrong:
            message = f"{wrong[0]} has another size than the manifest says"
            raise Refused(Refusal(400, "MANIFEST_INVALID", message))

    def _delete(self, request: DeleteManifest, caller: Caller) -> Answer:
        with self._database.transaction() as connection:
            self._refuse_absent(request)
            if not self._deleted(connection, request):
                message = "this repository has no such manifest"
                raise Refused(Refusal(404, "MANIFEST_UNKNOWN", message))
            kind = "tag" if isinstance(request.reference, str) else "digest"
            told = {kind: str(request.reference)}
            self._audit.append(connection, deed(Act.MANIFEST_DELETE, caller, request.name, **told))
        return _DELETED

    def _deleted(self, connection: sqlite3.Connection, request: DeleteManifest) -> bool:
        name, reference = request.name, request.reference
        if isinstance(reference, str):
            return self._refs.untag(connection, name, tag=reference) > 0
        self._refs.untag(connection, name, digest=reference)
        return self._links.remove(connection, name, Kind.MANIFEST, reference)

    def _delete_blob(self, request: DeleteBlob, caller: Caller) -> Answer:
        with self._database.transaction() as connection:
            self._refuse_absent(request)
            if not self._links.remove(connection, request.name, Kind.BLOB, request.digest):
                message = "this repository has no such blob"
                raise Refused(Refusal(404, "BLOB_UNKNOWN", message))
            gone = deed(Act.BLOB_DELETE, caller, request.name, digest=request.digest)
            self._audit.append(connection, gone)
        return _DELETED

    def _refuse_absent(self, request: Repository) -> None:
        self._refuse_owned(request)
        if not self._links.any(request.name):
            message = "this zone has no such repository"
            raise Refused(Refusal(404, "NAME_UNKNOWN", message))

    def _refuse_owned(self, request: Repository) -> None:
        """Asked inside the transaction: an import may have taken the name a moment ago."""
        if self._refs.owned(request.name):
            raise Refused(OWNED)


def read(request: PutManifest, headers: Mapping[str, str], data: bytes) -> _Read:
    """Read a manifest that is to be stored; raises Refused.

    Its media type is what it says itself, else what its fields make it; the Content-Type must agree
    where there is one.
    """
    algorithm = request.reference.algorithm if isinstance(request.reference, Digest) else "sha256"
    digest = Digest.of(data, algorithm)
    if isinstance(request.reference, Digest) and request.reference != digest:
        message = f"the manifest's bytes are {digest}, not {request.reference}"
        raise Refused(Refusal(400, "DIGEST_INVALID", message))
    try:
        manifest = Manifest.from_bytes(data, Digest.parse_registered)
    except (InvalidManifest, InvalidDescriptor, InvalidDigest) as error:
        raise Refused(Refusal(400, "MANIFEST_INVALID", str(error))) from error
    declared = headers.get("content-type", "").partition(";")[0].strip().lower()
    if declared and declared != manifest.media_type:
        message = f"the Content-Type is {declared[:100]!r}, the manifest {manifest.media_type!r}"
        raise Refused(Refusal(400, "MANIFEST_INVALID", message))
    return _Read(manifest, Descriptor(manifest.media_type, digest, len(data)), data)
