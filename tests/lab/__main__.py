"""`python -m tests.lab`: a lab for a person, who leaves it standing and comes back.

Invariant: `up` leaves nothing that `down` does not remove; both say what they do.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests.lab import build, packages, platform_registry
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
            case "rehearse":
                return _rehearse(arguments)
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
        "rehearse": "install every app of a bundle in a sealed zone, and remove it again",
        "down": "end and remove it",
        "clean": "the same: end and remove whatever is recorded",
    }
    described = "; ".join(f"{name}: {what}" for name, what in commands.items())
    parser.add_argument("command", choices=commands, help=described)
    parser.add_argument("--zones", default="zone", help="names, joined by commas (up)")
    parser.add_argument("--bundle", type=Path, help="the medium's folder (rehearse)")
    parser.add_argument("--root", type=Path, help="the public root (rehearse)")
    parser.add_argument("--app", default="", help="this app only (rehearse)")
    parser.add_argument("--answers", default="", help="documented answers, or a file (rehearse)")
    parser.add_argument("--state", type=Path, default=build.cache() / "state")
    return parser


def _rehearse(arguments: argparse.Namespace) -> int:
    # Only here does the lab know of the product: it installs what the product packed.
    from tests.e2e.rehearsal import rehearse

    if arguments.bundle is None or arguments.root is None:
        raise LabError("rehearse needs --bundle FOLDER and --root FILE.")
    return rehearse(
        arguments.bundle.absolute(),
        arguments.root.absolute(),
        app=arguments.app,
        answers=arguments.answers,
    )


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
    registry = platform_registry.serve(lab.records, zone, binaries)
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
