"""What an attack leaves: the process as it was, the zone whole, nobody's secrets in its log."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass
from typing import Self

from champ_offline.clock import now_utc
from champ_offline.durable.database import Database
from champ_offline.journal.audit import Audit
from champ_offline.registry.content import Content
from champ_offline.store.blobs import BlobStore
from tests.architecture.source import ROOT
from tests.crash.test_push import consistent
from tests.hostile.served.ground import Ground
from tests.hostile.served.process import Served, wait_for

MOST_GROWTH = 64 * 1024**2
# Threads come when they are needed, and each opens the database for itself.
_OF_THREADS = 24


@dataclass(frozen=True)
class Before:
    """The process while nobody attacks it."""

    memory: int
    descriptors: int

    @classmethod
    def of(cls, target: Served) -> Self:
        return cls(target.memory, target.descriptors)

    def compared(self, target: Served) -> str:
        """How it is now; raises AssertionError where it holds on to anything, or complained."""
        wait_for(lambda: target.descriptors <= self.descriptors + _OF_THREADS)
        grown = target.memory - self.memory
        assert grown < MOST_GROWTH, f"{grown >> 20} MiB more than before"
        assert target.complaints() == []
        return f"{grown / 2**20:.1f} MiB more, {target.descriptors} descriptors"


def sound(place: Ground) -> None:
    """The store, the database and the audit chain are whole; raises AssertionError."""
    check = [
        sys.executable,
        "-m",
        "installer",
        "--zone",
        str(place.zone),
        "store",
        "check",
        "--all",
    ]
    done = subprocess.run(check, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    blobs = BlobStore(place.paths.store)
    assert not blobs.aside()
    with closing(Database(place.paths.database)) as database:
        consistent(database, Content(database, blobs))
        Audit(database, now_utc).check()
        rows = {row["id"] for row in database.query("SELECT id FROM uploads")}
    files = {path.name for path in place.paths.uploads.iterdir()}
    assert rows == files - {"0"}, "an upload without a file, or a file without its upload"
    log = place.zone.with_suffix(".log").read_bytes()
    assert not any(secret in log for secret in place.secrets)
