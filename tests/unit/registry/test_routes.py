"""Requests become typed values, and nothing malformed gets through."""

from __future__ import annotations

import pytest

from champ_offline.oci.digest import Digest
from champ_offline.registry.requests import (
    BeginUpload,
    BlobRequest,
    CancelUpload,
    CatalogRequest,
    DeleteBlob,
    DeleteManifest,
    FinishUpload,
    ManifestRequest,
    Ping,
    PutManifest,
    ReferrersRequest,
    Refusal,
    Request,
    TagsRequest,
    UploadChunk,
    UploadStatus,
)
from champ_offline.registry.routes import parse

D = Digest.of(b"x")
D512 = Digest.of(b"x", "sha512")
ID = "0b5d3f6e-2f57-4d7c-9a80-6b1c2d3e4f50"


@pytest.mark.parametrize(
    ("path", "query", "expected"),
    [
        ("/v2/", "", Ping()),
        ("/v2", "", Ping()),
        (
            "/v2/library/web/manifests/1",
            "ns=docker.io",
            ManifestRequest("docker.io/library/web", "docker.io", reference="1"),
        ),
        (
            "/v2/docker.io/library/web/manifests/1",
            "",
            ManifestRequest("docker.io/library/web", reference="1"),
        ),
        ("/v2/a/manifests/1", "ns=h%3A5000", ManifestRequest("h:5000/a", "h:5000", reference="1")),
        (f"/v2/a/b/manifests/{D}", "", ManifestRequest("a/b", reference=D)),
        (f"/v2/a/manifests/sha256%3A{D.hex}", "", ManifestRequest("a", reference=D)),
        (f"/v2/a/blobs/{D}", "", BlobRequest("a", digest=D)),
        (
            "/v2/manifests/blobs/manifests/tags",
            "",
            ManifestRequest("manifests/blobs", reference="tags"),
        ),
        ("/v2/a/tags/list", "n=5&last=v1", TagsRequest("a", limit=5, last="v1")),
        ("/v2/a/tags/list", "", TagsRequest("a", limit=None, last="")),
        ("/v2/_catalog", "n=0", CatalogRequest(0, "")),
        (
            f"/v2/a/referrers/{D}",
            "artifactType=t%2Fx",
            ReferrersRequest("a", digest=D, artifact_type="t/x"),
        ),
    ],
)
def test_parsed(path: str, query: str, expected: Request) -> None:
    assert parse("GET", path, query) == expected
    assert parse("HEAD", path, query) == expected


@pytest.mark.parametrize(
    ("method", "path", "query", "expected"),
    [
        ("POST", "/v2/a/blobs/uploads/", "", BeginUpload("a")),
        ("POST", "/v2/a/b/blobs/uploads", "", BeginUpload("a/b")),
        ("POST", "/v2/a/blobs/uploads/", f"digest={D}", BeginUpload("a", digest=D)),
        (
            "POST",
            "/v2/a/blobs/uploads/",
            f"digest={D512}",
            BeginUpload("a", digest=D512, algorithm="sha512"),
        ),
        (
            "POST",
            "/v2/a/blobs/uploads/",
            f"mount={D}&from=b/c&ns=h",
            BeginUpload("h/a", "h", mount=D, source="h/b/c"),
        ),
        ("GET", f"/v2/a/blobs/uploads/{ID}", "", UploadStatus("a", upload=ID)),
        ("PATCH", f"/v2/a/blobs/uploads/{ID}", "", UploadChunk("a", upload=ID)),
        (
            "PUT",
            f"/v2/a/blobs/uploads/{ID}",
            f"digest={D512}",
            FinishUpload("a", upload=ID, digest=D512),
        ),
        ("DELETE", f"/v2/a/blobs/uploads/{ID}", "", CancelUpload("a", upload=ID)),
        ("PUT", "/v2/a/manifests/1", "tag=2", PutManifest("a", reference="1")),
        (
            "PUT",
            f"/v2/a/manifests/{D}",
            "tag=1&tag=2",
            PutManifest("a", reference=D, tags=("1", "2")),
        ),
        ("DELETE", "/v2/a/manifests/1", "", DeleteManifest("a", reference="1")),
        ("DELETE", f"/v2/a/blobs/{D512}", "", DeleteBlob("a", digest=D512)),
    ],
)
def test_changes(method: str, path: str, query: str, expected: Request) -> None:
    assert parse(method, path, query) == expected


