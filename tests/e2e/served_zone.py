"""A zone's registry as `champ registry serve` runs it, with the processes it hands over to.

Invariant: whatever process serves at the end is ended, by the ids that its log names.
"""

from __future__ import annotations

import base64
import json
import os
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from champ_offline.clock import now_utc
from champ_offline.durable.database import Database
from champ_offline.journal.audit import Audit
from champ_offline.oci import media_types
from champ_offline.oci.descriptor import Descriptor
from champ_offline.oci.manifest import image_manifest
from champ_offline.registry.clients import Clients, roles
from champ_offline.registry.passwords import hashed
from champ_offline.registry.pki import ensure_certificates
from champ_offline.store.blobs import BlobStore
from champ_offline.store.refs import Ref, Refs
from tests.architecture.source import ROOT
from tests.cli.command import champ
from tests.e2e.daemons import free_port

HOST = "127.0.0.1"
PASSWORD = "correct horse battery staple"
_SECONDS = 40.0


def until(said: Callable[[], Any], what: str, more: Path | None = None) -> Any:
    """What `said` says once it says something; `more` is read where it does not."""
    deadline = time.monotonic() + _SECONDS
    while not (found := said()):
        late = time.monotonic() > deadline
        assert not late, what + (more.read_text() if more else "")
        time.sleep(0.02)
    return found


def alive(process: int) -> bool:
    """Whether it runs; one that ended and was not asked for by its parent does not."""
    with suppress(OSError):
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


@dataclass
class ServedZone:
    """A zone in `folder`, and where its registry listens."""

    folder: Path
    port: int = field(default_factory=free_port)

    @classmethod
    def made(cls, folder: Path) -> ServedZone:
        """Commissioned by the command line; `ci` may push to team/*."""
        folder.mkdir(parents=True, exist_ok=True)
        trust, root = folder / "trust", folder / "trust" / "root.json"
        for words in (
            ["trust", "init", str(trust), "--holder", "Anna", "--unencrypted"],
            ["--zone", str(folder / "zone"), "zone", "init", "--name", "core", "--root", str(root)],
        ):
            done = champ(*words)
            assert done.returncode == 0, done.stderr
        zone = cls(folder)
        database = zone.database()
        kept = hashed(PASSWORD.encode())
        Clients(database, now_utc).add("ci", kept, roles(push=["team/*"]), "anna")
        database.close()
        return zone

    @property
    def zone(self) -> Path:
        return self.folder / "zone"

    @property
    def log(self) -> Path:
        return self.folder / "registry.log"

    @property
    def address(self) -> str:
        return f"{HOST}:{self.port}"

    @property
    def credentials(self) -> dict[str, str]:
        pair = base64.b64encode(f"ci:{PASSWORD}".encode()).decode()
        return {"authorization": f"Basic {pair}"}

    def database(self) -> Database:
        return Database(self.zone / "champ.db")

    def context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.zone / "pki" / "ca.crt"))

    def certify(self) -> None:
        """Make the authority and the certificate that the registry would make."""
        ensure_certificates(self.zone / "pki", [HOST], now_utc())

    def image(self, name: str, layer: bytes) -> Descriptor:
        """An image of one layer, as an import leaves it; the layer's descriptor."""
        blobs, database = BlobStore(self.zone / "store"), self.database()
        config = Descriptor(media_types.IMAGE_CONFIG, blobs.add(b"{}"), 2)
        found = Descriptor(media_types.LAYER_TAR, blobs.add(layer), len(layer))
        manifest = image_manifest(config, [found])
        top = Descriptor(media_types.IMAGE_MANIFEST, blobs.add(manifest), len(manifest))
        with database.transaction() as connection:
            Refs(database).put(connection, [Ref(name, "1", top, "bundle")])
        database.close()
        return found

    def audited(self) -> None:
        """The chain stands, whoever wrote into it."""
        database = self.database()
        Audit(database, now_utc).check()
        database.close()

    def command(self, *options: str) -> list[str]:
        zone = ["--zone", str(self.zone), "registry", "serve"]
        where = ["--host", HOST, "--port", str(self.port), "--log", str(self.log)]
        return [sys.executable, "-m", "installer", *zone, *where, *options]

    def events(self, event: str) -> list[dict[str, Any]]:
        """The lines of the log about that."""
        text = self.log.read_text() if self.log.exists() else ""
        lines = text[: text.rfind("\n") + 1].splitlines()
        return [line for line in map(json.loads, lines) if line["event"] == event]

    @property
    def process(self) -> int:
        """Whoever serves now."""
        return int(self.events("started")[-1]["process"])

    @contextmanager
    def served(
        self,
        *options: str,
        command: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        pass_fds: Sequence[int] = (),
    ) -> Iterator[subprocess.Popen[bytes]]:
        """Serve until the block ends; the first process that did."""
        words = list(command) or self.command(*options)
        streams: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}
        with (self.folder / "stderr").open("ab") as errors:
            with subprocess.Popen(
                words, cwd=ROOT, env={**os.environ, **(environment or {})},
                stderr=errors, pass_fds=pass_fds, **streams,
            ) as first:  # fmt: skip
                try:
                    yield first
                finally:
                    self.end(first)

    def end(self, first: subprocess.Popen[bytes]) -> None:
        """Let every process that ever served here end."""
        every = {first.pid, *(int(one["process"]) for one in self.events("started"))} - {1}
        for number in (signal.SIGTERM, signal.SIGKILL):
            for process in filter(alive, every):
                os.kill(process, number)
            deadline = time.monotonic() + 15
            while any(map(alive, every)) and time.monotonic() < deadline:
                first.poll()
                time.sleep(0.02)

    def ready(self, count: int = 1) -> None:
        """Wait until so many processes have served."""
        until(lambda: len(self.events("started")) >= count, "", self.folder / "stderr")

    def handed_over(self) -> int:
        """Send SIGHUP and wait until both logs tell of a successor; its process id."""
        self.ready()
        before = len(self.events("handover-done"))
        os.kill(self.process, signal.SIGHUP)
        until(lambda: len(self.events("handover-done")) > before, "no hand-over")
        successor = int(self.events("handover-done")[-1]["successor"])
        until(lambda: self.process == successor, "the successor does not tell that it serves")
        return successor
