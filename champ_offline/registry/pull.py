"""Answers registry requests from the store's content (OCI distribution-spec 1.1, "Pull" and on).

Invariant: pure but for reading the store; a manifest is served only after it has been hashed again,
a blob file only while it has the size its manifest recorded. The store changes by whole
files, so an answer is true when it leaves.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from champ_offline.errors import ChampError
from champ_offline.oci import media_types
from champ_offline.oci.descriptor import Descriptor
from champ_offline.oci.digest import Digest
from champ_offline.oci.manifest import image_index
from champ_offline.registry.content import Content
from champ_offline.registry.routes import (
    BlobRequest,
    CatalogRequest,
    ManifestRequest,
    Ping,
    ReferrersRequest,
    Refusal,
    Request,
    TagsRequest,
)

_JSON = "application/json"
_BLOB = "application/octet-stream"
_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})")
_MOST_ENTRIES = 1000


@dataclass(frozen=True)
class FilePart:
    """`length` bytes of a file from `start` on; `whole` when that is all of it."""

    path: Path
    start: int
    length: int
    whole: bool


@dataclass(frozen=True)
class Answer:
    """Status, headers (names in lower case) and body of a response to GET."""

    status: int
    headers: Mapping[str, str]
    body: bytes | FilePart = b""

    @property
    def length(self) -> int:
        """Bytes in the body."""
        return self.body.length if isinstance(self.body, FilePart) else len(self.body)


def answer(request: Request, headers: Mapping[str, str], content: Content) -> Answer:
    """Answer one request; `headers` are the client's, names in lower case."""
    match request:
        case Ping():
            return _document({})
        case ManifestRequest():
            return _manifest(request, headers, content)
        case BlobRequest():
            return _blob(request, headers, content)
        case TagsRequest():
            return _tags(request, content)
        case CatalogRequest():
            names = content.refs.names()
            page, more = _cut(names, request.limit, request.last)
            return _document({"repositories": page}, _link("/v2/_catalog", page, more))
        case ReferrersRequest():
            return _referrers(request, content)
        case Refusal():
            return refuse(request)


def refuse(refusal: Refusal) -> Answer:
    """The spec's error document ("Error Codes")."""
    error = {"code": refusal.code, "message": refusal.message}
    extra = {"allow": "GET, HEAD"} if refusal.status == 405 else {}
    return _document({"errors": [error]}, extra, refusal.status)


def _manifest(request: ManifestRequest, headers: Mapping[str, str], content: Content) -> Answer:
    if isinstance(request.reference, Digest):
        found = content.find(request.name, request.reference)
    else:
        found = content.tagged(request.name, request.reference)
    if found is None or found.media_type not in media_types.DOCUMENTS:
        return _unknown(request.name, "MANIFEST_UNKNOWN", "manifest", content)
    data = _sound(found, content)
    if data is None:
        return refuse(_damaged("MANIFEST_UNKNOWN", found))
    extra = _identity(found.digest) | {"content-type": found.media_type}
    if _unchanged(headers, found.digest):
        return Answer(304, extra)
    return Answer(200, extra, data)


def _sound(found: Descriptor, content: Content) -> bytes | None:
    """The manifest's bytes, or None when the store's file is missing or damaged."""
    try:
        data = content.blobs.read(found.digest)
    except ChampError:
        return None
    return data if Digest.of(data) == found.digest and len(data) == found.size else None


def _blob(request: BlobRequest, headers: Mapping[str, str], content: Content) -> Answer:
    found = content.find(request.name, request.digest)
    if found is None:
        return _unknown(request.name, "BLOB_UNKNOWN", "blob", content)
    try:
        size = content.blobs.size(found.digest)
    except ChampError:
        size = -1
    if size != found.size:
        return refuse(_damaged("BLOB_UNKNOWN", found))
    extra = _identity(found.digest) | {"content-type": _BLOB, "accept-ranges": "bytes"}
    if _unchanged(headers, found.digest):
        return Answer(304, extra)
    path = content.blobs.path(found.digest)
    return _ranged(headers, FilePart(path, 0, size, whole=True), extra, found.digest)


