"""One server for all requirements, over a store on a real file system; pushing is open to all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from champ_offline.clock import now_utc
from champ_offline.durable.database import Database
from champ_offline.registry.access import Open
from champ_offline.registry.asgi import registry as make
from champ_offline.store.blobs import BlobStore
from tests.contracts.distribution.client import Registry, Repository, serving


@pytest.fixture(scope="package")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    zone: Path = tmp_path_factory.mktemp("zone")
    with closing(Database(zone / "champ.db")) as database:
        app = make(database, BlobStore(zone / "store"), zone / "uploads", now_utc, Open())
        with serving(app) as found:
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
