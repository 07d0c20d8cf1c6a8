"""Deleting tags, manifests and blobs; the form of every error."""

from __future__ import annotations

import json

import pytest

from tests.contracts.distribution.client import (
    IMAGE,
    Registry,
    Repository,
    descriptor,
    digest_of,
)


def test_delete_a_tag(repository: Repository) -> None:
    """MUST, Deleting tags: DELETE of a tag answers 202."""
    repository.image("1")
    assert repository.send("DELETE", "manifests/1").status == 202


def test_a_deleted_tag(repository: Repository) -> None:
    """MUST, Deleting tags: a deleted tag is answered with 404 and no longer listed."""
    repository.image("1")
    repository.image("2")
    repository.send("DELETE", "manifests/1")
    for method in ("GET", "HEAD"):
        assert repository.send(method, "manifests/1").status == 404
    assert repository.send("GET", "tags/list").json["tags"] == ["2"]


def test_what_a_deleted_tag_led_to(repository: Repository) -> None:
    """MUST, Deleting tags: the manifest of a deleted tag stays, and so do its other tags."""
    data = repository.image_bytes()
    repository.manifest(data, "1")
    digest = repository.manifest(data, "2")
    repository.send("DELETE", "manifests/1")
    assert repository.send("GET", f"manifests/{digest}").body == data
    assert repository.send("GET", "manifests/2").body == data


def test_delete_a_manifest(repository: Repository, algorithm: str) -> None:
    """MUST, Deleting Manifests: DELETE of a manifest by digest answers 202."""
    digest = repository.image(algorithm=algorithm)
    assert repository.send("DELETE", f"manifests/{digest}").status == 202


def test_a_deleted_manifest(repository: Repository, algorithm: str) -> None:
    """MUST, Deleting Manifests: a deleted manifest is answered with 404."""
    digest = repository.image(algorithm=algorithm)
    repository.send("DELETE", f"manifests/{digest}")
    for method in ("GET", "HEAD"):
        assert repository.send(method, f"manifests/{digest}").status == 404


def test_the_tags_of_a_deleted_manifest(repository: Repository) -> None:
    """MUST, Deleting Manifests: tags that led to a deleted manifest are answered with 404."""
    data = repository.image_bytes()
    repository.manifest(data, "1")
    digest = repository.manifest(data, "2")
    repository.image("3")
    repository.send("DELETE", f"manifests/{digest}")
    assert repository.send("GET", "manifests/1").status == 404
    assert repository.send("GET", "manifests/2").status == 404
    assert repository.send("GET", "tags/list").json["tags"] == ["3"]


def test_a_deleted_referrer(repository: Repository) -> None:
    """MUST, Listing Referrers: a deleted manifest is no longer listed as a referrer."""
    image = repository.image_bytes()
    subject = repository.manifest(image)
    note = repository.manifest(repository.image_bytes(subject=descriptor(image, IMAGE)))
    assert len(repository.send("GET", f"referrers/{subject}").json["manifests"]) == 1
    repository.send("DELETE", f"manifests/{note}")
    assert repository.send("GET", f"referrers/{subject}").json["manifests"] == []


def test_referrers_of_a_deleted_manifest(repository: Repository) -> None:
    """MUST, Listing Referrers: what refers to a manifest stays listed when that is deleted."""
    image = repository.image_bytes()
    subject = repository.manifest(image)
    note = repository.manifest(repository.image_bytes(subject=descriptor(image, IMAGE)))
    repository.send("DELETE", f"manifests/{subject}")
    found = repository.send("GET", f"referrers/{subject}").json["manifests"]
    assert [one["digest"] for one in found] == [note]


def test_delete_a_manifest_that_is_not_there(repository: Repository, algorithm: str) -> None:
    """MUST, Deleting Manifests: what is not there is answered with 404, repository or manifest."""
    absent = digest_of(b"absent", algorithm)
    for reference in (absent, "1"):
        found = repository.send("DELETE", f"manifests/{reference}")
        assert (found.status, found.codes) == (404, ["NAME_UNKNOWN"])
    repository.image("2")
    for reference in (absent, "1"):
        found = repository.send("DELETE", f"manifests/{reference}")
        assert (found.status, found.codes) == (404, ["MANIFEST_UNKNOWN"])


def test_delete_a_blob(repository: Repository, algorithm: str) -> None:
    """MUST, Deleting Blobs: DELETE of a blob answers 202."""
    digest = repository.blob(b"bytes", algorithm)
    assert repository.send("DELETE", f"blobs/{digest}").status == 202


def test_a_deleted_blob(repository: Repository, algorithm: str) -> None:
    """MUST, Deleting Blobs: a deleted blob is answered with 404."""
    digest = repository.blob(b"bytes", algorithm)
    repository.image()
    repository.send("DELETE", f"blobs/{digest}")
    for method in ("GET", "HEAD", "DELETE"):
        assert repository.send(method, f"blobs/{digest}").status == 404


