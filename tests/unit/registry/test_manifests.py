"""Manifests come from memory while the store has the file they were read from, never otherwise."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from champ_offline.oci import media_types
from champ_offline.oci.descriptor import Descriptor
from champ_offline.oci.digest import Digest
from champ_offline.oci.manifest import LIMIT
from champ_offline.registry.manifests import Manifests
from champ_offline.store.blobs import BlobStore

DATA = b'{"schemaVersion": 2}'


@pytest.fixture
def blobs(tmp_path: Path) -> Counted:
    return Counted(tmp_path)


def put(blobs: BlobStore, data: bytes = DATA) -> Descriptor:
    return Descriptor(media_types.IMAGE_MANIFEST, blobs.add(data), len(data))


class Counted(BlobStore):
    """Counts the documents that are read."""

    reads = 0

    def read(self, digest: Digest, limit: int = LIMIT) -> bytes:
        self.reads += 1
        return super().read(digest, limit)


def alter(blobs: BlobStore, descriptor: Descriptor) -> None:
    """Other bytes in the same file, of which size and time of change do not tell."""
    path = blobs.path(descriptor.digest)
    before = path.stat()
    path.chmod(0o600)
    path.write_bytes(b"x" * descriptor.size)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_what_was_verified_is_not_read_again(blobs: Counted) -> None:
    manifests, found = Manifests(blobs), put(blobs)
    assert [manifests.read(found) for _ in range(3)] == [DATA] * 3
    assert blobs.reads == 1


def test_a_file_that_changed_is_hashed_again(blobs: Counted) -> None:
    manifests, found = Manifests(blobs), put(blobs)
    assert manifests.read(found) == DATA
    alter(blobs, found)
    assert manifests.read(found) is None
    blobs.remove(found.digest)
    assert manifests.read(found) is None
    assert put(blobs) == found
    assert manifests.read(found) == DATA


def test_another_size_than_recorded_is_refused_from_memory_too(blobs: Counted) -> None:
    manifests, found = Manifests(blobs), put(blobs)
    assert manifests.read(found) == DATA
    other = Descriptor(found.media_type, found.digest, found.size + 1)
    assert manifests.read(other) is None


def test_large_ones_are_read_every_time(blobs: Counted) -> None:
    manifests, found = Manifests(blobs, small=len(DATA) - 1), put(blobs)
    assert [manifests.read(found) for _ in range(3)] == [DATA] * 3
    assert blobs.reads == 3


def test_what_was_used_longest_ago_goes_first(blobs: Counted) -> None:
    manifests = Manifests(blobs, most=2 * len(DATA))
    first, second, third = (put(blobs, DATA.replace(b"2", number)) for number in (b"1", b"2", b"3"))
    for one in (first, second, first, third):
        assert manifests.read(one) is not None
    assert blobs.reads == 3
    for one in (first, third):
        assert manifests.read(one) is not None
    assert blobs.reads == 3
    assert manifests.read(second) is not None
    assert blobs.reads == 4
