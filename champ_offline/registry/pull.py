"""Answers what clients read, from the store's content (OCI distribution-spec 1.1, "Pull" and on).

Invariant: pure but for reading the store; a manifest is served only after it has been hashed again,
a blob file only while it has the size its manifest recorded, and after `soundness` has found it to
be what was verified. The store changes by whole files, so an answer is true when it leaves.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import quote

from champ_offline.oci import media_types
from champ_offline.oci.digest import Digest
from champ_offline.oci.manifest import image_index
from champ_offline.registry.access import Client, sees
from champ_offline.registry.answers import Answer, FilePart, document, etag, identity, refuse
from champ_offline.registry.content import Content
from champ_offline.registry.requests import (
    BlobRequest,
    CatalogRequest,
    ManifestRequest,
    Ping,
    Read,
    ReferrersRequest,
    Refusal,
    TagsRequest,
)
from champ_offline.store.blobs import BlobMissing

_BLOB = "application/octet-stream"
_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")
_MOST_ENTRIES = 1000
_NO_REPOSITORY = Refusal(404, "NAME_UNKNOWN", "this zone has no such repository")


def answer(request: Read, headers: Mapping[str, str], content: Content, client: Client) -> Answer:
    """Answer one request; `headers` are the client's, names in lower case."""
    match request:
        case Ping():
            return document({})
        case ManifestRequest():
            return _manifest(request, headers, content)
        case BlobRequest():
            return _blob(request, headers, content)
        case TagsRequest():
            return _tags(request, content)
        case CatalogRequest():
            return _catalog(request, content, client)
        case ReferrersRequest():
            return _referrers(request, content)


def _catalog(request: CatalogRequest, content: Content, client: Client) -> Answer:
    names = [name for name in content.names() if sees(client, name)]
    page, more = _cut(names, request.limit, request.last)
    follows = _link(f"/v2/_catalog?n={len(page)}&last={quote(page[-1], '')}") if more else {}
    return document({"repositories": page}, follows)


def _manifest(request: ManifestRequest, headers: Mapping[str, str], content: Content) -> Answer:
    held = content.of(request.name)
    if isinstance(request.reference, Digest):
        found = held.manifests.get(request.reference)
    else:
        found = held.tags.get(request.reference)
    if found is None or found.media_type not in media_types.DOCUMENTS:
        return _unknown(request.name, "MANIFEST_UNKNOWN", "manifest", content)
    data = content.manifests.read(found)
    if data is None:
        return damaged("MANIFEST_UNKNOWN", found.digest)
    extra = identity(found.digest) | {"content-type": found.media_type}
    if _unchanged(headers, found.digest):
        return Answer(304, extra)
    return Answer(200, extra, data)


def _blob(request: BlobRequest, headers: Mapping[str, str], content: Content) -> Answer:
    found = content.find(request.name, request.digest)
    if found is None:
        return _unknown(request.name, "BLOB_UNKNOWN", "blob", content)
    try:
        size = content.blobs.size(found.digest)
    except BlobMissing:
        size = -1
    if size != found.size:
        return damaged("BLOB_UNKNOWN", found.digest)
    extra = identity(found.digest) | {"content-type": _BLOB, "accept-ranges": "bytes"}
    if _unchanged(headers, found.digest):
        return Answer(304, extra)
    path = content.blobs.path(found.digest)
    return _ranged(headers, FilePart(path, found.digest, 0, size), extra)


def _ranged(headers: Mapping[str, str], file: FilePart, extra: dict[str, str]) -> Answer:
    """One range of RFC 9110, 14.2; several ranges or another unit give the whole.

    A range that ends before it begins is refused like one that lies outside (15.5.17).
    """
    match = _RANGE.fullmatch(headers.get("range", "").replace(" ", ""))
    condition = headers.get("if-range")
    if not match or match[0] == "bytes=-" or condition not in {None, etag(file.digest)}:
        return Answer(200, extra, file)
    size = file.length
    if match[1]:
        start = int(match[1])
        end = min(int(match[2]), size - 1) if match[2] else size - 1
    else:
        start, end = max(0, size - int(match[2])), size - 1
    if start > end:
        return Answer(416, extra | {"content-range": f"bytes */{size}"})
    part = replace(file, start=start, length=end - start + 1)
    return Answer(206, extra | {"content-range": f"bytes {start}-{end}/{size}"}, part)


def _tags(request: TagsRequest, content: Content) -> Answer:
    held = content.of(request.name)
    if not held.exists:
        return refuse(_NO_REPOSITORY)
    page, more = _cut(list(held.tags), request.limit, request.last)
    follows = _link(request.address("tags/list", n=len(page), last=page[-1])) if more else {}
    return document({"name": request.asked, "tags": page}, follows)


def _referrers(request: ReferrersRequest, content: Content) -> Answer:
    found = content.referrers(request.name, request.digest)
    extra = {"content-type": media_types.IMAGE_INDEX}
    if request.artifact_type:
        found = [item for item in found if item.artifact_type == request.artifact_type]
        extra["oci-filters-applied"] = "artifactType"
    return Answer(200, extra, image_index(found))


def _unknown(name: str, code: str, what: str, content: Content) -> Answer:
    held = content.of(name)
    if not held.exists:
        return refuse(_NO_REPOSITORY)
    refusal = Refusal(404, code, f"this repository has no such {what}")
    # It may be below what cannot be read.
    return replace(refuse(refusal), suspect=held.unread)


def damaged(code: str, digest: Digest) -> Answer:
    """Content that the repository has and the store has not, or not as it was verified."""
    message = f"{digest} is missing or damaged in the zone's store; import or push it again"
    return replace(refuse(Refusal(404, code, message)), suspect=digest)


def _cut(entries: list[str], limit: int | None, last: str) -> tuple[list[str], bool]:
    """One page after `last`, and whether more follows ("Listing Tags")."""
    rest = [entry for entry in entries if entry > last]
    limit = min(_MOST_ENTRIES if limit is None else limit, _MOST_ENTRIES)
    return rest[:limit], 0 < limit < len(rest)


def _link(address: str) -> dict[str, str]:
    """Where the next page is (RFC 8288)."""
    return {"link": f'<{address}>; rel="next"'}


def _unchanged(headers: Mapping[str, str], digest: Digest) -> bool:
    """Whether the client holds this very content (RFC 9110, 13.1.2)."""
    if "if-none-match" not in headers:
        return False
    tags = [tag.strip().removeprefix("W/") for tag in headers["if-none-match"].split(",")]
    return "*" in tags or etag(digest) in tags
