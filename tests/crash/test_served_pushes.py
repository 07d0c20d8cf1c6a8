"""The real server, killed while eight clients push: nothing half, nothing acknowledged is lost."""

from __future__ import annotations

import http.client
import json
import random
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from champ_offline.durable.database import Database
from champ_offline.oci.digest import Digest
from champ_offline.registry.content import Content
from champ_offline.store.blobs import BlobStore
from tests.architecture.source import ROOT
from tests.contracts.distribution.client import Registry, Repository, free_port
from tests.crash.test_push import consistent

CLIENTS, KILLS = 8, 25
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
database, blobs = Database(zone / "champ.db"), BlobStore(zone / "store")
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


def test_pushes_to_a_server_that_is_killed(tmp_path: Path) -> None:
    chance, done, cut = random.Random(7), [], 0
    for _ in range(KILLS):
        with server(tmp_path) as registry:
            pushers = [Pusher(registry, number) for number in range(CLIENTS)]
            for pusher in pushers:
                pusher.start()
            time.sleep(chance.uniform(0.05, 0.4))
        for pusher in pushers:
            pusher.join(30)
            assert not pusher.is_alive()
            done += pusher.done
            cut += pusher.sent - len(pusher.done)
        blobs = BlobStore(tmp_path / "store")
        with closing(Database(tmp_path / "champ.db")) as database:
            content = Content(database, blobs)
            consistent(database, content)
            for name, tag, digest in done:
                found = content.tagged(name, tag)
                assert found is not None, "an acknowledged push is gone"
                assert found.digest == Digest.parse(digest)
    assert cut >= 200
    assert done
    with server(tmp_path) as registry:
        assert Repository(registry, "team/app0").image("1")
