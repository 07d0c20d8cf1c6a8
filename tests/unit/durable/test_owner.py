"""Whose files are that root makes in somebody's folder, and what that somebody is told of others'.

Run as root, as this project's tests are: whoever is not root makes nothing for anybody else.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from champ_offline.durable.database import Database
from champ_offline.durable.lock import FileLock
from champ_offline.durable.rotating import RotatingFile
from champ_offline.durable.write import (
    DurableFile,
    DurableSlice,
    GrowingFile,
    make_directory,
    write_atomic,
)

USER, GROUP = 4321, 8765


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder that belongs to somebody else, where that somebody can get at it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.chown(folder, USER, GROUP)
        yield folder


def slice_of(path: Path) -> None:
    with DurableSlice(path, 0, 4) as piece:
        piece.write(b"abcd")
        piece.commit()


def grown(path: Path) -> None:
    with GrowingFile(path, new=True) as file:
        file.write(b"abcd")


def locked(path: Path) -> None:
    with FileLock(path):
        pass


def logged(path: Path) -> None:
    log = RotatingFile(path, 4, 2)
    for _ in range(3):
        log.write(b"abc\n")
    log.close()


def database(path: Path) -> None:
    opened = Database.create(path)
    opened.migrate("a", ("CREATE TABLE a (b TEXT)",))
    # What SQLite itself makes beside a database, while it is open.
    assert {(one.name, one.stat().st_uid) for one in path.parent.iterdir()} == {
        (path.name, USER), (f"{path.name}-wal", USER), (f"{path.name}-shm", USER),
    }  # fmt: skip
    opened.close()


def durable(path: Path) -> None:
    with DurableFile(path.parent, 0o600) as file:
        file.write(b"abcd")
        file.commit(path)


@pytest.mark.parametrize("make", [slice_of, grown, locked, logged, database, durable])
def test_what_root_makes_is_the_folders_owners(home: Path, make: Callable[[Path], None]) -> None:
    make(home / "one")
    found = sorted(home.iterdir())
    assert {(one.stat().st_uid, one.stat().st_gid) for one in found} == {(USER, GROUP)}
    assert found[0].stat().st_mode & 0o777 == (0o640 if make is logged else 0o600)


def test_folders_too_and_what_is_in_them(home: Path) -> None:
    make_directory(home / "pki" / "deeper", 0o700)
    write_atomic(home / "pki" / "deeper" / "key", b"secret", 0o600)
    for path in (home / "pki", home / "pki" / "deeper", home / "pki" / "deeper" / "key"):
        assert (path.stat().st_uid, path.stat().st_gid) == (USER, GROUP)
        assert path.stat().st_mode & 0o077 == 0


def test_what_was_there_is_not_given_away(home: Path) -> None:
    for name in ("lock", "log"):
        (home / name).touch(0o600)
    locked(home / "lock")
    RotatingFile(home / "log", 100, 1).close()
    (home / "mine").mkdir()
    make_directory(home / "mine")
    assert {path.stat().st_uid for path in home.iterdir()} == {0}


def test_nothing_is_made_behind_a_link(home: Path, tmp_path: Path) -> None:
    for name, make in (("lock", locked), ("log", logged), ("piece", slice_of), ("grown", grown)):
        (home / name).symlink_to(tmp_path / name)
        with pytest.raises(OSError, match=name):
            make(home / name)
    assert list(tmp_path.iterdir()) == []
    # In a folder that a link leads to, that folder's owner counts, not the link's.
    (home / "pki").symlink_to(tmp_path, target_is_directory=True)
    write_atomic(home / "pki" / "key", b"secret", 0o600)
    assert (tmp_path / "key").stat().st_uid == 0


def test_a_name_that_is_taken_by_no_folder(home: Path) -> None:
    (home / "pki").touch()
    with pytest.raises(FileExistsError):
        make_directory(home / "pki")


STRANGER = """
import os, sys
from pathlib import Path
import champ_offline.errors
from champ_offline.durable.database import Database
from champ_offline.durable.lock import FileLock
from champ_offline.durable.owner import obstacle
from installer.cli.errors import refused
os.setgroups([]), os.setgid(8765), os.setuid(4321)
path = Path(sys.argv[2])
try:
    if sys.argv[1] == "lock":
        FileLock(path).__enter__()
    elif sys.argv[1] == "database":
        Database.create(path).query("SELECT 1")
    else:
        path.read_bytes()
except champ_offline.errors.ChampError as error:
    print(error.id, error, error.advice)
except OSError as error:
    told = refused(error)
    print(told.id, told, told.advice)
"""


def told(act: str, path: Path) -> str:
    words = [sys.executable, "-c", STRANGER, act, str(path)]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("act", ["lock", "database", "read"])
def test_a_stray_file_is_told_with_the_way_to_give_it_back(home: Path, act: str) -> None:
    path = home / "one"
    path.touch(0o600)
    assert told(act, path) == (
        f"durable.file-strayed {path} belongs to user root, in a folder that belongs to user 4321."
        f" As root: `chown -hR 4321: {path}`. Then run the command again.\n"
    )


def test_the_folder_that_stands_in_the_way_is_named(home: Path) -> None:
    (home / "pki").mkdir(0o700)
    (home / "pki" / "ca.key").touch(0o600)
    assert f"{home}/pki belongs to user root" in told("read", home / "pki" / "ca.key")
    os.chown(home, 0, 0)
    home.chmod(0o755)
    found = told("lock", home / "lock")
    assert found.startswith(f"durable.file-forbidden {home} belongs to user root; this is user 43")
    assert "as user root" in found


def test_a_mode_that_is_ones_own_doing_is_nobody_elses(home: Path) -> None:
    path = home / "one"
    path.touch(0)
    os.chown(path, USER, GROUP)
    assert told("read", path).startswith(f"cli.system-refused {path}: Permission denied.")
