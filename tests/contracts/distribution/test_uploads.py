"""Pushing blobs: in one request, in two, in chunks, streamed; status and cancelling; mounting."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from uuid import UUID

import pytest

from tests.contracts.distribution.client import (
    OCTETS,
    Registry,
    Repository,
    Response,
    digest_of,
)

DATA = secrets.token_bytes(3000)


def patch(
    repository: Repository, location: str, start: int, end: int, data: bytes = DATA
) -> Response:
    headers = {"content-type": OCTETS, "content-range": f"{start}-{end - 1}"}
    return repository.follow("PATCH", location, data[start:end], headers)


def holds(repository: Repository, found: Response, data: bytes, digest: str) -> None:
    """A blob was made: 201, and both its location and its digest lead to the bytes."""
    assert found.status == 201, found
    assert repository.registry.send("GET", found.location).body == data
    assert repository.send("GET", f"blobs/{digest}").body == data


def absent(repository: Repository, digest: str) -> None:
    assert repository.send("HEAD", f"blobs/{digest}").status == 404


def test_begin(repository: Repository) -> None:
    """MUST, POST then PUT: an upload begins with 202 and the Location of the session."""
    found = repository.send("POST", "blobs/uploads/", b"")
    assert (found.status, found.body) == (202, b"")
    assert found.location.startswith("/v2/")


def test_a_session_is_unique(repository: Repository) -> None:
    """MUST, POST then PUT: the Location holds a UUID of its own for each session."""
    ids = [UUID(repository.begin().rsplit("/", 1)[-1]) for _ in range(3)]
    assert len(set(ids)) == 3


def test_post_then_put(repository: Repository, algorithm: str) -> None:
    """MUST, POST then PUT: the whole blob in one PUT gives 201 and a pullable Location."""
    digest = digest_of(DATA, algorithm)
    headers = {"content-type": OCTETS}
    found = repository.follow("PUT", repository.begin(), DATA, headers, digest=digest)
    holds(repository, found, DATA, digest)


def test_post_then_put_of_nothing(repository: Repository, algorithm: str) -> None:
    """MUST, POST then PUT: a blob of no bytes is a blob."""
    digest = digest_of(b"", algorithm)
    found = repository.follow("PUT", repository.begin(), b"", digest=digest)
    holds(repository, found, b"", digest)


def test_put_of_other_bytes(repository: Repository, algorithm: str) -> None:
    """MUST, POST then PUT: bytes of another digest are refused with 400, and nothing is kept."""
    digest = digest_of(DATA, algorithm)
    found = repository.follow("PUT", repository.begin(), DATA + b"x", digest=digest)
    assert (found.status, found.codes) == (400, ["DIGEST_INVALID"])
    absent(repository, digest)
    absent(repository, digest_of(DATA + b"x", algorithm))


@pytest.mark.parametrize("digest", ["", "sha256:abc", "md5:d41d8cd98f00b204e9800998ecf8427e"])
def test_put_without_a_digest(repository: Repository, digest: str) -> None:
    """MUST, POST then PUT: the closing PUT names the digest; without a valid one it is refused."""
    location = repository.begin() + (f"?digest={digest}" if digest else "")
    found = repository.follow("PUT", location, DATA)
    assert (found.status, found.codes) == (400, ["DIGEST_INVALID"])


def test_one_post(repository: Repository, algorithm: str) -> None:
    """MUST, Single POST: a POST with digest and blob gives 201 and its Location."""
    digest = digest_of(DATA, algorithm)
    found = repository.send("POST", "blobs/uploads/", DATA, {"content-type": OCTETS}, digest=digest)
    holds(repository, found, DATA, digest)


def test_one_post_of_other_bytes(repository: Repository, algorithm: str) -> None:
    """MUST, Single POST: the digest has to be the blob's, else nothing is kept."""
    digest = digest_of(DATA, algorithm)
    found = repository.send("POST", "blobs/uploads/", DATA[1:], digest=digest)
    assert (found.status, found.codes) == (400, ["DIGEST_INVALID"])
    absent(repository, digest)


@pytest.mark.parametrize("size", [1000, 1, 2999])
def test_chunks(repository: Repository, algorithm: str, size: int) -> None:
    """MUST, Pushing a blob in chunks: each chunk in order gives 202, Location and Range."""
    location = repository.begin()
    for start in range(0, 3 * size if size == 1 else len(DATA), size):
        end = min(start + size, len(DATA))
        found = patch(repository, location, start, end)
        assert (found.status, found.headers["range"]) == (202, f"0-{end - 1}")
        location = found.location
    digest = digest_of(DATA[:end], algorithm)
    found = repository.follow("PUT", location, b"", digest=digest)
    holds(repository, found, DATA[:end], digest)


def test_the_last_chunk_in_the_put(repository: Repository, algorithm: str) -> None:
    """MUST, Pushing a blob in chunks: the last chunk may come with the closing PUT."""
    location = patch(repository, repository.begin(), 0, 2000).location
    digest = digest_of(DATA, algorithm)
    headers = {"content-range": "2000-2999", "content-type": OCTETS}
    found = repository.follow("PUT", location, DATA[2000:], headers, digest=digest)
    holds(repository, found, DATA, digest)


