"""Who comes later is refused at once, or waits as long as it was told to."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from champ_offline.durable.lock import FileLock, Locked


def test_who_comes_later_is_told_who_holds_it(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with FileLock(path), pytest.raises(Locked, match=f"process {os.getpid()}"), FileLock(path):
        pass
    with FileLock(path):
        pass


def test_patience_ends(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with FileLock(path), pytest.raises(Locked), FileLock(path, patience=0.2):
        pass


def test_who_is_patient_gets_it_when_it_is_free(tmp_path: Path) -> None:
    path, order = tmp_path / "lock", list[str]()

    def later() -> None:
        with FileLock(path, patience=30):
            order.append("second")

    with FileLock(path):
        thread = threading.Thread(target=later)
        thread.start()
        thread.join(0.3)
        order.append("first")
    thread.join(30)
    assert order == ["first", "second"]
