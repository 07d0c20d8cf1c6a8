"""The simulated Helm keeps the contract of the real ones."""

from __future__ import annotations

import pytest

from tests.contracts.helm_engine import HelmEngineContract
from tests.simulators.cluster import SimulatedCluster
from tests.simulators.helm import SimulatedHelm


class TestSimulatedHelm(HelmEngineContract):
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
