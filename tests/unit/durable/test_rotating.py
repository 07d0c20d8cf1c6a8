"""A log on disk stays within its bounds, whatever happens to it and whoever else writes to it."""

from __future__ import annotations

import multiprocessing
import os
import resource
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from champ_offline.durable.rotating import RotatingFile


@contextmanager
def opened(path: Path, size: int = 100, count: int = 3) -> Iterator[RotatingFile]:
    file = RotatingFile(path, size, count)
    try:
        yield file
    finally:
        file.close()


def every(path: Path) -> list[str]:
    """All lines, oldest first."""
    numbered = sorted(path.parent.glob(f"{path.name}.*"), key=lambda one: -int(one.suffix[1:]))
    return [line for one in (*numbered, path) for line in one.read_text().splitlines()]


def test_what_is_over_the_size_goes_into_the_next_file(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with opened(log) as file:
        for number in range(100):
            file.write(b"%019d\n" % number)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["log", "log.1", "log.2", "log.3"]
    assert all(path.stat().st_size <= 100 for path in tmp_path.iterdir())
    lines = [int(line) for line in every(log)]
    assert lines == list(range(100 - len(lines), 100))
    assert len(lines) == 20


def test_its_mode_and_what_was_there(tmp_path: Path) -> None:
    log = tmp_path / "log"
    before = os.umask(0)
    try:
        for line in (b"one\n", b"two\n"):
            with opened(log) as file:
                file.write(line)
    finally:
        os.umask(before)
    assert log.read_bytes() == b"one\ntwo\n"
    assert stat.S_IMODE(log.stat().st_mode) == 0o640


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "log").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="log"):
        RotatingFile(tmp_path / "log", 100, 1)
    assert not (tmp_path / "elsewhere").exists()


def test_a_file_that_was_taken_away_is_made_again(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with opened(log) as file:
        file.write(b"one\n")
        log.rename(tmp_path / "taken")
        file.write(b"two\n")
    assert (tmp_path / "taken").read_bytes() == b"one\n"
    assert log.read_bytes() == b"two\n"


def _fill(path: Path) -> None:
    """A file may grow to 30 bytes, then to more: the disk was full, and is not any more."""
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    with opened(path, 1000) as file:
        resource.setrlimit(resource.RLIMIT_FSIZE, (30, most))
        for name in (b"one", b"two", b"three"):
            with suppress(OSError):
                file.write(name + b" 0123456\n")
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
        file.write(b"four 0123456\n")


def test_after_a_full_disk_the_next_line_begins_on_its_own(tmp_path: Path) -> None:
    process = multiprocessing.get_context("spawn").Process(target=_fill, args=(tmp_path / "log",))
    process.start()
    process.join(60)
    assert process.exitcode == 0
    assert every(tmp_path / "log") == ["one 0123456", "two 0123456", "three ", "four 0123456"]


def test_a_disk_that_takes_nothing_is_told() -> None:
    with opened(Path("/dev/full")) as file:
        for _ in range(2):
            with pytest.raises(OSError, match="/dev/full"):
                file.write(b"a line\n")


def test_a_line_of_another_process_right_after_the_last_rename_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, rename = tmp_path / "log", Path.rename
    with opened(log, 12, 3) as own, opened(log, 100, 3) as other:
        own.write(b"one 0123456\n")

        def then_other(path: Path, target: Path) -> Path:
            found = rename(path, target)
            other.write(b"another\n")
            return found

        with monkeypatch.context() as patch:
            patch.setattr(Path, "rename", then_other)
            own.write(b"two 0123456\n")
    assert every(log) == ["one 0123456", "another", "two 0123456"]


def _write(path: Path, name: str, lines: int) -> None:
    with opened(path, 2000, 1000) as file:
        for number in range(lines):
            file.write(f"{name} {number} {'x' * 50}\n".encode())


def test_several_processes_lose_no_line(tmp_path: Path) -> None:
    log = tmp_path / "log"
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_write, args=(log, name, 400)) for name in ("a", "b", "c")]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
        assert writer.exitcode == 0
    found = every(log)
    assert sorted(line.rsplit(" ", 1)[0] for line in found) == sorted(
        f"{name} {number}" for name in ("a", "b", "c") for number in range(400)
    )
    assert {line.rsplit(" ", 1)[1] for line in found} == {"x" * 50}
    assert len(list(tmp_path.iterdir())) > 20
