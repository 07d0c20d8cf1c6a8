"""Registries of other people, and ours, as targets of a push; each over a folder of its own."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from functools import partial
from pathlib import Path

import pytest

from champ_offline.clock import now_utc
from champ_offline.durable.database import Database
from champ_offline.external.target import Target
from champ_offline.external.verbs import External
from champ_offline.paths import ZonePaths
from champ_offline.registry.access import Open
from champ_offline.registry.asgi import registry as make
from champ_offline.store.blobs import BlobStore
from tests.contracts.distribution.client import serving
from tests.e2e.daemons import answers, daemon, free_port
from tests.lab import build
from tests.simulators.brought import Brought, bring

Start = Callable[[Path], AbstractContextManager[int]]


@contextmanager
def ours(folder: Path) -> Iterator[int]:
    """The zone registry, open to pushes; its port."""
    folder.mkdir(exist_ok=True)
    with closing(Database.create(folder / "champ.db")) as database:
        blobs = BlobStore(folder / "store")
        with serving(make(database, blobs, folder / "uploads", now_utc, Open())) as found:
            yield found.port


@contextmanager
def distribution(program: str | Path, folder: Path) -> Iterator[int]:
    """Debian's docker-registry, or CNCF Distribution of today, over plain HTTP; its port."""
    folder.mkdir(exist_ok=True)
    port, settings = free_port(), folder / "config.yml"
    settings.write_text(
        "version: 0.1\nlog: {level: warn, accesslog: {disabled: true}}\n"
        f"storage: {{filesystem: {{rootdirectory: {folder}/data}}, delete: {{enabled: true}}}}\n"
        f'http: {{addr: "127.0.0.1:{port}"}}\n'
    )
    command = [program, "serve", settings]
    with daemon(command, lambda: answers(port), folder / "log"):
        yield port


@contextmanager
def distribution_of_today(folder: Path) -> Iterator[int]:
    """CNCF Distribution 3, built from its Go modules once."""
    with distribution(build.build(programs=build.REGISTRIES) / "distribution", folder) as port:
        yield port


REGISTRIES: dict[str, Start] = {
    "ours": ours,
    "docker-registry": partial(distribution, "docker-registry"),
    "distribution": distribution_of_today,
}


@pytest.fixture(params=list(REGISTRIES))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def port(kind: str, tmp_path: Path) -> Iterator[int]:
    with REGISTRIES[kind](tmp_path / "target") as found:
        yield found


@pytest.fixture
def brought(tmp_path: Path) -> Iterator[Brought]:
    found = bring(tmp_path / "zone")
    with closing(found.database):
        yield found


def _shortly(seconds: float) -> None:
    time.sleep(min(seconds, 0.1))


def external(brought: Brought, port: int, prefix: str = "champ") -> External:
    """The zone's verbs, led to a registry on loopback."""
    root = brought.database.path.parent
    stored = (brought.database, brought.blobs, brought.refs)
    verbs = External(*stored, ZonePaths(root), lambda _name: set(), now_utc, sleep=_shortly)
    verbs.use(Target(f"127.0.0.1:{port}", prefix, plain_http=True), "anna")
    return verbs
