"""Pulling: the version check, manifests, blobs, and whether they are there."""

from __future__ import annotations

import json
import secrets

import pytest

from tests.contracts.distribution.client import (
    IMAGE,
    INDEX,
    Registry,
    Repository,
    digest_of,
)

MANY = 2048


def test_version_check(registry: Registry) -> None:
    """MUST, Determining Support: `GET /v2/` answers 200 where the registry speaks this API."""
    assert registry.send("GET", "/v2/").status == 200


def test_version_header(registry: Registry) -> None:
    """SHOULD, Legacy Docker support HTTP headers: `Docker-Distribution-API-Version` is sent."""
    found = registry.send("GET", "/v2/")
    assert found.headers["docker-distribution-api-version"] == "registry/2.0"


@pytest.mark.parametrize(
    "name",
    ["a", "a/b", "a-b/c_d", "a.b/c__d", "a0/1---2", "x/blobs", "x/manifests/tags", "l" * 200],
)
def test_names(registry: Registry, name: str) -> None:
    """MUST, Pulling manifests: a name of the grammar names a repository."""
    repository = Repository(registry, name)
    digest = repository.image("1")
    assert repository.send("GET", f"manifests/{digest}").status == 200


@pytest.mark.parametrize("name", ["A", "-a", "a/", "a//b", "a/-b", "a..b", "a_-b", "a/B", "a@b"])
def test_names_of_another_form(registry: Registry, name: str) -> None:
    """MUST, Pulling manifests: a name outside the grammar names nothing."""
    found = registry.send("GET", f"/v2/{name}/manifests/1")
    assert found.status in {400, 404}
    assert found.codes[0] in {"NAME_INVALID", "NAME_UNKNOWN"}


@pytest.mark.parametrize("tag", ["1", "_x", "A.b-c_D", "t" * 128])
def test_tags(repository: Repository, tag: str) -> None:
    """MUST, Pulling manifests: a tag has up to 128 letters, digits, `_`, `.` and `-`."""
    repository.image(tag)
    assert repository.send("GET", f"manifests/{tag}").status == 200


@pytest.mark.parametrize("tag", [".x", "-x", "t" * 129, "a%20b", "a+b"])
def test_tags_of_another_form(repository: Repository, tag: str) -> None:
    """MUST, Pulling manifests: a reference of neither form is refused, and nothing is stored."""
    data = repository.image_bytes()
    assert repository.send("PUT", f"manifests/{tag}", data).status in {400, 404}
    for method in ("GET", "HEAD", "DELETE"):
        assert repository.send(method, f"manifests/{tag}").status == 404


def test_a_manifest_by_tag(repository: Repository, algorithm: str) -> None:
    """MUST, Pulling manifests: a manifest that exists is answered with 200 and its bytes."""
    data = repository.image_bytes(algorithm)
    repository.manifest(data, "1")
    found = repository.send("GET", "manifests/1")
    assert (found.status, found.body) == (200, data)


def test_a_manifest_by_digest(repository: Repository, algorithm: str) -> None:
    """MUST, Pulling manifests: a digest as reference gives the manifest with that digest."""
    data = repository.image_bytes(algorithm)
    digest = repository.manifest(data, algorithm=algorithm)
    found = repository.send("GET", f"manifests/{digest}")
    assert (found.status, found.body) == (200, data)


def test_the_type_of_a_manifest(repository: Repository) -> None:
    """SHOULD, Pulling manifests: Content-Type is the media type the manifest was pushed with."""
    repository.image("image")
    index = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": []}).encode()
    repository.manifest(index, "index", INDEX)
    assert repository.send("GET", "manifests/image").headers["content-type"] == IMAGE
    assert repository.send("GET", "manifests/index").headers["content-type"] == INDEX