def test_the_first_chunk_begins_at_nothing(repository: Repository) -> None:
    """MUST, Pushing a blob in chunks: a first chunk that does not begin with byte 0 gets 416."""
    assert patch(repository, repository.begin(), 1000, 2000).status == 416


@pytest.mark.parametrize(("start", "end"), [(2000, 3000), (0, 1000), (999, 2000), (1001, 2000)])
def test_chunks_out_of_order(repository: Repository, start: int, end: int) -> None:
    """MUST, Pushing a blob in chunks: a chunk out of order is answered with 416."""
    location = patch(repository, repository.begin(), 0, 1000).location
    found = patch(repository, location, start, end)
    assert (found.status, found.codes) == (416, ["BLOB_UPLOAD_INVALID"])


def test_after_a_chunk_out_of_order(repository: Repository, algorithm: str) -> None:
    """MUST, Pushing a blob in chunks: after a 416 the upload goes on where it was."""
    location = patch(repository, repository.begin(), 0, 1000).location
    refused = patch(repository, location, 2000, 3000)
    assert (refused.headers["range"], refused.location) == ("0-999", location)
    found = patch(repository, refused.location, 1000, 3000)
    assert (found.status, found.headers["range"]) == (202, "0-2999")
    digest = digest_of(DATA, algorithm)
    holds(repository, repository.follow("PUT", location, b"", digest=digest), DATA, digest)


def test_a_last_chunk_out_of_order(repository: Repository) -> None:
    """MUST, Pushing a blob in chunks: a closing PUT out of order gets 416, too."""
    location = patch(repository, repository.begin(), 0, 1000).location
    digest = digest_of(DATA)
    headers = {"content-range": "2000-2999"}
    assert repository.follow("PUT", location, DATA[2000:], headers, digest=digest).status == 416
    absent(repository, digest)
    headers = {"content-range": "1000-2999"}
    found = repository.follow("PUT", location, DATA[1000:], headers, digest=digest)
    holds(repository, found, DATA, digest)


@pytest.mark.parametrize("text", ["bytes=0-999", "0-", "-999", "x", "0-999/3000"])
def test_content_range_of_another_form(repository: Repository, text: str) -> None:
    """MUST, Pushing a blob in chunks: Content-Range is `<first>-<last>`, nothing else."""
    location = repository.begin()
    found = repository.follow("PATCH", location, DATA[:1000], {"content-range": text})
    assert found.status == 400
    assert repository.follow("GET", location).headers["range"] == "0-0"


@pytest.mark.parametrize("said", [900, 1100])
def test_content_range_of_another_length(repository: Repository, said: int) -> None:
    """MUST, Pushing a blob in chunks: a body has the length its Content-Range says."""
    location = repository.begin()
    for body in (DATA[:1000], iter([DATA[:500], DATA[500:1000]])):
        headers = {"content-range": f"0-{said - 1}"}
        found = repository.follow("PATCH", location, body, headers)
        assert (found.status, found.codes) == (400, ["SIZE_INVALID"])
        assert patch(repository, location, 1, 1000).status == 416


def test_chunks_of_other_bytes(repository: Repository, algorithm: str) -> None:
    """MUST, Pushing a blob in chunks: the digest is of the whole blob, not of its last chunk."""
    location = patch(repository, repository.begin(), 0, 2000).location
    digest = digest_of(DATA[2000:], algorithm)
    found = repository.follow("PUT", location, DATA[2000:], digest=digest)
    assert (found.status, found.codes) == (400, ["DIGEST_INVALID"])
    absent(repository, digest)


def test_nothing_is_seen_of_an_upload(repository: Repository) -> None:
    """MUST, Pushing a blob in chunks: the session ends with a PUT; until then there is no blob."""
    patch(repository, repository.begin(), 0, 3000)
    absent(repository, digest_of(DATA))


def test_streamed(repository: Repository, algorithm: str) -> None:
    """SHOULD, Pushing a blob in chunks: a PATCH without Content-Range appends what comes."""

    def pieces() -> Iterator[bytes]:
        for start in range(0, len(DATA), 700):
            yield DATA[start : start + 700]

    found = repository.follow("PATCH", repository.begin(), pieces(), {"content-type": OCTETS})
    assert (found.status, found.headers["range"]) == (202, "0-2999")
    digest = digest_of(DATA, algorithm)
    found = repository.follow("PUT", found.location, b"", digest=digest)
    holds(repository, found, DATA, digest)


def test_streamed_twice(repository: Repository) -> None:
    """SHOULD, Pushing a blob in chunks: streams into one session follow each other."""
    location = repository.follow("PATCH", repository.begin(), DATA[:1234]).location
    location = repository.follow("PATCH", location, DATA[1234:]).location
    digest = digest_of(DATA)
    holds(repository, repository.follow("PUT", location, b"", digest=digest), DATA, digest)


