"""Uploads come together in files of their own, and leave only as what they were announced to be."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from champ_offline.durable.database import Database
from champ_offline.durable.write import GrowingFile
from champ_offline.oci.digest import Digest
from champ_offline.store.blobs import BlobMismatch, BlobStore
from champ_offline.store.uploads import Reception, Upload, Uploads

DATA = bytes(range(256)) * 10
NOON, ONE = "2026-05-01T12:00:00+00:00", "2026-05-01T13:00:00+00:00"
MANY = (10, 10)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with closing(Database.create(tmp_path / "champ.db")) as database:
        yield database


@pytest.fixture
def uploads(database: Database, tmp_path: Path) -> Uploads:
    return Uploads(database, tmp_path / "uploads")


def begun(uploads: Uploads, algorithm: str = "sha256") -> Upload:
    found = uploads.begin("team/app", "ci", algorithm, NOON, MANY)
    assert found is not None
    return found


def writer(uploads: Uploads, upload: Upload) -> Reception:
    found = uploads.receive(upload)
    assert found is not None
    return found


@pytest.mark.parametrize("hashed", ["sha256", "sha512"])
@pytest.mark.parametrize("named", ["sha256", "sha512"])
@pytest.mark.parametrize("restart", [False, True])
def test_pieces_become_a_blob(
    database: Database, uploads: Uploads, tmp_path: Path, hashed: str, named: str, restart: bool
) -> None:
    upload, blobs = begun(uploads, hashed), BlobStore(tmp_path / "store")
    digest = Digest.of(DATA, named)
    for start in range(0, len(DATA), 1000):
        with writer(uploads, upload) as reception:
            reception.write(DATA[start : start + 1000])
            reception.commit()
        if restart:
            uploads = Uploads(database, tmp_path / "uploads")
    with writer(uploads, upload) as reception:
        reception.verify(digest)
        with database.transaction() as connection:
            uploads.finish(connection, upload, digest, blobs)
    assert (list(blobs), blobs.read(digest)) == ([digest], DATA)
    assert blobs.path(digest) == tmp_path / "store" / named / digest.hex
    assert blobs.path(digest).stat().st_mode & 0o777 == 0o444
    assert uploads.find("team/app", upload.id) is None
    assert uploads.receive(upload) is None


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_other_bytes_are_found_out(uploads: Uploads, algorithm: str) -> None:
    upload = begun(uploads)
    with writer(uploads, upload) as reception:
        reception.write(DATA)
        with pytest.raises(BlobMismatch):
            reception.verify(Digest.of(DATA[1:], algorithm))
        reception.verify(Digest.of(DATA, algorithm))


def test_what_is_undone_is_not_hashed(uploads: Uploads) -> None:
    upload = begun(uploads)
    for wrong in (True, False):
        with writer(uploads, upload) as reception:
            reception.write(DATA[:7])
            reception.write(DATA[7:])
            if wrong:
                reception.undo()
                assert (reception.size, reception.start) == (0, 0)
    with writer(uploads, upload) as reception:
        reception.verify(Digest.of(DATA))


def test_a_repository_knows_its_own(uploads: Uploads) -> None:
    upload = begun(uploads)
    assert uploads.find("team/app", upload.id) == upload
    assert uploads.find("team/other", upload.id) is None
    assert uploads.find("team/app", "00000000-0000-0000-0000-000000000000") is None


def test_a_row_without_its_file_is_no_upload(uploads: Uploads, database: Database) -> None:
    upload = begun(uploads)
    uploads.path(upload).unlink()
    assert uploads.find("team/app", upload.id) is None
    assert uploads.expire(ONE) == 1
    assert database.query("SELECT * FROM uploads") == []


def test_an_upload_that_is_written_to_does_not_expire(uploads: Uploads) -> None:
    upload = begun(uploads)
    assert uploads.idle(ONE) == (1, 0)
    with writer(uploads, upload):
        assert uploads.idle(ONE) == (0, 0)
        assert uploads.expire(ONE) == 0
    assert uploads.expire(NOON) == 0
    uploads.written(upload, ONE)
    assert uploads.expire(ONE) == 0
    assert uploads.expire("2026-05-01T13:00:01+00:00") == 1
    assert uploads.find("team/app", upload.id) is None


def test_an_upload_that_cannot_be_begun_leaves_no_row(
    uploads: Uploads, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_arguments: object, **_named: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(GrowingFile, "__init__", full)
        with pytest.raises(OSError, match="No space"):
            begun(uploads)
    assert database.query("SELECT * FROM uploads") == []