def test_delete_a_blob_that_is_not_there(repository: Repository, algorithm: str) -> None:
    """MUST, Deleting Blobs: a blob that is not there is answered with 404."""
    digest = digest_of(b"absent", algorithm)
    assert repository.send("DELETE", f"blobs/{digest}").codes == ["NAME_UNKNOWN"]
    repository.blob(b"another", algorithm)
    found = repository.send("DELETE", f"blobs/{digest}")
    assert (found.status, found.codes) == (404, ["BLOB_UNKNOWN"])


def test_a_deleted_blob_comes_again(repository: Repository, algorithm: str) -> None:
    """MUST, Deleting Blobs: what was deleted can be pushed again."""
    digest = repository.blob(b"again", algorithm)
    repository.send("DELETE", f"blobs/{digest}")
    assert repository.blob(b"again", algorithm) == digest
    assert repository.send("GET", f"blobs/{digest}").body == b"again"


def test_a_deleted_manifest_comes_again(repository: Repository) -> None:
    """MUST, Deleting Manifests: what was deleted can be pushed again."""
    data = repository.image_bytes()
    digest = repository.manifest(data, "1")
    repository.send("DELETE", f"manifests/{digest}")
    repository.manifest(data, "1")
    assert repository.send("GET", "manifests/1").body == data


def test_a_blob_deleted_here_stays_there(repository: Repository, other: Repository) -> None:
    """MUST, Deleting Blobs: a blob is deleted from the one repository that was named."""
    digest = repository.blob(b"shared")
    other.blob(b"shared")
    repository.send("DELETE", f"blobs/{digest}")
    assert other.send("GET", f"blobs/{digest}").body == b"shared"


def refused(repository: Repository, reader: Registry, rest: str) -> None:
    """A DELETE that is disabled is answered with 405, and what was named stays."""
    readable = Repository(reader, repository.name)
    found = readable.send("DELETE", rest)
    assert (found.status, found.codes) == (405, ["UNSUPPORTED"])
    assert readable.send("HEAD", rest).status == 200


def test_tags_that_stay(repository: Repository, reader: Registry) -> None:
    """MUST, Deleting tags: where it is disabled, the answer is 400 or 405."""
    repository.image("1")
    refused(repository, reader, "manifests/1")


def test_manifests_that_stay(repository: Repository, reader: Registry) -> None:
    """MUST, Deleting Manifests: where it is disabled, the answer is 400 or 405."""
    refused(repository, reader, f"manifests/{repository.image()}")


def test_blobs_that_stay(repository: Repository, reader: Registry) -> None:
    """MUST, Deleting Blobs: where it is disabled, the answer is 400 or 405."""
    refused(repository, reader, f"blobs/{repository.blob(b'bytes')}")


@pytest.mark.parametrize(
    ("method", "rest", "status", "code"),
    [
        ("GET", "blobs/sha256:x", 400, "DIGEST_INVALID"),
        ("GET", f"blobs/{digest_of(b'absent')}", 404, "BLOB_UNKNOWN"),
        ("PATCH", "blobs/uploads/x", 404, "BLOB_UPLOAD_UNKNOWN"),
        ("GET", "manifests/absent", 404, "MANIFEST_UNKNOWN"),
        ("PUT", "manifests/1", 400, "MANIFEST_INVALID"),
        ("PUT", f"manifests/{digest_of(b'absent')}", 400, "DIGEST_INVALID"),
        ("POST", "manifests/1", 405, "UNSUPPORTED"),
        ("PUT", "tags/list", 405, "UNSUPPORTED"),
        ("DELETE", f"referrers/{digest_of(b'absent')}", 405, "UNSUPPORTED"),
    ],
)
def test_errors(repository: Repository, method: str, rest: str, status: int, code: str) -> None:
    """MUST, Error Codes: an error is JSON: a list of objects with a code and a message of text."""
    repository.image("1")
    found = repository.send(method, rest, b"{" if method in {"PUT", "PATCH"} else None)
    assert (found.status, found.headers["content-type"]) == (status, "application/json")
    errors = json.loads(found.body)["errors"]
    assert [error["code"] for error in errors] == [code]
    assert all(isinstance(error["message"], str) and error["message"] for error in errors)


@pytest.mark.parametrize("path", ["/", "/v1/", "/v2/a", "/v2/a/b/c/d", "/v2/a/other/x", "/v2//"])
def test_addresses_of_nothing(registry: Registry, path: str) -> None:
    """MUST, Error Codes: an address this API does not know is answered with 404, in that form."""
    found = registry.send("GET", path)
    assert (found.status, found.codes) == (404, ["NAME_UNKNOWN"])


def test_errors_have_their_length(repository: Repository) -> None:
    """SHOULD, Error Codes: a connection goes on after an error: its length is told."""
    connection = repository.registry.connection()
    for _ in range(3):
        connection.request("GET", f"/v2/{repository.name}/manifests/1")
        found = connection.getresponse()
        assert (found.status, int(found.headers["content-length"])) == (404, len(found.read()))
    connection.close()