def test_streamed_other_bytes(repository: Repository, algorithm: str) -> None:
    """MUST, Pushing a blob in chunks: streamed bytes of another digest are refused with 400."""
    location = repository.follow("PATCH", repository.begin(), DATA).location
    digest = digest_of(DATA[::-1], algorithm)
    assert repository.follow("PUT", location, b"", digest=digest).status == 400
    absent(repository, digest)


def test_status(repository: Repository) -> None:
    """MUST, Pushing a blob in chunks: GET of an active session answers 204, Location and Range."""
    location = patch(repository, repository.begin(), 0, 1000).location
    found = repository.follow("GET", location)
    assert (found.status, found.body, found.headers["range"]) == (204, b"", "0-999")
    assert found.location == location


def test_status_at_the_beginning(repository: Repository) -> None:
    """MUST, Pushing a blob in chunks: the Range of a session without bytes has the same form."""
    found = repository.follow("GET", repository.begin())
    assert (found.status, found.headers["range"]) == (204, "0-0")


def test_status_of_no_session(repository: Repository, other: Repository) -> None:
    """MUST, Error Codes: a session that is not this repository's is BLOB_UPLOAD_UNKNOWN, 404."""
    session = other.begin().rsplit("/", 1)[-1]
    for upload in (session, "00000000-0000-0000-0000-000000000000", "x"):
        for method in ("GET", "PATCH", "DELETE"):
            found = repository.send(method, f"blobs/uploads/{upload}", b"")
            assert (found.status, found.codes) == (404, ["BLOB_UPLOAD_UNKNOWN"])


def test_a_session_ends(repository: Repository) -> None:
    """MUST, Error Codes: a session that was closed is unknown."""
    location = repository.begin()
    repository.follow("PUT", location, DATA, digest=digest_of(DATA))
    for method in ("GET", "PATCH"):
        assert repository.follow(method, location, b"").codes == ["BLOB_UPLOAD_UNKNOWN"]


def test_cancel(repository: Repository) -> None:
    """SHOULD, Cancel a blob upload: DELETE of a session answers 204, and it is gone."""
    location = patch(repository, repository.begin(), 0, 1000).location
    found = repository.follow("DELETE", location)
    assert (found.status, found.body) == (204, b"")
    assert repository.follow("GET", location).codes == ["BLOB_UPLOAD_UNKNOWN"]


def test_sessions_end_by_themselves(hasty: Registry) -> None:
    """SHOULD, Cancel a blob upload: an upload that nobody goes on with ends after a while."""
    repository = hasty.repository()
    first = repository.begin()
    repository.begin()
    assert repository.follow("GET", first).codes == ["BLOB_UPLOAD_UNKNOWN"]


def test_mount(repository: Repository, other: Repository, algorithm: str) -> None:
    """MUST, Mounting a blob from another repository: 201 and the Location in this repository."""
    digest = other.blob(DATA, algorithm)
    found = repository.send("POST", "blobs/uploads/", b"", mount=digest, source=other.name)
    holds(repository, found, DATA, digest)
    assert repository.name in found.location
    assert found.headers["docker-content-digest"] == digest


def test_mount_from_anywhere(repository: Repository, other: Repository, algorithm: str) -> None:
    """MAY, Mounting a blob from another repository: without `from`, the blob is looked for."""
    data = secrets.token_bytes(64)
    digest = other.blob(data, algorithm)
    found = repository.send("POST", "blobs/uploads/", b"", mount=digest)
    holds(repository, found, data, digest)


def test_mount_what_is_not_there(repository: Repository, other: Repository, algorithm: str) -> None:
    """SHOULD, Mounting a blob from another repository: what cannot be mounted begins an upload."""
    data = secrets.token_bytes(64)
    digest = digest_of(data, algorithm)
    found = repository.send("POST", "blobs/uploads/", b"", mount=digest, source=other.name)
    assert found.status == 202
    found = repository.follow("PUT", found.location, data, digest=digest)
    holds(repository, found, data, digest)


def test_mounted_for_itself(repository: Repository, other: Repository) -> None:
    """MUST, Mounting a blob from another repository: a mounted blob outlasts its source."""
    digest = other.blob(DATA)
    repository.send("POST", "blobs/uploads/", b"", mount=digest, source=other.name)
    assert other.send("DELETE", f"blobs/{digest}").status == 202
    assert repository.send("GET", f"blobs/{digest}").body == DATA


def test_pushed_again(repository: Repository, other: Repository) -> None:
    """MUST, Pushing blobs: a blob the registry has can be pushed again, here and elsewhere."""
    digest = repository.blob(DATA)
    assert repository.blob(DATA) == digest
    assert other.blob(DATA) == digest
    assert other.send("GET", f"blobs/{digest}").body == DATA


def test_locations_are_paths(registry: Registry, repository: Repository) -> None:
    """MAY, POST then PUT: locations have no host, so they hold behind any name of this registry."""
    digest = repository.blob(DATA)
    mounted = registry.repository().send("POST", "blobs/uploads/", b"", mount=digest)
    assert repository.begin().startswith(f"/v2/{repository.name}/blobs/uploads/")
    assert mounted.location.startswith("/v2/")
