"""The registry in a process of its own, wired as `champ registry serve` wires it.

    python -m tests.hostile.served.process ZONE PORT plain|tls LIMITS

LIMITS is a JSON object of those that differ from the usual ones; clients are those of the zone.
"""

from __future__ import annotations

import json
import os
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from champ_offline.clock import now_utc
from champ_offline.durable.database import Database
from champ_offline.paths import ZonePaths
from champ_offline.registry.accounts import Accounts
from champ_offline.registry.asgi import registry
from champ_offline.registry.challenge import Called
from champ_offline.registry.limits import Limits
from champ_offline.registry.log import written
from champ_offline.registry.pki import ensure_certificates
from champ_offline.registry.server import Listen, serve
from champ_offline.store.blobs import BlobStore
from tests.architecture.source import ROOT
from tests.contracts.distribution.client import Registry, free_port

NAMES = ("localhost", "127.0.0.1")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_PATIENCE = 40.0


@dataclass(frozen=True)
class Served:
    """A running registry; `authority` is the CA certificate where it speaks TLS."""

    port: int
    process: subprocess.Popen[str]
    log: Path
    authority: Path | None

    def connect(self, timeout: float = 20.0, buffer: int | None = None) -> socket.socket:
        """A new connection; `buffer` bounds what this side receives before it reads."""
        made = socket.socket()
        if buffer is not None:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        made.settimeout(timeout)
        made.connect(("127.0.0.1", self.port))
        if self.authority is None:
            return made
        return ssl.create_default_context(cafile=str(self.authority)).wrap_socket(
            made, server_hostname="localhost"
        )

    @property
    def registry(self) -> Registry:
        """For honest requests; without TLS only."""
        assert self.authority is None
        return Registry(self.port)

    @property
    def memory(self) -> int:
        """Resident bytes of the process."""
        fields = Path(f"/proc/{self.process.pid}/statm").read_text(encoding="ascii").split()
        return int(fields[1]) * _PAGE

    @property
    def descriptors(self) -> int:
        """How many it has open."""
        return len(list(Path(f"/proc/{self.process.pid}/fd").iterdir()))

    def complaints(self) -> list[str]:
        """What it wrote besides one JSON object for each answer."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return [line for line in lines if not line.startswith("{")]


@contextmanager
def served(zone: Path, limits: Mapping[str, float], *, tls: bool = False) -> Iterator[Served]:
    """A registry over the zone, its log beside it; ended by SIGTERM, to which it must listen."""
    port, log = free_port(), zone.with_suffix(".log")
    how = "tls" if tls else "plain"
    command = [
        sys.executable,
        "-m",
        __spec__.name,
        str(zone),
        str(port),
        how,
        json.dumps(dict(limits)),
    ]
    with log.open("a", encoding="utf-8") as errors:
        process = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=errors, text=True
        )
    assert process.stdout is not None
    try:
        with process.stdout:
            assert process.stdout.readline() == "ready\n", log.read_text(encoding="utf-8")
            authority = ZonePaths(zone).pki / "ca.crt" if tls else None
            yield Served(port, process, log, authority)
        assert process.poll() is None, "the registry ended by itself"
        process.terminate()
        assert process.wait(120) == 0
    finally:
        process.kill()
        process.wait()


def wait_for(what: Callable[[], bool], seconds: float = _PATIENCE) -> None:
    """Until something is so; AssertionError if it never is."""
    latest = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < latest, "it did not come to be so"
        time.sleep(0.02)


def to_stderr(lines: bytes) -> None:
    os.write(sys.stderr.fileno(), lines)


def main() -> None:
    zone, port, how, given = sys.argv[1:]
    paths, limits = ZonePaths(Path(zone)), Limits(**json.loads(given))
    database = Database(paths.database)
    secure = how == "tls"
    certificates = ensure_certificates(paths.pki, NAMES, now_utc())
    doors = Accounts(database, Called(NAMES, int(port), secure), now_utc, limits)
    app = registry(database, BlobStore(paths.store), paths.uploads, now_utc, doors, limits)
    listen = Listen("127.0.0.1", int(port), certificates if secure else None)
    with written(to_stderr):
        serve(app, listen, lambda: print("ready", flush=True))


if __name__ == "__main__":
    main()
