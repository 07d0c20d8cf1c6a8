"""A file that grows has one writer, and only while it is where it was."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from champ_offline.durable.write import GrowingFile


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    with GrowingFile(path, new=True) as file:
        file.write(b"begun")
        file.sync()
    return path


def test_it_goes_on_where_it_was(path: Path) -> None:
    with GrowingFile(path) as file:
        assert file.size == 5
        file.write(b", and")
        file.write(memoryview(b" so on"))
        assert file.size == 16
    assert path.read_bytes() == b"begun, and so on"
    assert path.stat().st_mode & 0o777 == 0o600


def test_what_was_written_can_be_cut_off(path: Path) -> None:
    with GrowingFile(path) as file:
        file.write(b"wrong")
        file.cut(5)
        assert file.size == 5
        file.write(b"!")
    assert path.read_bytes() == b"begun!"


def test_it_has_one_writer(path: Path) -> None:
    with GrowingFile(path), pytest.raises(BlockingIOError) as caught:
        GrowingFile(path)
    assert caught.value.errno is not None
    with GrowingFile(path) as file:
        assert file.size == 5


def test_it_is_made_once(path: Path, tmp_path: Path) -> None:
    with pytest.raises(FileExistsError):
        GrowingFile(path, new=True)
    with pytest.raises(FileNotFoundError):
        GrowingFile(tmp_path / "none")


def test_a_link_is_not_followed(path: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(path)
    with pytest.raises(OSError, match="link"):
        GrowingFile(tmp_path / "link")


@pytest.mark.parametrize("replaced", [False, True])
def test_a_writer_that_opened_a_file_which_was_moved_then(
    path: Path, tmp_path: Path, replaced: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It got the lock, but the file is somebody else's now: a blob, say."""
    inner = os.open

    def then_moved(name: Path, flags: int, mode: int) -> int:
        found = inner(name, flags, mode)
        path.rename(tmp_path / "blob")
        if replaced:
            path.write_bytes(b"another")
        return found

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", then_moved)
        with pytest.raises(BlockingIOError):
            GrowingFile(path)
    assert (tmp_path / "blob").read_bytes() == b"begun"
