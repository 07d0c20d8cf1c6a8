"""Work apart: what it gives or raises comes back; what never ends keeps nobody."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading

import pytest

from installer.tui.apart import apart
from tests.architecture.source import ROOT

HANGS = """
import asyncio, threading
from installer.tui.apart import apart
async def main():
    waiting = asyncio.create_task(apart(threading.Event().wait))
    print(await apart(lambda: "done"))
    waiting.cancel()
asyncio.run(main())
"""


async def test_what_it_gives_and_what_it_raises_come_back() -> None:
    assert await apart(lambda: threading.current_thread().daemon) is True
    with pytest.raises(ZeroDivisionError):
        await apart(lambda: 1 // 0)


async def test_nobody_hears_of_what_nobody_waits_for() -> None:
    begun, go_on = threading.Event(), threading.Event()

    def act() -> int:
        begun.set()
        go_on.wait(20)
        return 1 // 0

    waiting = asyncio.create_task(apart(act))
    while not begun.is_set():
        await asyncio.sleep(0.01)
    waiting.cancel()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert await apart(lambda: "the next one") == "the next one"


def test_a_program_ends_although_such_work_does_not() -> None:
    done = subprocess.run(
        [sys.executable, "-c", HANGS],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", "")