def test_addresses_are_as_the_client_named_the_repository() -> None:
    request = parse("POST", "/v2/library/web/blobs/uploads/", "ns=docker.io")
    assert isinstance(request, BeginUpload)
    assert request.address("tags/list", n=1) == "/v2/library/web/tags/list?ns=docker.io&n=1"
    assert BeginUpload("a/b").address(f"blobs/{D}") == f"/v2/a/b/blobs/{D}"


@pytest.mark.parametrize(
    ("method", "path", "query", "status", "code"),
    [
        ("GET", "/", "", 404, "NAME_UNKNOWN"),
        ("GET", "/v2/a", "", 404, "NAME_UNKNOWN"),
        ("GET", "/v2/a/tags/other", "", 404, "NAME_UNKNOWN"),
        ("PUT", "/v2/a/blobs/uploads/", "", 405, "UNSUPPORTED"),
        ("POST", "/v2/a/manifests/1", "", 405, "UNSUPPORTED"),
        ("POST", "/v2/a/tags/list", "", 405, "UNSUPPORTED"),
        ("PATCH", f"/v2/a/blobs/{D}", "", 405, "UNSUPPORTED"),
        ("DELETE", "/v2/", "", 405, "UNSUPPORTED"),
        ("POST", f"/v2/a/blobs/uploads/{ID}", "", 405, "UNSUPPORTED"),
        ("GET", "/v2/a/blobs/uploads/..", "", 404, "BLOB_UPLOAD_UNKNOWN"),
        ("PUT", f"/v2/a/blobs/uploads/{ID}", "", 400, "DIGEST_INVALID"),
        ("POST", "/v2/a/blobs/uploads/", "mount=x", 400, "DIGEST_INVALID"),
        ("POST", "/v2/a/blobs/uploads/", "digest-algorithm=md5", 400, "DIGEST_INVALID"),
        ("POST", "/v2/a/blobs/uploads/", f"mount={D}&from=../b", 400, "NAME_INVALID"),
        ("PUT", f"/v2/a/manifests/{D}", "tag=-x", 400, "TAG_INVALID"),
        ("POST", "/elsewhere", "", 404, "NAME_UNKNOWN"),
        ("GET", "/v2/A/manifests/1", "", 400, "NAME_INVALID"),
        ("GET", "/v2/../etc/manifests/1", "", 400, "NAME_INVALID"),
        ("GET", "/v2/%2e%2e/etc/manifests/1", "", 400, "NAME_INVALID"),
        ("GET", "/v2/a//b/manifests/1", "", 400, "NAME_INVALID"),
        ("GET", "/v2/a%00/manifests/1", "", 400, "NAME_INVALID"),
        ("GET", f"/v2/{'a' * 300}/manifests/1", "", 400, "NAME_INVALID"),
        ("GET", "/v2/a/manifests/1", "ns=../x", 400, "NAME_INVALID"),
        ("GET", "/v2/a/manifests/-1", "", 404, "MANIFEST_UNKNOWN"),
        ("HEAD", "/v2/a/manifests/.x", "", 404, "MANIFEST_UNKNOWN"),
        ("DELETE", "/v2/a/manifests/-1", "", 404, "MANIFEST_UNKNOWN"),
        ("GET", "/v2/a/manifests/", "", 404, "MANIFEST_UNKNOWN"),
        ("GET", f"/v2/a/manifests/{'t' * 129}", "", 404, "MANIFEST_UNKNOWN"),
        ("PUT", "/v2/a/manifests/-1", "", 400, "TAG_INVALID"),
        ("GET", "/v2/a/blobs/sha256:12", "", 400, "DIGEST_INVALID"),
        ("GET", f"/v2/a/blobs/sha512:{'0' * 64}", "", 400, "DIGEST_INVALID"),
        ("GET", "/v2/a/blobs/..", "", 400, "DIGEST_INVALID"),
        ("GET", "/v2/a/blobs/..%2f..%2fetc", "", 404, "NAME_UNKNOWN"),
        ("GET", "/v2/a/tags/list", "n=-1", 400, "PAGINATION_NUMBER_INVALID"),
        ("GET", "/v2/a/tags/list", f"last={'x' * 9000}", 414, "UNSUPPORTED"),
    ],
)
def test_refused(method: str, path: str, query: str, status: int, code: str) -> None:
    found = parse(method, path, query)
    assert isinstance(found, Refusal)
    assert (found.status, found.code) == (status, code)
