"""A zone's release machinery over the simulated cluster and Helm."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from champ_offline.durable.database import Database
from champ_offline.events import Event
from champ_offline.helm.engine import Options
from champ_offline.journal.audit import Audit
from champ_offline.journal.journal import Journal
from champ_offline.oci.digest import Digest
from champ_offline.release.apply.execute import Executor
from champ_offline.release.images.digests import refuse_gone
from champ_offline.release.plan import Plan
from champ_offline.release.planner import Planner
from champ_offline.release.records.history import History, Revision
from champ_offline.release.records.vault import Vault
from champ_offline.release.request import ReleaseRequest
from champ_offline.store.blobs import BlobMissing
from tests.simulators.charts import NOWHERE, PAUSE, small
from tests.simulators.cluster import SimulatedCluster
from tests.simulators.helm import SimulatedHelm

IMAGES = {PAUSE: Digest.of(b"pause"), NOWHERE: Digest.of(b"never")}
NAME, PLACE = "orthanc", "pacs"
# The identity of the simulated cluster.
HERE = "uid-1"


@dataclass
class World:
    """Everything an appliance would wire, and what was told meanwhile."""

    database: Database
    cluster: SimulatedCluster
    helm: SimulatedHelm
    history: History
    vault: Vault
    journal: Journal
    planner: Planner
    executor: Executor
    gone: set[Digest]
    told: list[Event] = field(default_factory=list)

    def plan(self, version: str = "1.0", chart: bytes | None = None, **values: object) -> Plan:
        """A plan for the release with these values."""
        return self.planner.change(self.request(version, chart, **values))

    def request(
        self, version: str = "1.0", chart: bytes | None = None, **values: object
    ) -> ReleaseRequest:
        """What somebody wants."""
        return ReleaseRequest(
            release=NAME,
            namespace=PLACE,
            app="sample",
            version=version,
            chart=chart or small(),
            answers={"asked": "yes", **values},
            values=values,
            images=IMAGES,
            secrets=("s3cret-word",),
        )

    def apply(self, plan: Plan) -> Revision:
        """Apply it as somebody."""
        return self.executor.apply(plan, "somebody", self.told.append)


def clock() -> Callable[[], datetime]:
    """A clock that goes on by a second whenever it is read."""
    seconds = itertools.count()
    start = datetime(2026, 1, 1, tzinfo=UTC)
    return lambda: start + timedelta(seconds=next(seconds))


def build(path: Path, cluster: SimulatedCluster, helm: SimulatedHelm) -> World:
    """A process's view of the zone whose database is at `path`."""
    database, now = Database.create(path), clock()
    history = History(database)
    salts = itertools.count()
    vault = Vault(database, lambda: f"salt-{next(salts)}")
    journal = Journal(database, now)
    gone: set[Digest] = set()

    def size(digest: Digest) -> int:
        if digest in gone:
            raise BlobMissing(digest=digest)
        return len(digest.hex)

    def refuse_missing(images: Mapping[str, Digest]) -> None:
        refuse_gone(images, size)

    planner = Planner(
        helm, cluster, history, vault,
        zone="core", now=now, size=size, refuse_missing=refuse_missing,
    )  # fmt: skip
    executor = Executor(
        helm, cluster, history, vault, journal, audit=Audit(database, now),
        now=now, refuse_missing=refuse_missing, options=Options(timeout=4), pause=0.01,
    )  # fmt: skip
    return World(database, cluster, helm, history, vault, journal, planner, executor, gone)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    cluster = SimulatedCluster()
    world = build(tmp_path / "zone.db", cluster, SimulatedHelm(cluster))
    yield world
    world.database.close()
