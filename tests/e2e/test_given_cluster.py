"""`KUBECONFIG=... make demo`: the journey on a cluster that was there before."""

from __future__ import annotations

import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path

from champ_offline.registry.pki import ensure_certificates
from tests.e2e.commands import PROJECT, run
from tests.e2e.demo import server
from tests.e2e.ground import address_towards, node_folder
from tests.lab.node import Node


def test_the_demo_runs_on_a_cluster_it_is_given(open_node: Node, tmp_path: Path) -> None:
    teach(open_node.kubeconfig, tmp_path / "nodes")
    done = run(
        [sys.executable, "-m", "tests.e2e.demo", tmp_path],
        extra={"KUBECONFIG": str(open_node.kubeconfig)},
        timeout=600,
    )
    assert "[14/14]" in done.stdout
    assert (tmp_path / "media/bundle.json").is_file()
    assert (PROJECT / ".venv/bin/champ").is_file()


def teach(kubeconfig: Path, nodes: Path) -> None:
    """Let the lab's node know the registry that the demo is going to start."""
    address = address_towards(server(kubeconfig))
    made = ensure_certificates(nodes / "pki", [address], datetime.now(UTC))
    folder = node_folder(nodes, made.authority, address)
    shutil.copytree(folder, kubeconfig.parent / "etc/certs.d/champ.local")
