"""Both Helm engines and the cluster adapter against a real Kubernetes with a real node."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from lightkube import Client, KubeConfig
from lightkube.resources.core_v1 import Namespace

from champ_offline.cluster.interface import FIELD_MANAGER
from champ_offline.cluster.kube import KubeCluster
from champ_offline.helm.command import CommandEngine
from champ_offline.helm.engine import Capabilities, HelmEngine
from champ_offline.helm.remote import SdkEngine
from tests.contracts.cluster import ClusterContract, RunningClusterContract
from tests.contracts.helm_engine import NAME, QUICK, HelmEngineContract, small_with
from tests.simulators.charts import small

LOOKUP = """\
apiVersion: v1
kind: Secret
metadata: {name: {{ .Release.Name }}-kept}
data:
  {{- $old := lookup "v1" "Secret" .Release.Namespace (print .Release.Name "-kept") }}
  password: {{ if $old }}{{ $old.data.password }}{{ else }}{{ randAlphaNum 24 | b64enc }}{{ end }}
  cluster: {{ .Capabilities.KubeVersion.Version | b64enc }}
  {{- if .Capabilities.APIVersions.Has "apps/v1/Deployment" }}
  deployments: {{ "yes" | b64enc }}
  {{- end }}
"""


class _Real:
    """A real cluster and a namespace for one test."""

    @pytest.fixture
    def cluster(self, kubeconfig: Path) -> Iterator[KubeCluster]:
        cluster = KubeCluster(kubeconfig)
        yield cluster
        cluster.close()

    @pytest.fixture
    def namespace(self, kubeconfig: Path, cluster: KubeCluster) -> Iterator[str]:
        name = f"contract-{secrets.token_hex(4)}"
        cluster.ensure_namespace(name)
        yield name
        with Client(KubeConfig.from_file(kubeconfig), trust_env=False) as client:
            client.delete(Namespace, name)


class _RealEngine(_Real):
    """What only a real template engine on a real cluster can show."""

    def test_lookup_and_capabilities_are_the_clusters(
        self, engine: HelmEngine, cluster: KubeCluster, namespace: str
    ) -> None:
        offer = cluster.offer()
        known = Capabilities(offer.version, offer.api_versions)
        chart = small_with(LOOKUP)
        engine.install(chart, NAME, namespace, {}, QUICK)
        live = cluster.get("v1", "Secret", namespace, f"{NAME}-kept")
        assert live is not None
        again = engine.render(
            chart, NAME, namespace, {}, upgrade=True, capabilities=known, revision=2
        )
        [document] = again.manifests
        assert f"password: {live['data']['password']}\n" in document.text
        assert base64.b64decode(live["data"]["cluster"]).decode() == offer.version
        assert live["data"]["deployments"] == base64.b64encode(b"yes").decode()
        assert f"cluster: {live['data']['cluster']}\n" in document.text
        assert f"deployments: {live['data']['deployments']}\n" in document.text

    def test_objects_are_managed_under_helms_name(
        self, engine: HelmEngine, cluster: KubeCluster, namespace: str
    ) -> None:
        engine.install(small(), NAME, namespace, {}, QUICK)
        live = cluster.get("v1", "ConfigMap", namespace, f"{NAME}-config")
        assert live is not None
        managers = {entry["manager"] for entry in live["metadata"]["managedFields"]}
        assert managers == {FIELD_MANAGER}


class TestSdkEngine(_RealEngine, HelmEngineContract):
    """The engine of the product."""

    @pytest.fixture
    def engine(self, kubeconfig: Path) -> Iterator[SdkEngine]:
        engine = SdkEngine(kubeconfig)
        yield engine
        engine.close()


class TestCommandEngine(_RealEngine, HelmEngineContract):
    """The official command."""

    @pytest.fixture
    def engine(self, kubeconfig: Path, helm_binary: Path) -> CommandEngine:
        return CommandEngine(kubeconfig, helm_binary)


class TestEnginesTogether(_Real):
    """What one engine made, the other changes."""

    def test_one_takes_over_from_the_other(
        self, kubeconfig: Path, helm_binary: Path, namespace: str
    ) -> None:
        sdk, command = SdkEngine(kubeconfig), CommandEngine(kubeconfig, helm_binary)
        sdk.install(small(), NAME, namespace, {"greeting": "one"}, QUICK)
        command.upgrade(small(), NAME, namespace, {"greeting": "two"}, QUICK)
        made = sdk.upgrade(small(), NAME, namespace, {"greeting": "three"}, QUICK)
        sdk.close()
        assert (made.revision, made.status) == (3, "deployed")
        assert command.values(NAME, namespace) == {"greeting": "three"}


class TestKubeCluster(_Real, ClusterContract, RunningClusterContract):
    """The adapter of the product."""

    @pytest.fixture
    def engine(self, kubeconfig: Path) -> Iterator[SdkEngine]:
        engine = SdkEngine(kubeconfig)
        yield engine
        engine.close()
