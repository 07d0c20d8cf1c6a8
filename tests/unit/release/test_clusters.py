"""Clusters by name: one name an identity, one file a name; and two clusters of one zone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from champ_offline.doctor import examine_named
from champ_offline.durable.database import Database
from champ_offline.findings import State
from champ_offline.journal.audit import Audit
from champ_offline.release.base import PlanStale
from champ_offline.release.clusters import (
    ClusterExchanged,
    ClusterNamedAlready,
    ClusterNameTaken,
    ClusterNotNamed,
    Clusters,
    ClusterUnknown,
    InvalidClusterName,
    KubeconfigShared,
)
from tests.simulators.cluster import SimulatedCluster
from tests.simulators.helm import SimulatedHelm
from tests.unit.release.conftest import NAME, PLACE, World, build, clock


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with closing(Database.create(tmp_path / "champ.db")) as made:
        yield made


@pytest.fixture
def clusters(database: Database) -> Clusters:
    return Clusters(database, clock())


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "main.conf"
    path.write_text("apiVersion: v1", encoding="utf-8")
    path.chmod(0o600)
    return path


def test_a_cluster_is_known_by_its_name(clusters: Clusters, file: Path, database: Database) -> None:
    made = clusters.add("main", SimulatedCluster(), file, "bo")
    assert (made.identity, made.address, made.kubeconfig) == (
        "uid-1", "https://simulated:6443", file,
    )  # fmt: skip
    assert clusters.one("main") == made
    assert clusters.name("uid-1") == "main"
    assert clusters.name("uid-2") == "uid-2"
    clusters.remove("main", "bo")
    with pytest.raises(ClusterUnknown, match="“main”"):
        clusters.one("main")
    with pytest.raises(ClusterUnknown):
        clusters.remove("main", "bo")
    acts = [(row.actor, row.act, row.subject) for row in Audit(database, clock()).rows()]
    assert acts == [("bo", "cluster.add", "main"), ("bo", "cluster.remove", "main")]
    assert all(str(file) not in row.detail for row in Audit(database, clock()).rows())


def test_a_name_stays_with_its_cluster(clusters: Clusters, file: Path, tmp_path: Path) -> None:
    clusters.add("main", SimulatedCluster(), file, "bo")
    elsewhere = tmp_path / "moved.conf"
    assert clusters.add("main", SimulatedCluster(), elsewhere, "bo").kubeconfig == elsewhere
    with pytest.raises(ClusterNameTaken, match="uid-9"):
        clusters.add("main", SimulatedCluster(9), file, "bo")
    with pytest.raises(ClusterNamedAlready, match="“main”"):
        clusters.add("second", SimulatedCluster(), file, "bo")
    with pytest.raises(KubeconfigShared):
        clusters.add("second", SimulatedCluster(9), elsewhere, "bo")
    with pytest.raises(InvalidClusterName):
        clusters.add("../x", SimulatedCluster(9), file, "bo")
    assert [one.name for one in clusters.all()] == ["main"]


def test_the_only_cluster_is_meant_when_nothing_is_said(
    clusters: Clusters, file: Path, tmp_path: Path
) -> None:
    with pytest.raises(ClusterNotNamed):
        clusters.way(None)
    clusters.add("main", SimulatedCluster(), file, "bo")
    assert clusters.way(None) == file
    assert clusters.way(tmp_path / "given") == tmp_path / "given"
    clusters.add("edge", SimulatedCluster(9), tmp_path / "edge.conf", "bo")
    with pytest.raises(ClusterNotNamed, match="edge, main"):
        clusters.way(None)
    assert clusters.way(None, "uid-9") == tmp_path / "edge.conf"


def test_a_file_that_leads_elsewhere_is_found_out(clusters: Clusters, file: Path) -> None:
    made = clusters.add("main", SimulatedCluster(), file, "bo")
    made.check(SimulatedCluster())
    with pytest.raises(ClusterExchanged, match="uid-9"):
        made.check(SimulatedCluster(9))
    (own, cluster) = examine_named(made, lambda _: SimulatedCluster(9))
    assert (own.state, cluster.state) == (State.OK, State.BAD)
    assert isinstance(cluster.error, ClusterExchanged)


def test_a_file_that_others_may_read_is_told(clusters: Clusters, file: Path) -> None:
    made = clusters.add("main", SimulatedCluster(), file, "bo")
    assert made.exposed is None
    file.chmod(0o644)
    assert "0644" in str(made.exposed)
    first = next(iter(examine_named(made, lambda _: SimulatedCluster())))
    assert (first.check, first.state) == ("kubeconfig", State.WARN)
    file.unlink()
    assert made.exposed is None


def test_one_name_on_two_clusters_has_two_histories(world: World) -> None:
    other = SimulatedCluster(100)
    second = build(world.database.path, other, SimulatedHelm(other))
    with closing(second.database):
        world.apply(world.plan("1.0"))
        world.apply(world.plan("1.1", greeting="moin"))
        on_second = second.plan("3.0")
        assert (on_second.from_version, on_second.base_revision) == ("", 0)
        with pytest.raises(PlanStale, match="another cluster"):
            world.apply(on_second)
        assert second.apply(on_second).number == 1
        assert world.apply(world.planner.rollback(NAME, PLACE, 1)).version == "1.0"
        standing = {one.cluster: one.version for one in world.history.standing(NAME, PLACE)}
        assert standing == {"uid-1": "1.0", "uid-100": "3.0"}
        assert world.apply(world.planner.remove(NAME, PLACE)).number == 4
        (left,) = world.history.standing(None, None)
        assert left.cluster == "uid-100"
        salts = world.database.query("SELECT cluster FROM salts ORDER BY cluster")
        assert [row["cluster"] for row in salts] == ["uid-1", "uid-100"]
        plans = {one.plan for one in world.history.returnable(10)}
        assert plans == {on_second.digest}