def test_the_type_does_not_follow_accept(repository: Repository) -> None:
    """SHOULD, Pulling manifests: a manifest keeps its type, whatever Accept says."""
    data = repository.image_bytes()
    repository.manifest(data, "1")
    for accept in ("application/json", "*/*", INDEX, ""):
        found = repository.send("GET", "manifests/1", headers={"accept": accept})
        assert (found.status, found.body, found.headers["content-type"]) == (200, data, IMAGE)


def test_the_digest_of_a_manifest(repository: Repository, algorithm: str) -> None:
    """MUST, Pulling manifests: `Docker-Content-Digest`, where it is sent, is the body's digest."""
    digest = repository.image(algorithm=algorithm)
    found = repository.send("GET", f"manifests/{digest}")
    assert found.headers["docker-content-digest"] == digest
    assert digest_of(found.body, algorithm) == digest


def test_a_manifest_that_is_not_there(repository: Repository, algorithm: str) -> None:
    """MUST, Pulling manifests: a manifest the repository has not is answered with 404."""
    repository.image("1")
    for reference in ("2", digest_of(b"elsewhere", algorithm)):
        found = repository.send("GET", f"manifests/{reference}")
        assert (found.status, found.codes) == (404, ["MANIFEST_UNKNOWN"])


def test_a_repository_that_is_not_there(repository: Repository) -> None:
    """MUST, Pulling manifests: a repository that does not exist is answered with 404."""
    found = repository.send("GET", "manifests/1")
    assert (found.status, found.codes) == (404, ["NAME_UNKNOWN"])


@pytest.mark.parametrize("size", [0, 1, 2, 512, 3_000_000])
def test_a_blob(repository: Repository, algorithm: str, size: int) -> None:
    """MUST, Pulling blobs: a blob that exists is answered with 200 and its bytes."""
    data = secrets.token_bytes(size)
    digest = repository.blob(data, algorithm)
    found = repository.send("GET", f"blobs/{digest}")
    assert (found.status, found.body) == (200, data)
    assert found.headers["content-length"] == str(size)


def test_the_digest_of_a_blob(repository: Repository, algorithm: str) -> None:
    """MUST, Pulling blobs: `Docker-Content-Digest`, where it is sent, is the blob's digest."""
    digest = repository.blob(b"some bytes", algorithm)
    assert repository.send("GET", f"blobs/{digest}").headers["docker-content-digest"] == digest


def test_a_blob_that_is_not_there(repository: Repository, algorithm: str) -> None:
    """MUST, Pulling blobs: a blob the repository has not is answered with 404."""
    repository.blob(b"some bytes", algorithm)
    found = repository.send("GET", f"blobs/{digest_of(b'others', algorithm)}")
    assert (found.status, found.codes) == (404, ["BLOB_UNKNOWN"])


def test_a_blob_of_another_repository(repository: Repository, other: Repository) -> None:
    """MUST, Pulling blobs: what another repository has is not in this one."""
    digest = other.blob(b"theirs")
    repository.blob(b"ours")
    assert repository.send("GET", f"blobs/{digest}").status == 404


@pytest.mark.parametrize(
    "digest", ["sha256:abc", "sha1:00", "md5:x", "sha256", "sha256:" + "Z" * 64]
)
def test_digests_of_another_form(repository: Repository, digest: str) -> None:
    """MUST, Error Codes: a malformed digest is answered with 400 or 404, and an error code."""
    for path in (f"blobs/{digest}", f"manifests/{digest}" if ":" in digest else f"blobs/{digest}"):
        found = repository.send("GET", path)
        assert (found.status, found.codes) == (400, ["DIGEST_INVALID"])


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [
        ("bytes=500-1499", 500, 1499),
        ("bytes=500-", 500, MANY - 1),
        ("bytes=-500", MANY - 500, MANY - 1),
        ("bytes=2000-5000", 2000, MANY - 1),
        ("bytes=0-0", 0, 0),
    ],
)
def test_ranges(repository: Repository, algorithm: str, asked: str, first: int, last: int) -> None:
    """SHOULD, Pulling blobs: `Range` gives that part of the blob, with 206 (RFC 9110, 14.2)."""
    data = secrets.token_bytes(MANY)
    digest = repository.blob(data, algorithm)
    found = repository.send("GET", f"blobs/{digest}", headers={"range": asked})
    assert (found.status, found.body) == (206, data[first : last + 1])
    assert found.headers["content-range"] == f"bytes {first}-{last}/{MANY}"
    assert found.headers["content-length"] == str(last + 1 - first)


