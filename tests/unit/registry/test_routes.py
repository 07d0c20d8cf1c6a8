"""Requests become typed values, and nothing malformed gets through."""

from __future__ import annotations

import pytest

from champ_offline.oci.digest import Digest
from champ_offline.registry.routes import (
    BlobRequest,
    CatalogRequest,
    ManifestRequest,
    Ping,
    ReferrersRequest,
    Refusal,
    Request,
    TagsRequest,
    parse,
)

D = Digest.of(b"x")


@pytest.mark.parametrize(
    ("path", "query", "expected"),
    [
        ("/v2/", "", Ping()),
        ("/v2", "", Ping()),
        (
            "/v2/library/web/manifests/1",
            "ns=docker.io",
            ManifestRequest("docker.io/library/web", "1"),
        ),
        (
            "/v2/docker.io/library/web/manifests/1",
            "",
            ManifestRequest("docker.io/library/web", "1"),
        ),
        ("/v2/a/manifests/1", "ns=h%3A5000", ManifestRequest("h:5000/a", "1")),
        (f"/v2/a/b/manifests/{D}", "", ManifestRequest("a/b", D)),
        (f"/v2/a/manifests/sha256%3A{D.hex}", "", ManifestRequest("a", D)),
        (f"/v2/a/blobs/{D}", "", BlobRequest("a", D)),
        ("/v2/manifests/blobs/manifests/tags", "", ManifestRequest("manifests/blobs", "tags")),
        ("/v2/a/tags/list", "n=5&last=v1", TagsRequest("a", 5, "v1")),
        ("/v2/a/tags/list", "", TagsRequest("a", None, "")),
        ("/v2/_catalog", "n=0", CatalogRequest(0, "")),
        (f"/v2/a/referrers/{D}", "artifactType=t%2Fx", ReferrersRequest("a", D, "t/x")),
    ],
)
def test_parsed(path: str, query: str, expected: Request) -> None:
    assert parse("GET", path, query) == expected
    assert parse("HEAD", path, query) == expected


@pytest.mark.parametrize(
    ("method", "path", "query", "status", "code"),
    [
        ("GET", "/", "", 404, "NAME_UNKNOWN"),
        ("GET", "/v2/a", "", 404, "NAME_UNKNOWN"),
        ("GET", "/v2/a/tags/other", "", 404, "NAME_UNKNOWN"),
        ("POST", "/v2/a/blobs/uploads/", "", 405, "UNSUPPORTED"),
        ("PUT", "/v2/a/manifests/1", "", 405, "UNSUPPORTED"),
        ("DELETE", f"/v2/a/blobs/{D}", "", 405, "UNSUPPORTED"),
        ("POST", "/elsewhere", "", 404, "NAME_UNKNOWN"),
        ("GET", "/v2/A/manifests/1", "", 400, "NAME_INVALID"),
        ("GET", "/v2/../etc/manifests/1", "", 400, "NAME_INVALID"),
        ("GET", "/v2/%2e%2e/etc/manifests/1", "", 400, "NAME_INVALID"),
        ("GET", "/v2/a//b/manifests/1", "", 400, "NAME_INVALID"),
        ("GET", "/v2/a%00/manifests/1", "", 400, "NAME_INVALID"),
        ("GET", f"/v2/{'a' * 300}/manifests/1", "", 400, "NAME_INVALID"),
        ("GET", "/v2/a/manifests/1", "ns=../x", 400, "NAME_INVALID"),
        ("GET", "/v2/a/manifests/-1", "", 400, "TAG_INVALID"),
        ("GET", "/v2/a/manifests/", "", 400, "TAG_INVALID"),
        ("GET", f"/v2/a/manifests/{'t' * 129}", "", 400, "TAG_INVALID"),
        ("GET", "/v2/a/blobs/sha256:12", "", 400, "DIGEST_INVALID"),
        ("GET", f"/v2/a/blobs/sha512:{'0' * 128}", "", 400, "DIGEST_INVALID"),
        ("GET", "/v2/a/blobs/..", "", 400, "DIGEST_INVALID"),
        ("GET", "/v2/a/blobs/..%2f..%2fetc", "", 404, "NAME_UNKNOWN"),
        ("GET", "/v2/a/tags/list", "n=-1", 400, "PAGINATION_NUMBER_INVALID"),
        ("GET", "/v2/a/tags/list", f"last={'x' * 5000}", 414, "UNSUPPORTED"),
    ],
)
def test_refused(method: str, path: str, query: str, status: int, code: str) -> None:
    found = parse(method, path, query)
    assert isinstance(found, Refusal)
    assert (found.status, found.code) == (status, code)
