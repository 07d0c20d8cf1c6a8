"""Kill the real server while eight clients push: nothing half, nothing acknowledged is lost.

    python -m tests.crash.served_pushes [--kills 200] [--seed 7]

Each kill is SIGKILL to a process that serves over real sockets, and hits every push under way.
"""

from __future__ import annotations

import argparse
import http.client
import json
import random
import secrets
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from champ_offline.durable.database import Database
from champ_offline.oci.digest import Digest
from champ_offline.registry.content import Content
from champ_offline.store.blobs import BlobStore
from tests.architecture.source import ROOT
from tests.contracts.distribution.client import Registry, Repository, free_port
from tests.crash.test_push import consistent

CLIENTS = 8
SERVE = """
import sys
from pathlib import Path
from champ_offline.clock import now_utc
from champ_offline.durable.database import Database
from champ_offline.registry.access import Open
from champ_offline.registry.asgi import registry
from champ_offline.registry.limits import Limits
from champ_offline.registry.server import Listen, serve
from champ_offline.store.blobs import BlobStore
zone = Path(sys.argv[1])
database, blobs = Database.create(zone / "champ.db"), BlobStore(zone / "store")
limits = Limits(uploads_per_client=10_000, uploads=10_000)
app = registry(database, blobs, zone / "uploads", now_utc, Open(), limits)
serve(app, Listen("127.0.0.1", int(sys.argv[2]), None), lambda: print("ready", flush=True))
"""


@contextmanager
def server(zone: Path) -> Iterator[Registry]:
    """A process of its own, killed in the end."""
    port = free_port()
    command = [sys.executable, "-c", SERVE, str(zone), str(port)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield Registry(port)
        finally:
            process.kill()


class Pusher(threading.Thread):
    """Pushes images of its own until the server is gone; `done` is what was acknowledged."""

    def __init__(self, registry: Registry, number: int) -> None:
        super().__init__()
        self._repository = Repository(registry, f"team/app{number % 3}")
        self.done: list[tuple[str, str, str]] = []
        self.sent = 0

    def run(self) -> None:
        try:
            while True:
                self.sent += 1
                tag = secrets.token_hex(8)
                digest = self._repository.image(tag)
                self.done.append((self._repository.name, tag, digest))
        except (OSError, http.client.HTTPException, json.JSONDecodeError):
            return  # the server is gone


@dataclass(frozen=True)
class Survived:
    """How many pushes were acknowledged, and how many were cut off in the middle."""

    kills: int
    done: int
    cut: int

    def __str__(self) -> str:
        return f"{self.kills} kills, {self.cut} pushes cut off, {self.done} acknowledged, none lost"


def kill(zone: Path, kills: int, seed: int) -> Survived:
    """Serve `zone` and kill that, again and again; AssertionError where anything is not whole."""
    chance, done, cut = random.Random(seed), list[tuple[str, str, str]](), 0
    for _ in range(kills):
        with server(zone) as registry:
            pushers = [Pusher(registry, number) for number in range(CLIENTS)]
            for pusher in pushers:
                pusher.start()
            time.sleep(chance.uniform(0.05, 0.4))
        for pusher in pushers:
            pusher.join(30)
            assert not pusher.is_alive()
            done += pusher.done
            cut += pusher.sent - len(pusher.done)
        whole(zone, done)
    with server(zone) as registry:
        assert Repository(registry, "team/app0").image("1")
    return Survived(kills, len(done), cut)


def whole(zone: Path, done: list[tuple[str, str, str]]) -> None:
    """Everything that can be pulled is what it says, and all that was acknowledged is there."""
    with closing(Database(zone / "champ.db")) as database:
        content = Content(database, BlobStore(zone / "store"))
        consistent(database, content)
        for name, tag, digest in done:
            found = content.of(name).tags.get(tag)
            assert found is not None, "an acknowledged push is gone"
            assert found.digest == Digest.parse(digest)


def main() -> int:
    parser = argparse.ArgumentParser(description="kill a registry while clients push")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(kill(Path(folder), options.kills, options.seed))
    return 0


if __name__ == "__main__":
    sys.exit(main())