def _ranged(
    headers: Mapping[str, str], file: FilePart, extra: dict[str, str], digest: Digest
) -> Answer:
    """One range of RFC 9110, 14.2; several ranges or another unit give the whole."""
    match = _RANGE.fullmatch(headers.get("range", "").replace(" ", ""))
    condition = headers.get("if-range")
    if not match or match[0] == "bytes=-" or condition not in {None, _etag(digest)}:
        return Answer(200, extra, file)
    size = file.length
    if match[1]:
        start = int(match[1])
        end = min(int(match[2]), size - 1) if match[2] else size - 1
        if match[2] and int(match[2]) < start:
            return Answer(200, extra, file)
    else:
        start, end = max(0, size - int(match[2])), size - 1
    if start > end:
        return Answer(416, extra | {"content-range": f"bytes */{size}"})
    part = FilePart(file.path, start, end - start + 1, whole=False)
    return Answer(206, extra | {"content-range": f"bytes {start}-{end}/{size}"}, part)


def _tags(request: TagsRequest, content: Content) -> Answer:
    tags = content.refs.tags(request.name)
    if not tags:
        return refuse(Refusal(404, "NAME_UNKNOWN", "this zone has no such repository"))
    page, more = _cut(tags, request.limit, request.last)
    document = {"name": request.asked, "tags": page}
    path = f"/v2/{request.asked}/tags/list"
    return _document(document, _link(path, page, more, request.host))


def _referrers(request: ReferrersRequest, content: Content) -> Answer:
    found = content.referrers(request.name, request.digest)
    extra = {"content-type": media_types.IMAGE_INDEX}
    if request.artifact_type:
        found = [item for item in found if item.artifact_type == request.artifact_type]
        extra["oci-filters-applied"] = "artifactType"
    return Answer(200, extra, image_index(found))


def _unknown(name: str, code: str, what: str, content: Content) -> Answer:
    if not content.refs.tags(name):
        return refuse(Refusal(404, "NAME_UNKNOWN", "this zone has no such repository"))
    return refuse(Refusal(404, code, f"this repository has no such {what}"))


def _damaged(code: str, found: Descriptor) -> Refusal:
    message = f"{found.digest} is missing or damaged in the zone's store; import its bundle again"
    return Refusal(404, code, message)


def _cut(entries: list[str], limit: int | None, last: str) -> tuple[list[str], bool]:
    """One page after `last`, and whether more follows ("Listing Tags")."""
    rest = [entry for entry in entries if entry > last]
    limit = min(_MOST_ENTRIES if limit is None else limit, _MOST_ENTRIES)
    return rest[:limit], 0 < limit < len(rest)


def _link(path: str, page: list[str], more: bool, host: str = "") -> dict[str, str]:  # noqa: FBT001
    if not more:
        return {}
    mirrored = {"ns": host} if host else {}
    query = urlencode({**mirrored, "n": len(page), "last": page[-1]})
    return {"link": f'<{path}?{query}>; rel="next"'}


def _document(
    document: object, extra: Mapping[str, str] | None = None, status: int = 200
) -> Answer:
    return Answer(status, {"content-type": _JSON, **(extra or {})}, json.dumps(document).encode())


def _identity(digest: Digest) -> dict[str, str]:
    return {"docker-content-digest": str(digest), "etag": _etag(digest)}


def _etag(digest: Digest) -> str:
    return f'"{digest}"'


def _unchanged(headers: Mapping[str, str], digest: Digest) -> bool:
    """Whether the client holds this very content (RFC 9110, 13.1.2)."""
    tags = [tag.strip().removeprefix("W/") for tag in headers.get("if-none-match", "").split(",")]
    return "*" in tags or _etag(digest) in tags
