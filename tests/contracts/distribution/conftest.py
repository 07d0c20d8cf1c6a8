"""One server for all requirements, over a store on a real file system; pushing is open to all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from champ_offline.clock import now_utc
from champ_offline.durable.database import Database
from champ_offline.registry.access import Gatekeeper, Open, ReadOnly
from champ_offline.registry.asgi import registry as make
from champ_offline.registry.limits import Limits
from champ_offline.store.blobs import BlobStore
from tests.contracts.distribution.client import Registry, Repository, serving


@pytest.fixture(scope="package")
def zone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(tmp_path_factory.mktemp("zone"))


@contextmanager
def served(zone: Path, gatekeeper: Gatekeeper, limits: Limits | None = None) -> Iterator[Registry]:
    with closing(Database.create(zone / "champ.db")) as database:
        blobs, uploads = BlobStore(zone / "store"), zone / "uploads"
        with serving(make(database, blobs, uploads, now_utc, gatekeeper, limits)) as found:
            yield found


@pytest.fixture(scope="package")
def registry(zone: Path) -> Iterator[Registry]:
    with served(zone, Open()) as found:
        yield found


@pytest.fixture(scope="package")
def reader(zone: Path) -> Iterator[Registry]:
    """The same content behind a server that changes nothing for anybody."""
    with served(zone, ReadOnly()) as found:
        yield found


@pytest.fixture
def hasty(tmp_path: Path) -> Iterator[Registry]:
    """A server that gives uploads no time at all, over a zone of its own."""
    with served(tmp_path, Open(), Limits(idle=-5)) as found:
        yield found


@pytest.fixture
def repository(registry: Registry) -> Repository:
    return registry.repository()


@pytest.fixture
def other(registry: Registry) -> Repository:
    return registry.repository()


@pytest.fixture(params=["sha256", "sha512"])
def algorithm(request: pytest.FixtureRequest) -> str:
    return str(request.param)