@pytest.mark.parametrize("asked", ["bytes=500-0", f"bytes={MANY}-", "bytes=5000-10000", "bytes=-0"])
def test_ranges_outside(repository: Repository, asked: str) -> None:
    """SHOULD, Pulling blobs: a range with no byte of the blob is answered with 416."""
    digest = repository.blob(secrets.token_bytes(MANY))
    found = repository.send("GET", f"blobs/{digest}", headers={"range": asked})
    assert (found.status, found.headers["content-range"]) == (416, f"bytes */{MANY}")


def test_range_only_of_the_same_content(repository: Repository) -> None:
    """SHOULD, Pulling blobs: `If-Range` gives a part only of the content the client began with."""
    data = secrets.token_bytes(MANY)
    path = f"blobs/{repository.blob(data)}"
    tag = repository.send("HEAD", path).headers["etag"]
    headers = {"range": "bytes=0-9", "if-range": tag}
    assert repository.send("GET", path, headers=headers).status == 206
    found = repository.send("GET", path, headers={**headers, "if-range": '"another"'})
    assert (found.status, found.body) == (200, data)


def test_content_the_client_has(repository: Repository) -> None:
    """SHOULD, Pulling blobs: `If-None-Match` with the content's tag gives 304, no body."""
    for path in (f"blobs/{repository.blob(b'bytes')}", f"manifests/{repository.image()}"):
        tag = repository.send("HEAD", path).headers["etag"]
        found = repository.send("GET", path, headers={"if-none-match": tag})
        assert (found.status, found.body) == (304, b"")
        assert repository.send("GET", path, headers={"if-none-match": '"x"'}).status == 200


def test_head_of_a_manifest(repository: Repository, algorithm: str) -> None:
    """MUST, Checking if content exists in the registry: HEAD of a manifest answers 200, no body."""
    data = repository.image_bytes(algorithm)
    digest = repository.manifest(data, algorithm=algorithm)
    found = repository.send("HEAD", f"manifests/{digest}")
    assert (found.status, found.body) == (200, b"")
    assert found.headers["content-length"] == str(len(data))
    assert found.headers["docker-content-digest"] == digest


def test_head_of_a_tag(repository: Repository) -> None:
    """MUST, Checking if content exists in the registry: HEAD of a tag tells digest and length."""
    data = repository.image_bytes()
    digest = repository.manifest(data, "1")
    found = repository.send("HEAD", "manifests/1")
    assert (found.status, found.headers["docker-content-digest"]) == (200, digest)
    assert found.headers["content-length"] == str(len(data))


@pytest.mark.parametrize("size", [0, 700])
def test_head_of_a_blob(repository: Repository, algorithm: str, size: int) -> None:
    """MUST, Checking if content exists in the registry: HEAD of a blob tells digest and length."""
    digest = repository.blob(bytes(size), algorithm)
    found = repository.send("HEAD", f"blobs/{digest}")
    assert (found.status, found.body) == (200, b"")
    assert found.headers["content-length"] == str(size)
    assert found.headers["docker-content-digest"] == digest


def test_head_of_nothing(repository: Repository, algorithm: str) -> None:
    """MUST, Checking if content exists in the registry: HEAD of what is not there answers 404."""
    repository.image("1")
    absent = digest_of(b"elsewhere", algorithm)
    for path in (f"manifests/{absent}", "manifests/2", f"blobs/{absent}"):
        found = repository.send("HEAD", path)
        assert (found.status, found.body) == (404, b"")
