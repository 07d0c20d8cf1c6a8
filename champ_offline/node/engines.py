"""Container engines of a node that do not read containerd's mirror files, and what they read.

Invariant: only looked for, never configured: what is written for them is for a person to decide.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import PurePosixPath

from champ_offline.errors import ChampError, ExitCode
from champ_offline.node.address import Address
from champ_offline.node.root import NodeRoot

_RANCHER = ("k3s", "rke2")
_CRIO = PurePosixPath("/etc/crio")
_DOCKER = PurePosixPath("/usr/bin/dockerd")


class MirrorsGenerated(ChampError):
    """k3s and RKE2 bring their own containerd and write its files anew at each start."""

    id = "node.mirrors-generated"
    exit_code = ExitCode.PREFLIGHT
    message = "This node runs {engine}, which makes its mirror files itself, out of {path}."
    remedy = (
        "Put the zone's authority beside {path} as ca.crt, write {text} into {path}, and run"
        " `systemctl restart {engine}`."
    )


class MirrorsOfCriO(ChampError):
    """CRI-O reads the files of the containers tools."""

    id = "node.mirrors-of-cri-o"
    exit_code = ExitCode.PREFLIGHT
    message = "This node has CRI-O, which reads no mirror files of containerd."
    remedy = (
        "For each registry NAME write {text} into a file of /etc/containers/registries.conf.d, and"
        " the zone's authority into /etc/containers/certs.d/{address}/ca.crt."
    )


class DockerByItsName(ChampError):
    """Docker has mirrors for one registry only."""

    id = "node.docker-by-its-name"
    exit_code = ExitCode.PREFLIGHT
    message = "This node has Docker, which pulls from the zone only as {address}/NAME."
    remedy = (
        "Where it shall do so, put the zone's authority into /etc/docker/certs.d/{address}/ca.crt."
    )


def others(node: NodeRoot, address: Address) -> Iterator[ChampError]:
    """One for each engine that the mirror file does not serve."""
    for engine in _RANCHER:
        folder = PurePosixPath("/etc/rancher") / engine
        if node.has(folder):
            path = folder / "registries.yaml"
            text = _rancher(address, folder / "ca.crt")
            yield MirrorsGenerated(engine=engine, path=path, text=text)
    if node.has(_CRIO):
        text = f'[[registry]] prefix = "NAME", location = "{address}/NAME"'
        yield MirrorsOfCriO(address=address, text=text)
    if node.has(_DOCKER):
        yield DockerByItsName(address=address)


def _rancher(address: Address, authority: PurePosixPath) -> str:
    """registries.yaml in one line; JSON is YAML."""
    document = {
        "mirrors": {"*": {"endpoint": [address.url]}},
        "configs": {str(address): {"tls": {"ca_file": str(authority)}}},
    }
    return json.dumps(document)
