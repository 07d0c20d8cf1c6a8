"""`python -m tests.lab`: a lab for a person, who leaves it standing and comes back.

Invariant: `up` leaves nothing that `down` does not remove; both say what they do.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests.lab import build, packages, platform_images
from tests.lab.docker_registry import DockerRegistry
from tests.lab.errors import LabError
from tests.lab.lab import Lab
from tests.lab.records import Records
from tests.lab.zone import Zone


def main(words: Sequence[str]) -> int:
    """Run one command; its exit status."""
    arguments = _parser().parse_args(words)
    state: Path = arguments.state
    try:
        match arguments.command:
            case "install":
                packages.install()
            case "build":
                print(build.build())
            case "up":
                _up(state, arguments.zones.split(","))
            case "status":
                _status(state)
            case _:
                _down(state)
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.lab")
    commands = {
        "install": "install the Debian packages the lab needs",
        "build": "build Kubernetes, CoreDNS and Helm into the cache",
        "up": "start zones with a node each, and leave them running",
        "status": "what stands",
        "down": "end and remove it",
        "clean": "the same: end and remove whatever is recorded",
    }
    described = "; ".join(f"{name}: {what}" for name, what in commands.items())
    parser.add_argument("command", choices=commands, help=described)
    parser.add_argument("--zones", default="zone", help="names, joined by commas (up)")
    parser.add_argument("--state", type=Path, default=build.cache() / "state")
    return parser


def _up(state: Path, names: Sequence[str]) -> None:
    packages.check_machine()
    packages.install()
    binaries = build.build()
    with Lab(state, binaries=binaries) as lab:
        for name in names:
            _start_zone(lab, lab.zone(name, reachable=True), binaries)
        lab.keep()


def _start_zone(lab: Lab, zone: Zone, binaries: Path) -> None:
    """A node with a registry beside it, which holds only what the node itself needs."""
    print(f"Starting the zone {zone.name} ...")
    registry = DockerRegistry(
        lab.records, zone.folder / "registry",
        namespace=zone.host_namespace, address=zone.host_address, port=5000,
    )  # fmt: skip
    registry.start()
    for image in platform_images.make(binaries, lab.state / "images"):
        kind = "oci-archive" if ".oci." in image.archive.name else "docker-archive"
        name = image.reference.partition("/")[2]
        target = f"docker://{registry.host}/{name}"
        trust = f"--dest-cert-dir={registry.ca.parent}"
        zone.run(["skopeo", "copy", "--quiet", "--insecure-policy", trust,
                  f"{kind}:{image.archive}", target])  # fmt: skip
    started = time.monotonic()
    node = zone.start_node(registry=registry.url, ca=registry.ca)
    seconds = time.monotonic() - started
    steps = ", ".join(f"{step} {took:.1f}" for step, took in node.timings.items())
    print(f"  the node is ready after {seconds:.1f} s ({steps})")
    node.wait_system()
    print(f"  its name service answers {node.timings['name service']:.1f} s later")
    print(f"  KUBECONFIG={node.kubeconfig}")
    print(f"  enter its host: {' '.join(zone.command(['bash']))}")
    print(f"  enter its node: {' '.join(node.command(['bash']))}")
    print(f"  memory of the node: {node.memory() // 1_000_000} MB; registry: {registry.url}")


def _status(state: Path) -> None:
    if not state.is_dir():
        print("Nothing stands.")
        return
    outstanding = Records(state).outstanding()
    for record in outstanding:
        print(record)
    for kubeconfig in sorted(state.glob("zones/*/node/kubeconfig")):
        print(f"KUBECONFIG={kubeconfig}")
    if not outstanding:
        print("Nothing stands.")


def _down(state: Path) -> None:
    Lab.clean(state)
    print(f"Nothing of {state} stands any more.")


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
