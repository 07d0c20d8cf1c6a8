"""Digests of both registered algorithms, and of one where only one is accepted."""

from __future__ import annotations

import hashlib

import pytest

from champ_offline.oci.descriptor import Descriptor
from champ_offline.oci.digest import Digest, InvalidDigest
from champ_offline.oci.manifest import Manifest, encode

S256, S512 = hashlib.sha256(b"x").hexdigest(), hashlib.sha512(b"x").hexdigest()


def test_both_are_read_where_both_are_accepted() -> None:
    for algorithm, digits in (("sha256", S256), ("sha512", S512)):
        found = Digest.parse_registered(f"{algorithm}:{digits}")
        assert (found.hex, found.algorithm, str(found)) == (
            digits,
            algorithm,
            f"{algorithm}:{digits}",
        )
        assert found == Digest.of(b"x", algorithm)


def test_one_is_read_everywhere_else() -> None:
    assert Digest.parse(f"sha256:{S256}") == Digest.of(b"x")
    with pytest.raises(InvalidDigest):
        Digest.parse(f"sha512:{S512}")
    with pytest.raises(InvalidDigest):
        Descriptor.from_document({"mediaType": "a/b", "size": 1, "digest": f"sha512:{S512}"})


@pytest.mark.parametrize(
    "text",
    [
        f"sha256:{S512}",
        f"sha512:{S256}",
        f"sha256:{S256}\n",
        f"sha512:{S512[:-1]}",
        f"sha512:{S512.upper()}",
        f"SHA512:{S512}",
        f"sha384:{hashlib.sha384(b'x').hexdigest()}",
        S256,
        f"sha512:{S512}/../x",
        None,
        7,
    ],
)
def test_nothing_else_is_read(text: object) -> None:
    with pytest.raises(InvalidDigest):
        Digest.parse_registered(text)


def test_a_manifest_with_either_is_read_only_where_that_is_said() -> None:
    one = {"mediaType": "a/b", "size": 1, "digest": f"sha512:{S512}"}
    data = encode({"schemaVersion": 2, "config": one, "layers": [one], "subject": one})
    read = Manifest.from_bytes(data, Digest.parse_registered)
    assert {child.digest.algorithm for child in read.children} == {"sha512"}
    with pytest.raises(InvalidDigest):
        Manifest.from_bytes(data)
