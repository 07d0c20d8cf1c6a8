"""A kubeconfig that leads nowhere is refused by name, before anything is asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from champ_offline.cluster.interface import (
    ClusterUnreachable,
    KubeconfigInvalid,
    KubeconfigMissing,
)
from champ_offline.cluster.kube import KubeCluster

DEAD = """\
apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "http://127.0.0.1:9"}}]
users: [{name: u, user: {token: t}}]
contexts: [{name: x, context: {cluster: c, user: u}}]
current-context: x
"""


@pytest.mark.parametrize(
    "text",
    ["", "just text", "a: [", "clusters: []", DEAD.replace("current-context: x", "")],
)
def test_a_broken_kubeconfig_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(KubeconfigInvalid, match="kubeconfig"):
        KubeCluster(path)


def test_a_missing_kubeconfig_is_named(tmp_path: Path) -> None:
    with pytest.raises(KubeconfigMissing, match="nowhere"):
        KubeCluster(tmp_path / "nowhere")


def test_a_silent_cluster_is_named_by_its_address(tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(DEAD, encoding="utf-8")
    cluster = KubeCluster(path)
    with pytest.raises(ClusterUnreachable, match=r"http://127\.0\.0\.1:9"):
        cluster.nodes()
    cluster.close()
