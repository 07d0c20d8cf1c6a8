"""Blobs appear whole or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from champ_offline.oci.digest import Digest
from champ_offline.store.blobs import (
    BlobMismatch,
    BlobMissing,
    BlobObstructed,
    BlobStore,
    BlobTooLarge,
)
from champ_offline.store.mark import Mark, StoreGone
from champ_offline.store.pipeline import Pipeline

DATA = b"some bytes"


@pytest.fixture
def store(tmp_path: Path) -> BlobStore:
    return BlobStore(tmp_path)


def files(store: BlobStore) -> list[str]:
    return sorted(path.name for path in store.path(Digest.of(b"")).parent.iterdir())


def test_a_blob_is_read_only_and_named_by_its_digest(store: BlobStore) -> None:
    digest = store.add(DATA)
    assert digest == Digest.of(DATA)
    assert store.path(digest).stat().st_mode & 0o777 == 0o444
    assert (store.read(digest), store.size(digest), list(store)) == (DATA, len(DATA), [digest])


@pytest.mark.parametrize("piped", [False, True])
def test_announced_and_other_bytes_leave_nothing(store: BlobStore, piped: bool) -> None:
    with pytest.raises(BlobMismatch), Pipeline(store) as pipeline:
        with pipeline.writer() if piped else store.writer() as writer:
            writer.write(DATA)
            writer.commit(Digest.of(b"other"))
    with pytest.raises(BlobMismatch), store.writer() as writer:
        writer.write(DATA)
        writer.commit(Digest.of(DATA), size=3)
    assert files(store) == []


def test_leaving_without_a_commit_leaves_nothing(store: BlobStore) -> None:
    with pytest.raises(RuntimeError), store.writer() as writer:
        writer.write(DATA)
        raise RuntimeError
    assert files(store) == []


def test_a_pipeline_has_everything_on_disk_when_it_ends(store: BlobStore) -> None:
    contents = [bytes([n]) * 1000 for n in range(20)]
    with Pipeline(store) as pipeline:
        for content in contents:
            with pipeline.writer() as writer:
                writer.write(content)
                writer.commit(Digest.of(content), len(content))
    assert set(store) == {Digest.of(content) for content in contents}


def test_a_pipeline_reports_what_the_disk_said(store: BlobStore, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), Pipeline(store) as pipeline:
        with pipeline.writer() as writer:
            writer.write(DATA)
            for partial in (tmp_path / "sha256").iterdir():
                partial.unlink()
            writer.commit()


def test_what_killed_writers_left_is_removed_and_never_listed(store: BlobStore) -> None:
    store.add(DATA)
    store.path(Digest.of(DATA)).with_name(".partial-1-abc").write_bytes(b"half")
    assert list(store) == [Digest.of(DATA)]
    assert store.remove_partials() == 1
    assert files(store) == [Digest.of(DATA).hex]


def test_missing_and_oversized_blobs_are_named(store: BlobStore) -> None:
    with pytest.raises(BlobMissing):
        store.read(Digest.of(b"none"))
    digest = store.add(b"x" * 100)
    with pytest.raises(BlobTooLarge):
        store.read(digest, limit=99)


def test_blobs_move_between_stores_of_one_file_system(store: BlobStore, tmp_path: Path) -> None:
    waiting = BlobStore(tmp_path / "waiting")
    digest = waiting.add(DATA)
    store.adopt(waiting, [digest])
    assert (store.read(digest), list(waiting)) == (DATA, [])


def test_both_algorithms_lie_side_by_side(store: BlobStore) -> None:
    assert [path.name for path in store.root.iterdir()] == ["sha256"]
    digests = {store.add(DATA), store.add(DATA, "sha512")}
    assert {digest.algorithm for digest in digests} == {"sha256", "sha512"}
    assert set(store) == digests
    for digest in digests:
        assert store.path(digest) == store.root / digest.algorithm / digest.hex
        assert store.read(digest) == DATA
        store.path(digest).chmod(0o600)
        store.path(digest).write_bytes(b"damaged")
    assert store.keep_sound(digests) == 2
    assert list(store) == []


@pytest.mark.parametrize("kind", ["pipe", "link", "folder"])
def test_only_a_file_is_a_blob(store: BlobStore, tmp_path: Path, kind: str) -> None:
    digest = store.add(b"content")
    store.remove(digest)
    path = store.path(digest)
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "link":
        (tmp_path / "outside").write_bytes(b"content")
        path.symlink_to(tmp_path / "outside")
    else:
        path.mkdir()
    assert not store.has(digest)
    for ask in (store.size, store.stamp, store.open, store.read, store.examine):
        with pytest.raises(BlobObstructed) as obstructed:
            ask(digest)
        assert str(path) in str(obstructed.value)
    assert list(store) == []
    assert store.strangers() == [path]


def stores(store: BlobStore, digest: Digest, data: bytes) -> list[Callable[[], object]]:
    """Every way in which a blob gets its name."""

    def taken() -> None:
        path = store.root / "pushed"
        path.write_bytes(data)
        store.take(path, digest)

    def adopted() -> None:
        waiting = BlobStore(store.root / "waiting")
        store.adopt(waiting, [waiting.add(data)])

    return [lambda: store.add(data), taken, adopted]


@pytest.mark.parametrize("way", range(3))
@pytest.mark.parametrize("kind", ["pipe", "link", "folder"])
def test_what_stands_in_a_blobs_place_gives_way_or_is_named(
    store: BlobStore, tmp_path: Path, kind: str, way: int
) -> None:
    data, outside = b"content", tmp_path / "outside"
    digest = Digest.of(data)
    path = store.path(digest)
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "link":
        outside.write_bytes(b"another's")
        path.symlink_to(outside)
    else:
        path.mkdir()
        (path / "kept").write_bytes(b"somebody's")
        with pytest.raises(BlobObstructed) as obstructed:
            stores(store, digest, data)[way]()
        assert obstructed.value.exit_code == 6
        assert str(path) in str(obstructed.value)
        assert (path / "kept").read_bytes() == b"somebody's"
        assert store.partials() == (0, 0)
        shutil.rmtree(path)
    stores(store, digest, data)[way]()
    assert store.read(digest) == data
    assert kind != "link" or outside.read_bytes() == b"another's"
    assert store.strangers() == []


def test_an_adoption_takes_all_or_nothing(store: BlobStore, tmp_path: Path) -> None:
    waiting = BlobStore(tmp_path / "waiting")
    digests = sorted((waiting.add(b"one"), waiting.add(b"two")), key=str)
    store.path(digests[1]).mkdir()
    with pytest.raises(BlobObstructed):
        store.adopt(waiting, digests)
    assert set(waiting) == set(digests)
    assert list(store) == []


def test_strangers_in_the_store_are_named_and_left_alone(store: BlobStore) -> None:
    held = {store.add(b"content"), store.add(b"content", "sha512")}
    aside = store.add(b"rotten")
    assert store.set_aside(aside, store.stamp(aside))
    names = ("sha256/notes.txt", "sha256/.DS_Store", "sha512/lost+found", "damaged/0123")
    for name in names:
        path = store.root / name
        path.mkdir() if name.endswith("found") else path.write_bytes(b"")
    (store.root / "sha256" / ".partial-1-2").write_bytes(b"half")
    assert set(store) == held
    assert store.aside() == {aside: len(b"rotten")}
    assert store.strangers() == sorted(store.root / name for name in names)


def test_what_stands_where_damage_is_set_aside_is_named(store: BlobStore) -> None:
    digest = store.add(b"content")
    (store.root / "damaged" / digest.hex).mkdir(parents=True)
    with pytest.raises(BlobObstructed) as obstructed:
        store.set_aside(digest, store.stamp(digest))
    assert "damaged" in str(obstructed.value)
    assert store.aside() == {}


def test_a_store_that_is_not_mounted_is_told_apart_from_missing_blobs(tmp_path: Path) -> None:
    store = BlobStore(tmp_path / "store")
    digest = store.add(b"content")
    away = store.root.rename(store.root.with_name("away"))
    with pytest.raises(StoreGone) as gone:
        store.read(digest)
    assert gone.value.exit_code == 6
    assert str(store.root) in str(gone.value)
    away.rename(store.root)
    assert store.read(digest) == b"content"


@pytest.mark.parametrize("left", ["nothing", "a mount point", "a folder of blobs"])
def test_a_marked_store_is_never_made_by_being_used(tmp_path: Path, left: str) -> None:
    root, source = tmp_path / "store", BlobStore(tmp_path / "source")
    mark = Mark.made_for("core")
    mark.put(root)
    blobs, digest = BlobStore(root, identity=mark.identity), source.add(b"content")
    held = blobs.add(b"held")
    away = root.rename(tmp_path / "away")
    if left == "a mount point":
        root.mkdir()
    elif left == "a folder of blobs":
        (root / "sha256").mkdir(parents=True)
    before = sorted(path.name for path in tmp_path.rglob("*"))
    acts: list[Callable[[], object]] = [
        blobs.require,
        lambda: blobs.add(b"other"),
        lambda: blobs.writer("sha512"),
        lambda: blobs.take(source.path(digest), digest),
        lambda: blobs.adopt(source, [digest]),
        lambda: blobs.read(held),
        lambda: list(blobs),
        lambda: BlobStore(root, identity=mark.identity).has(held),
    ]
    for act in acts:
        with pytest.raises(StoreGone):
            act()
    assert sorted(path.name for path in tmp_path.rglob("*")) == before
    if root.exists():
        shutil.rmtree(root)
    away.rename(root)
    assert blobs.read(held) == b"held"
    assert list(blobs) == [held]
