"""Requests that are too large, or too many, over real sockets: refused in words, and no further."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.contracts.distribution.client import IMAGE, Response, digest_of
from tests.hostile.served.ground import bare, credentials
from tests.hostile.served.process import Served, served
from tests.hostile.served.wire import Reader, Reply

MIB = 1024**2
LIMITS = {"body": MIB, "uploads_per_client": 3, "uploads": 3, "bodies": 2, "silence": 3.0}
UPLOADS = "/v2/fuzz/a/blobs/uploads/"
LOGIN = {"authorization": credentials()}
HEAD = f"Host: localhost\r\nAuthorization: {credentials()}\r\n"


@pytest.fixture
def target(tmp_path: Path) -> Iterator[Served]:
    with served(bare(tmp_path / "zone"), LIMITS) as found:
        yield found
        assert found.complaints() == []


def ask(target: Served, method: str, path: str, body: bytes | Iterator[bytes] = b"") -> Response:
    return target.registry.send(method, path, body, {**LOGIN, "content-type": IMAGE})


def raw(target: Served, data: bytes, method: str = "PUT") -> Reply:
    """The answer to bytes; the connection is at its end then, or takes another request."""
    with target.connect() as connection:
        connection.sendall(data)
        reader = Reader(connection)
        found = reader.reply(method)
        assert found is not None
        if found.closes:
            assert reader.ended
        return found


def test_a_request_line_that_is_too_long(target: Served) -> None:
    line = f"GET /v2/{'a' * 20_000} HTTP/1.1\r\n{HEAD}\r\n".encode()
    found = raw(target, line, "GET")
    assert (found.status, found.json["errors"][0]["code"]) == (414, "UNSUPPORTED")
    assert raw(target, line.replace(b"a" * 20_000, b"a" * 100_000), "GET").status == 414


@pytest.mark.parametrize(("size", "ours"), [(40_000, True), (500_000, False)])
def test_headers_that_are_too_large(target: Served, size: int, ours: bool) -> None:
    """Ours in the specification's form; what the server itself cannot hold is just refused."""
    found = raw(target, f"GET /v2/ HTTP/1.1\r\n{HEAD}X: {'y' * size}\r\n\r\n".encode(), "GET")
    assert (found.status, found.closes, bool(found.body)) == (431, True, ours)


def test_too_many_headers(target: Served) -> None:
    many = "X: y\r\n" * 500
    found = raw(target, f"GET /v2/ HTTP/1.1\r\n{HEAD}{many}\r\n".encode(), "GET")
    assert (found.status, found.closes) == (431, True)


def test_a_manifest_above_the_limit(target: Served) -> None:
    """Announced or not: 413 both times, and the client gets to read it."""
    large = b" " * (4 * MIB + 1)
    for body in (large, iter([large[:MIB]] * 5)):
        found = ask(target, "PUT", "/v2/fuzz/a/manifests/1", body)
        assert (found.status, found.codes) == (413, ["SIZE_INVALID"])
    assert ask(target, "GET", "/v2/fuzz/a/manifests/1").status == 404


def test_a_blob_above_the_limit(target: Served) -> None:
    data = b"x" * (MIB + 1)
    path = f"/v2/fuzz/a/blobs/uploads/?digest={digest_of(data)}"
    for body in (data, iter([data])):
        found = ask(target, "POST", path, body)
        assert (found.status, found.codes) == (413, ["SIZE_INVALID"])
    assert list((target.log.with_suffix("") / "uploads").iterdir()) == []


def test_a_body_that_claims_to_be_endless(target: Served) -> None:
    """What is announced is not waited for."""
    request = f"PUT /v2/fuzz/a/manifests/1 HTTP/1.1\r\n{HEAD}Content-Length: {10**18}\r\n\r\n"
    found = raw(target, request.encode())
    assert (found.status, found.json["errors"][0]["code"]) == (413, "SIZE_INVALID")


@pytest.mark.parametrize(
    ("announced", "sent", "status"),
    [("0-4", b"12345678", 400), ("0-9", b"12345678", 400), ("5-12", b"12345678", 416)],
)
def test_a_chunk_that_is_not_as_it_says(
    target: Served, announced: str, sent: bytes, status: int
) -> None:
    where = ask(target, "POST", UPLOADS).location
    headers = {**LOGIN, "content-range": announced}
    assert target.registry.send("PATCH", where, sent, headers).status == status
    assert ask(target, "GET", where).headers["range"] == "0-0"


def test_a_chunk_that_is_shorter_than_its_length(target: Served) -> None:
    """What came stays, so that the client can go on there; the next request is on its own."""
    where = ask(target, "POST", UPLOADS).location
    request = f"PATCH {where} HTTP/1.1\r\n{HEAD}Content-Length: 500\r\n\r\n{'x' * 100}"
    assert raw(target, request.encode(), "PATCH").status == 408
    assert ask(target, "GET", where).headers["range"] == "0-99"


def test_a_chunk_that_is_longer_than_its_length(target: Served) -> None:
    """The rest is no part of it: it is read as the next request, and is none."""
    where = ask(target, "POST", UPLOADS).location
    request = f"PATCH {where} HTTP/1.1\r\n{HEAD}Content-Length: 5\r\n\r\n12345678\r\n\r\n"
    with target.connect() as connection:
        connection.sendall(request.encode())
        reader = Reader(connection)
        first, second = reader.reply("PATCH"), reader.reply("GET")
        assert first is not None
        assert second is not None
        assert (first.status, second.status, second.closes) == (202, 400, True)
    assert ask(target, "GET", where).headers["range"] == "0-4"


def test_too_many_uploads(target: Served) -> None:
    found = [ask(target, "POST", UPLOADS) for _ in range(4)]
    assert [one.status for one in found] == [202, 202, 202, 429]
    assert (found[3].codes, found[3].headers["retry-after"]) == (["TOOMANYREQUESTS"], "30")
    assert ask(target, "DELETE", found[0].location).status == 204
    assert ask(target, "POST", UPLOADS).status == 202


def test_too_many_bodies_at_a_time(target: Served) -> None:
    """Two stop in the middle; a third is refused at once and comes in when they have ended."""
    head = f"{HEAD}Content-Length: 50\r\nExpect: 100-continue\r\n\r\n"
    with ExitStack() as stack:
        slow = [Reader(stack.enter_context(target.connect())) for _ in range(2)]
        for reader in slow:
            reader.connection.sendall(f"PUT /v2/fuzz/a/manifests/1 HTTP/1.1\r\n{head}".encode())
            assert reader.interim() == 100  # its body is waited for: it has its place
        found = ask(target, "POST", UPLOADS)
        assert (found.status, found.codes) == (429, ["TOOMANYREQUESTS"])
        for reader in slow:
            answered = reader.reply("PUT")
            assert answered is not None
            assert answered.status == 408
    assert ask(target, "POST", UPLOADS).status == 202
