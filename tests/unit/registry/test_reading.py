"""Files are read in order, whole, whether the kernel has them in memory or not."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
from pathlib import Path

import pytest

from champ_offline.oci.digest import Digest
from champ_offline.registry.answers import FilePart
from champ_offline.registry.bodies import Body, Message
from champ_offline.registry.limits import Limits
from champ_offline.registry.reading import Reader
from champ_offline.registry.sending import Sending

DATA = os.urandom(1_000_003)


def part(path: Path, start: int, length: int) -> FilePart:
    return FilePart(path, Digest.of(DATA), start, length)


def pieces(path: Path, start: int, length: int, most: int) -> list[bytes]:
    async def read() -> list[bytes]:
        found = []
        with path.open("rb") as file:
            reader = Reader(file, part(path, start, length))
            while reader.left and (piece := await reader.piece(most)):
                found.append(piece)
        return found

    return asyncio.run(read())


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "blob"
    path.write_bytes(DATA)
    return path


def forget(path: Path) -> None:
    """Have the kernel drop the file from its memory."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


@pytest.mark.parametrize(("start", "length"), [(0, len(DATA)), (17, 500_000), (999_999, 4), (5, 1)])
@pytest.mark.parametrize("cold", [False, True])
def test_what_was_asked_for_in_order(file: Path, start: int, length: int, cold: bool) -> None:
    if cold:
        forget(file)
    found = pieces(file, start, length, 64 * 1024)
    assert b"".join(found) == DATA[start : start + length]
    assert max(map(len, found)) <= 64 * 1024


def test_a_file_that_ends_too_soon(file: Path) -> None:
    found = pieces(file, 0, len(DATA) + 10, 300_000)
    assert b"".join(found) == DATA


def test_a_disk_that_does_not_give_the_bytes_ends_the_answer(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Nothing is mapped where the memory of a process begins: reading there is an EIO (proc(5))."""
    sent: list[Message] = []

    async def receive() -> Message:
        await asyncio.Event().wait()
        return {}

    async def send(message: Message) -> None:
        sent.append(message)

    async def answer() -> None:
        body = Body(receive, 0, Limits())
        with Path("/proc/self/mem").open("rb", buffering=0) as file:
            await Sending(Limits()).pieces(file, part(Path("mem"), 0, 100), body, send)

    with caplog.at_level(logging.ERROR, "champ.registry"):
        asyncio.run(answer())
    assert sent == [{"type": "http.response.body", "body": b"", "more_body": False}]
    assert os.strerror(errno.EIO) in caplog.text
