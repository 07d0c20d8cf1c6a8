"""One zone for all of these tests, where files cost nothing; each gets a copy of its own."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.fuzz.target import memory
from tests.hostile.served.ground import Ground, ground


@pytest.fixture(scope="package")
def prepared() -> Iterator[Ground]:
    with tempfile.TemporaryDirectory(prefix="champ-hostile-", dir=memory()) as folder:
        yield ground(Path(folder))


@pytest.fixture
def place(prepared: Ground) -> Iterator[Ground]:
    with tempfile.TemporaryDirectory(prefix="champ-hostile-", dir=memory()) as folder:
        zone = Path(folder) / "zone"
        shutil.copytree(prepared.zone, zone)
        yield replace(prepared, zone=zone)
