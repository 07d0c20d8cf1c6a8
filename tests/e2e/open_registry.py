"""The zone registry as a process of its own that everybody may push to, for stock clients.

    python -m tests.e2e.open_registry FOLDER ADDRESS PORT [--plain]

Serves FOLDER over TLS by an authority made there, or over plain HTTP; says “ready” once it answers.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from champ_offline.clock import now_utc
from champ_offline.durable.database import Database
from champ_offline.registry.access import Open
from champ_offline.registry.asgi import registry
from champ_offline.registry.log import LOG as ACCESS
from champ_offline.registry.pki import Certificates, ensure_certificates
from champ_offline.registry.server import Listen, serve
from champ_offline.store.blobs import BlobStore
from tests.e2e.daemons import daemon, free_port

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class OpenRegistry:
    """Where it listens, who signed its certificate, and what it has answered so far."""

    host: str
    ca: Path
    log: Path

    def answered(self, method: str, repository: str) -> list[dict[str, Any]]:
        """The access log's lines of one method on one repository, in their order."""
        lines = (line for line in self.log.read_text().splitlines() if line.startswith("{"))
        path = f"/v2/{repository}/"
        return [
            found
            for found in map(json.loads, lines)
            if found.get("method") == method and found["path"].startswith(path)
        ]

    def mounted(self, repository: str) -> int:
        """How many blobs were mounted into a repository: 201 to a request that begins an upload."""
        answers = self.answered("POST", repository)
        return sum(found["status"] == 201 and "mount=" in found["query"] for found in answers)


def certificates(folder: Path, address: str) -> Certificates:
    """The certificate for `address` that it will use or uses."""
    return ensure_certificates(folder / "pki", [address], now_utc())


@contextmanager
def open_registry(
    folder: Path, address: str = LOOPBACK, enter: Sequence[str] = ()
) -> Iterator[OpenRegistry]:
    """Serve `folder` over TLS until the block ends; `enter` leads into a network namespace."""
    folder.mkdir(parents=True, exist_ok=True)
    port, log, ca = free_port(), folder / "log", certificates(folder, address).authority
    module = [sys.executable, "-m", "tests.e2e.open_registry"]
    command = [*enter, *module, str(folder), address, str(port)]
    with daemon(command, lambda: "ready\n" in log.read_text(), log):
        yield OpenRegistry(f"{address}:{port}", ca, log)


def main() -> None:
    parser = argparse.ArgumentParser(description="the zone registry, open to pushes")
    parser.add_argument("folder", type=Path)
    parser.add_argument("address")
    parser.add_argument("port", type=int)
    parser.add_argument("--plain", action="store_true", help="plain HTTP")
    parser.add_argument("--quiet", action="store_true", help="no access log")
    options = parser.parse_args()
    if not options.quiet:
        ACCESS.addHandler(logging.StreamHandler())
        ACCESS.setLevel(logging.INFO)
    folder: Path = options.folder
    blobs = BlobStore(folder / "store")
    app = registry(Database.create(folder / "champ.db"), blobs, folder / "uploads", now_utc, Open())
    trusted = None if options.plain else certificates(folder, options.address)
    listen = Listen(options.address, options.port, trusted)
    serve(app, listen, lambda: print("ready", flush=True))


if __name__ == "__main__":
    main()
