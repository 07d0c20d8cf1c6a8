"""Files of a node: mirror files, containerd's configuration, systemd's units, an authority."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import PurePosixPath

from champ_offline.errors import ChampError
from champ_offline.node import hosts
from champ_offline.node.address import Address, AddressInvalid
from champ_offline.node.authority import read_authority
from champ_offline.node.containerd import CERTS, CONFIG, read_settings
from champ_offline.node.hosts import HostsFile
from champ_offline.node.proxies import read_environment
from champ_offline.node.root import NodeRoot
from tests.fuzz.target import Target, scratch, written
from tests.unit.node.authorities import NOW

_ZONE = Address("registry.zone", 5443)
_UNIT = PurePosixPath("/etc/systemd/system/containerd.service")


def read_node_files(data: bytes) -> None:
    readers: tuple[Callable[[bytes], None], ...] = (_hosts, _config, _unit, _address, _authority)
    told: list[str] = []
    for reader in readers:
        try:
            reader(data)
        except ChampError as error:
            told += [str(error), error.advice]
    assert all(told)


def _hosts(data: bytes) -> None:
    found = hosts.endpoints(data, "hosts.toml")
    shown = "\n".join(hosts.shown(data, "hosts.toml"))
    for endpoint in found:
        assert endpoint.address is None or Address.parse(str(endpoint.address)) == endpoint.address
        assert len(endpoint.authorization) < 4 or endpoint.authorization not in shown
    if hosts.is_untouched(data, "hosts.toml"):
        assert found[0].address == found[-1].address
        assert not found[0].unverified


def _config(data: bytes) -> None:
    written(f"node{CONFIG}", data)
    node = NodeRoot(scratch() / "node")
    settings = read_settings(node)
    problems = settings.problems(CERTS, node)
    for problem in problems:
        assert str(problem)
        assert problem.advice
    if not problems:
        assert str(CERTS) in str(tomllib.loads(data.decode()))


def _unit(data: bytes) -> None:
    written(f"node{_UNIT}", data)
    proxy = read_environment(NodeRoot(scratch() / "node")).proxy(_ZONE)
    assert "@" not in proxy


def _address(data: bytes) -> None:
    try:
        address = Address.parse(data.decode("utf-8", "replace"))
    except AddressInvalid:
        return
    text = HostsFile(address, "ca.crt").to_bytes()
    assert tomllib.loads(text.decode())["server"] == address.url


def _authority(data: bytes) -> None:
    assert read_authority(data, "ca.crt", NOW).pem


def _seeds() -> dict[str, bytes]:
    table = '[plugins."io.containerd.grpc.v1.cri".registry]\n'
    return {
        "hosts": HostsFile(_ZONE, "zone-ca-1.crt", "Basic bm9kZXM6UEFTU1dPUkQ=").to_bytes(),
        "config": f'version = 2\nimports = ["*.toml"]\n{table}config_path = "{CERTS}"\n'.encode(),
        "unit": b'[Service]\nEnvironment="HTTPS_PROXY=http://a:b@c:1" "NO_PROXY=.zone,10.0.0.0/8"',
        "address": b"[fd00::5]:5443",
    }


TARGETS = (Target("node_files", read_node_files, _seeds),)
