"""Work that gives way is nicer than others for as long as it lasts, in its own thread alone."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from champ_offline.durable.priority import giving_way

UNPRIVILEGED = """
import os
from champ_offline.durable.priority import giving_way
os.setgid(65534), os.setuid(65534)
with giving_way():
    inside = os.getpriority(os.PRIO_PROCESS, 0)
print(inside, os.getpriority(os.PRIO_PROCESS, 0))
"""


def nice() -> int:
    return os.getpriority(os.PRIO_PROCESS, 0)


def test_only_this_thread_and_those_it_starts_give_way() -> None:
    def work() -> tuple[int, int]:
        with giving_way(), ThreadPoolExecutor(1) as started:
            return nice(), started.submit(nice).result()

    before = nice()
    with ThreadPoolExecutor(1) as other, ThreadPoolExecutor(1) as worker:
        other.submit(nice).result()  # its thread is there before
        assert worker.submit(work).result() == (before + 10, before + 10)
        assert other.submit(nice).result() == before
        assert worker.submit(nice).result() == before
    assert nice() == before


def test_there_is_an_end_to_being_nice() -> None:
    def work() -> int:
        with giving_way(), giving_way(), giving_way():
            return nice()

    with ThreadPoolExecutor(1) as worker:
        assert worker.submit(work).result() == 19


def test_without_privileges_it_stays_nice() -> None:
    words = [sys.executable, "-c", UNPRIVILEGED]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    inside, after = map(int, done.stdout.split())
    assert inside == after == nice() + 10
