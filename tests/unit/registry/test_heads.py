"""Headers become one mapping, or the request is refused and its connection ended."""

from __future__ import annotations

import pytest

from champ_offline.registry.heads import read_head
from champ_offline.registry.requests import Refusal

HOST = (b"host", b"registry.zone:5443")


def test_names_are_in_lower_case_and_lists_are_joined() -> None:
    pairs = [HOST, (b"Accept", b"a/b"), (b"ACCEPT", b"c/d"), (b"x-name", b"\xe9")]
    found = read_head(pairs, "1.1", 1000)
    assert found == {"host": "registry.zone:5443", "accept": "a/b, c/d", "x-name": "\xe9"}


@pytest.mark.parametrize(
    "name",
    [
        "authorization", "content-length", "content-range", "content-type", "expect", "host",
        "if-range", "range", "transfer-encoding",
    ],
)  # fmt: skip
def test_what_may_come_once(name: str) -> None:
    """RFC 9112, 3.2 and 6.3: also where both say the same."""
    twice = [(name.encode(), b"1"), (name.title().encode(), b"1")]
    found = read_head([HOST, *twice], "1.1", 1000)
    assert isinstance(found, Refusal)
    assert (found.status, found.code) == (400, "UNSUPPORTED")
    assert name in found.message
    assert ("connection", "close") in found.headers


@pytest.mark.parametrize("host", [[], [(b"host", b"")]])
def test_a_request_to_no_host(host: list[tuple[bytes, bytes]]) -> None:
    found = read_head(host, "1.1", 1000)
    assert isinstance(found, Refusal)
    assert found.status == 400
    assert read_head(host, "1", 1000) == {name.decode(): value.decode() for name, value in host}


@pytest.mark.parametrize(
    "coding", ["gzip, chunked", "chunked, chunked", "identity", "xchunked", ""]
)
def test_a_coding_that_is_not_chunked(coding: str) -> None:
    found = read_head([HOST, (b"transfer-encoding", coding.encode())], "1.1", 1000)
    assert isinstance(found, Refusal)
    assert found.status == 400


def test_chunked_in_any_case() -> None:
    found = read_head([HOST, (b"transfer-encoding", b"Chunked")], "1.1", 1000)
    assert not isinstance(found, Refusal)


def test_too_many_bytes() -> None:
    size = sum(map(len, HOST))
    assert not isinstance(read_head([HOST], "1.1", size), Refusal)
    found = read_head([HOST], "1.1", size - 1)
    assert isinstance(found, Refusal)
    assert (found.status, found.code) == (431, "UNSUPPORTED")
