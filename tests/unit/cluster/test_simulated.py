"""The simulated cluster keeps the contract of the real one."""

from __future__ import annotations

import pytest

from tests.contracts.cluster import ClusterContract, RunningClusterContract
from tests.simulators.cluster import SimulatedCluster
from tests.simulators.helm import SimulatedHelm


class TestSimulatedCluster(ClusterContract, RunningClusterContract):
    @pytest.fixture
    def cluster(self) -> SimulatedCluster:
        return SimulatedCluster()

    @pytest.fixture
    def engine(self, cluster: SimulatedCluster) -> SimulatedHelm:
        return SimulatedHelm(cluster)

    @pytest.fixture
    def namespace(self, cluster: SimulatedCluster) -> str:
        cluster.ensure_namespace("contract")
        return "contract"
