"""The files a node is configured by, and the arguments of its components.

Invariant: inside its mount namespace every node has the same paths (`/run/node`, `/run/bin`,
`/var/lib`, `/var/log`), so only names, addresses and the registry differ from node to node.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import yaml

from champ_offline.clock import now_utc
from champ_offline.node.address import Address
from champ_offline.node.authority import read_authority
from champ_offline.node.root import NodeRoot
from champ_offline.node.trust import Trusted, carry_out, plan_trust
from tests.lab import node_texts as texts
from tests.lab.certificates import Authority, write_key_pair

ETC = "/run/node/etc"
PKI = "/run/node/pki"
ETCD = "http://127.0.0.1:2379"
ISSUER = "https://kubernetes.default.svc"


@dataclass(frozen=True)
class NodeSettings:
    """What differs from node to node."""

    name: str
    address: str
    outside_address: str
    cgroup: str
    registry: str
    ca: Path


def write(folder: Path, settings: NodeSettings) -> Path:
    """Write all files of a node into `folder`; the administrator's kubeconfig is returned."""
    for part in ("etc/net.d", "lib/volumes", "log", "run"):
        (folder / part).mkdir(parents=True)
    for part in ("cni", "containerd", "kubelet", "etcd"):
        (folder / "lib" / part).mkdir(mode=0o700)
    for name, value in texts.TUNABLES.items():
        (folder / "tunables" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "tunables" / name).write_text(value + "\n")
    _trust_registry(folder, settings)
    for name, text in _files(settings).items():
        (folder / "etc" / name).write_text(text)
    _write_certificates(folder, settings)
    admin = folder / "kubeconfig"
    server = f"https://{settings.outside_address or settings.address}:6443"
    admin.write_text(kubeconfig(folder / "pki", "admin", server))
    admin.chmod(0o600)
    return admin


def arguments(settings: NodeSettings) -> Mapping[str, list[str]]:
    """Component to its command, in the node's own paths."""
    return {
        "containerd": ["containerd", "--config", f"{ETC}/containerd.toml"],
        "etcd": [
            "/run/etcd", "--data-dir=/var/lib/etcd", "--unsafe-no-fsync", "--log-level=warn",
            f"--listen-client-urls={ETCD}", f"--advertise-client-urls={ETCD}",
            "--listen-peer-urls=http://127.0.0.1:2380",
        ],
        "kube-apiserver": ["/run/kube-apiserver", *_api_server(settings.address)],
        "kube-controller-manager": [
            "/run/kube-controller-manager", f"--kubeconfig={ETC}/controllers.kubeconfig",
            f"--service-account-private-key-file={PKI}/sa.key", f"--root-ca-file={PKI}/ca.crt",
            "--use-service-account-credentials", f"--cluster-cidr={texts.PODS}",
            "--allocate-node-cidrs", "--leader-elect=false", "--bind-address=127.0.0.1",
            "--profiling=false", "--node-monitor-period=1s",
        ],
        "kube-scheduler": [
            "/run/kube-scheduler", f"--kubeconfig={ETC}/scheduler.kubeconfig",
            "--leader-elect=false", "--bind-address=127.0.0.1", "--profiling=false",
        ],
        "kubelet": [
            "/run/kubelet", f"--config={ETC}/kubelet.yaml", f"--kubeconfig={ETC}/node.kubeconfig",
            f"--hostname-override={settings.name}", f"--node-ip={settings.address}",
        ],
        "kube-proxy": [
            "/run/kube-proxy", f"--config={ETC}/proxy.yaml",
            f"--hostname-override={settings.name}",
        ],
    }  # fmt: skip


def _api_server(address: str) -> list[str]:
    return [
        f"--etcd-servers={ETCD}", f"--service-cluster-ip-range={texts.SERVICES}",
        f"--advertise-address={address}", "--authorization-mode=Node,RBAC",
        f"--tls-cert-file={PKI}/apiserver.crt", f"--tls-private-key-file={PKI}/apiserver.key",
        f"--client-ca-file={PKI}/ca.crt", f"--service-account-issuer={ISSUER}",
        f"--service-account-key-file={PKI}/sa.pub",
        f"--service-account-signing-key-file={PKI}/sa.key",
        f"--kubelet-client-certificate={PKI}/kubelet-client.crt",
        f"--kubelet-client-key={PKI}/kubelet-client.key",
        "--kubelet-preferred-address-types=InternalIP", "--allow-privileged=true",
        "--profiling=false", "--shutdown-delay-duration=0s",
    ]  # fmt: skip


def _files(settings: NodeSettings) -> Mapping[str, str]:
    return {
        "containerd.toml": texts.CONTAINERD,
        "kubelet.yaml": texts.KUBELET + f"cgroupRoot: /{settings.cgroup}\n",
        "proxy.yaml": texts.PROXY,
        "resolv.conf": "",
        "net.d/10-pods.conflist": json.dumps(texts.POD_NETWORK, indent=1),
    }


def _trust_registry(folder: Path, settings: NodeSettings) -> None:
    """As `champ node trust` does on a node."""
    place = Trusted(NodeRoot(folder), PurePosixPath("/etc/certs.d"))
    authority = read_authority(settings.ca.read_bytes(), settings.ca, now_utc())
    carry_out(place, plan_trust(place, Address.parse(settings.registry), authority))


def _write_certificates(folder: Path, settings: NodeSettings) -> None:
    authority = Authority(folder / "pki", f"kubernetes of {settings.name}")
    own = [settings.name, settings.address, settings.outside_address]
    given = [*own, "localhost", "127.0.0.1", "kubernetes.default.svc", texts.FIRST_SERVICE]
    addresses = [address for address in given if address]
    authority.issue("apiserver", "kube-apiserver", addresses=addresses)
    authority.issue("kubelet-client", "apiserver-kubelet-client", "system:masters")
    authority.issue("admin", "admin", "system:masters")
    authority.issue("node", f"system:node:{settings.name}", "system:nodes", addresses)
    authority.issue("controllers", "system:kube-controller-manager")
    authority.issue("scheduler", "system:kube-scheduler")
    authority.issue("proxy", "system:kube-proxy")
    write_key_pair(folder / "pki", "sa")
    for name in ("node", "controllers", "scheduler", "proxy"):
        text = kubeconfig(folder / "pki", name, "https://127.0.0.1:6443")
        (folder / "etc" / f"{name}.kubeconfig").write_text(text)


def kubeconfig(pki: Path, user: str, server: str) -> str:
    def data(file: str) -> str:
        return base64.b64encode((pki / file).read_bytes()).decode()

    cluster = {"server": server, "certificate-authority-data": data("ca.crt")}
    identity = {
        "client-certificate-data": data(f"{user}.crt"),
        "client-key-data": data(f"{user}.key"),
    }
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "zone", "cluster": cluster}],
        "users": [{"name": user, "user": identity}],
        "contexts": [{"name": "zone", "context": {"cluster": "zone", "user": user}}],
        "current-context": "zone",
    }
    return yaml.safe_dump(document, sort_keys=False)
