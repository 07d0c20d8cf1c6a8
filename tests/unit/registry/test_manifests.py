"""Manifests come from memory while the store has the file they were read from, never otherwise."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from champ_offline.oci import media_types
from champ_offline.oci.descriptor import Descriptor
from champ_offline.registry.manifests import Manifests
from champ_offline.store.blobs import BlobStore

DATA = b'{"schemaVersion": 2}'


@pytest.fixture
def blobs(tmp_path: Path) -> BlobStore:
    return BlobStore(tmp_path)


def put(blobs: BlobStore, data: bytes = DATA) -> Descriptor:
    return Descriptor(media_types.IMAGE_MANIFEST, blobs.add(data), len(data))


def alter(blobs: BlobStore, descriptor: Descriptor, *, hidden: bool) -> None:
    """Other bytes in the same file; `hidden` when size, time of change and inode do not tell."""
    path = blobs.path(descriptor.digest)
    before = path.stat()
    path.chmod(0o600)
    path.write_bytes(b"x" * descriptor.size)
    if hidden:
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    else:
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 1))


def test_bytes_that_were_verified_are_kept(blobs: BlobStore) -> None:
    manifests, found = Manifests(blobs), put(blobs)
    assert manifests.read(found) == DATA
    alter(blobs, found, hidden=True)
    assert manifests.read(found) == DATA
    assert Manifests(blobs).read(found) is None


def test_a_file_that_moved_is_hashed_again(blobs: BlobStore) -> None:
    manifests, found = Manifests(blobs), put(blobs)
    assert manifests.read(found) == DATA
    alter(blobs, found, hidden=False)
    assert manifests.read(found) is None
    blobs.remove(found.digest)
    assert manifests.read(found) is None
    assert put(blobs) == found
    assert manifests.read(found) == DATA


def test_another_size_than_recorded_is_refused_from_memory_too(blobs: BlobStore) -> None:
    manifests, found = Manifests(blobs), put(blobs)
    assert manifests.read(found) == DATA
    other = Descriptor(found.media_type, found.digest, found.size + 1)
    assert manifests.read(other) is None


def test_large_ones_are_read_every_time(blobs: BlobStore) -> None:
    manifests, found = Manifests(blobs, small=len(DATA) - 1), put(blobs)
    assert manifests.read(found) == DATA
    alter(blobs, found, hidden=True)
    assert manifests.read(found) is None


def test_what_was_used_longest_ago_goes_first(blobs: BlobStore) -> None:
    manifests = Manifests(blobs, most=2 * len(DATA))
    first, second, third = (put(blobs, DATA.replace(b"2", number)) for number in (b"1", b"2", b"3"))
    for one in (first, second, first, third):
        assert manifests.read(one) is not None
    for one in (first, second, third):
        alter(blobs, one, hidden=True)
    assert manifests.read(first) is not None
    assert manifests.read(third) is not None
    assert manifests.read(second) is None
