"""Commands in a real pod: the contract, a large stream both ways, and what ends one early."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from lightkube import Client, KubeConfig
from lightkube.resources.core_v1 import Namespace, Pod

from champ_offline.cluster.commands import (
    CHUNK,
    ChannelBroke,
    CommandFailed,
    Place,
)
from champ_offline.cluster.interface import CommandsForbidden
from champ_offline.cluster.kube import KubeCluster
from tests.contracts.commands import ENDLESS, CommandContract
from tests.contracts.logs import LogContract
from tests.e2e.box import CONTAINER, box_pod

POD = "box"
MEGABYTES = 100
# What Python and the kernel's answers may take besides; the stream is many times as large.
MOST_MEMORY = 16 * 1024 * 1024


@pytest.fixture(scope="module")
def client(kubeconfig: Path) -> Iterator[Client]:
    with Client(KubeConfig.from_file(kubeconfig), trust_env=False) as client:
        yield client


@pytest.fixture(scope="module")
def cluster(kubeconfig: Path) -> Iterator[KubeCluster]:
    cluster = KubeCluster(kubeconfig)
    yield cluster
    cluster.close()


@pytest.fixture(scope="module")
def place(client: Client, cluster: KubeCluster) -> Iterator[Place]:
    namespace = f"commands-{secrets.token_hex(4)}"
    cluster.ensure_namespace(namespace)
    _start(client, namespace, POD)
    yield Place(namespace, POD, CONTAINER, ("true",))
    client.delete(Namespace, namespace)


def _start(client: Client, namespace: str, name: str) -> None:
    pod = Pod.from_dict(box_pod(name))
    assert isinstance(pod, Pod)
    client.create(pod, namespace=namespace)
    client.wait(Pod, name, for_conditions=["Ready"], namespace=namespace)


class TestKubeCommands(CommandContract):
    """The adapter of the product."""


class TestKubeLogs(LogContract):
    """What a real kubelet gives of a container's log."""


def _memory(line: str) -> int:
    status = Path("/proc/self/status").read_text()
    return int(status.split(f"{line}:")[1].split()[0]) * 1024


def test_a_large_stream_goes_in_and_out_in_little_memory(
    cluster: KubeCluster, place: Place
) -> None:
    piece = secrets.token_bytes(CHUNK)
    sent, got, size = hashlib.sha256(piece * MEGABYTES).hexdigest(), hashlib.sha256(), 0
    where = place.namespace, place.pod, place.container
    Path("/proc/self/clear_refs").write_text("5")  # the peak counts from here
    before, begun = _memory("VmRSS"), time.monotonic()
    stdin = (piece for _ in range(MEGABYTES))
    with cluster.run_in(*where, ["sh", "-c", "cat > /home/champ/data"], stdin=stdin) as running:
        running.wait()
    middle = time.monotonic()
    with cluster.run_in(*where, ["cat", "/home/champ/data"]) as running:
        for part in running:
            got.update(part)
            size += len(part)
            if size < CHUNK:
                time.sleep(0.01)  # a reader that is slow at times
    ended, peak = time.monotonic(), _memory("VmHWM") - before
    print(f"\n{MEGABYTES} MiB in {middle - begun:.1f} s in, {ended - middle:.1f} s out; "
          f"{peak / CHUNK:.1f} MiB of memory")  # fmt: skip
    assert (got.hexdigest(), size) == (sent, MEGABYTES * CHUNK)
    assert peak < MOST_MEMORY


def test_a_slow_reader_loses_nothing(cluster: KubeCluster, place: Place) -> None:
    """The command has ended long before (what is little), or waits (what is much)."""
    for last in (20_000, 3_000_000):
        where = place.namespace, place.pod, place.container
        with cluster.run_in(*where, ["seq", str(last)]) as running:
            time.sleep(3)
            got = [next(running)]
            time.sleep(3)
            got += running
        assert b"".join(got) == b"".join(b"%d\n" % number for number in range(1, last + 1))


def test_a_pod_that_goes_away_is_no_good_end(
    client: Client, cluster: KubeCluster, place: Place
) -> None:
    _start(client, place.namespace, "brief")
    with pytest.raises((ChannelBroke, CommandFailed)) as raised:
        with cluster.run_in(
            place.namespace, "brief", CONTAINER, ["sh", "-c", ENDLESS], silence=60
        ) as running:
            assert next(running)
            client.delete(Pod, "brief", namespace=place.namespace, grace_period=0)
            running.wait()
    print(f"\n{raised.value}")


def test_the_rights_it_takes_are_create_and_get(
    cluster: KubeCluster, kubeconfig: Path, place: Place, tmp_path: Path
) -> None:
    core, rbac = "/api/v1", "/apis/rbac.authorization.k8s.io/v1"
    name, group = {"metadata": {"name": "backup"}}, "rbac.authorization.k8s.io"
    subjects = [{"kind": "ServiceAccount", "name": "backup", "namespace": place.namespace}]
    rules = [{"apiGroups": [""], "resources": ["pods/exec"], "verbs": ["create", "get"]}]
    role = {"kind": "Role", "name": "backup", "apiGroup": group}

    def post(base: str, kind: str, document: dict[str, Any]) -> dict[str, Any]:
        path = f"{base}/namespaces/{place.namespace}/{kind}"
        answer = cluster._access.session.post(path, json=document)
        assert answer.is_success, answer.text
        made: dict[str, Any] = answer.json()
        return made

    post(core, "serviceaccounts", name)
    token = post(core, "serviceaccounts/backup/token", {"spec": {}})["status"]["token"]
    config = yaml.safe_load(kubeconfig.read_text())
    config["users"] = [{"name": one["name"], "user": {"token": token}} for one in config["users"]]
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(config))
    limited = KubeCluster(path)
    where = place.namespace, place.pod, place.container
    with pytest.raises(CommandsForbidden, match="pods/exec"):
        with limited.run_in(*where, ["true"]):
            pass
    post(rbac, "roles", {**name, "rules": rules})
    post(rbac, "rolebindings", {**name, "subjects": subjects, "roleRef": role})
    with limited.run_in(*where, ["cat"], stdin=[b"allowed"]) as running:
        assert b"".join(running) == b"allowed"
    limited.close()
