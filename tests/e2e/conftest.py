"""What the end-to-end tests share: one lab, one run of the journey, a cluster to try things on."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from champ_offline.installation.places import ONE_FILE
from installer.one_file.build import build
from tests.e2e.bare_ground import BareGround
from tests.e2e.bare_zones import FROM_THE_STICK, INSTALLED, BareZones
from tests.e2e.box import box_recipe
from tests.e2e.commands import PROJECT, Champ, run
from tests.e2e.demo import STICK_MEGABYTES
from tests.e2e.ground import LabGround
from tests.e2e.journey import PACKED, STEPS, VOLUME_SIZE, ZONE, Journey
from tests.e2e.one_zone import OneZone
from tests.e2e.platform import platform_recipe
from tests.e2e.twin_app import twin_recipe
from tests.lab.lab import Lab
from tests.lab.node import Node

LABS = PROJECT / "build" / "e2e"
# The one zone that this machine may enter, for stock tools and contract suites.
OPEN_ZONE = IPv4Network("10.78.0.0/24")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--lab`: runs side by side have labs of different names."""
    parser.addoption("--lab", default="lab", help="the name of the lab of this run")


@pytest.fixture(scope="session")
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    """The lab of this test run; what a killed run left is removed first."""
    state = LABS / request.config.getoption("--lab")
    Lab.clean(state)
    shutil.rmtree(state, ignore_errors=True)
    with Lab(state) as made:
        yield made


@pytest.fixture(scope="session")
def platform(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The recipe of the cluster's own images."""
    return platform_recipe(lab.binaries(), tmp_path_factory.mktemp("images"))


@pytest.fixture(scope="session")
def journey(lab: Lab, platform: Path, tmp_path_factory: pytest.TempPathFactory) -> Journey:
    """A journey about to begin in the sealed zone; tests/e2e/test_journey.py walks it."""
    ground = LabGround(lab.zone(ZONE))
    stick = lab.stick("stick", STICK_MEGABYTES)
    return Journey(tmp_path_factory.mktemp("journey"), ground, stick, platform)


@pytest.fixture(scope="session")
def packed(journey: Journey) -> Journey:
    """The journey with its bundles packed: `build/media` is one of them."""
    if not (journey.build / "media").exists():
        for _, step in STEPS[:PACKED]:
            step(journey)
    return journey


@pytest.fixture(scope="session")
def bare_zones(
    lab: Lab, packed: Journey, built: Path, tmp_path_factory: pytest.TempPathFactory
) -> BareZones:
    """Zones whose hosts have nothing but the stick."""
    shutil.copyfile(built, packed.stick.plug() / ONE_FILE)
    return BareZones(lab, packed, tmp_path_factory.mktemp("bare"))


@pytest.fixture(scope="session")
def installed(bare_zones: BareZones) -> Journey:
    """A journey in a zone on whose host champ.sh was installed from the stick."""
    journey = bare_zones.journey("bookworm", INSTALLED)
    ground = journey.ground
    assert isinstance(ground, BareGround)
    run(ground.on_host([*FROM_THE_STICK, "self", "install"]))
    return journey


@pytest.fixture(scope="session")
def open_node(lab: Lab, platform: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A second zone's node, up at the same time, that this machine reaches by kubeconfig."""
    build = tmp_path_factory.mktemp("open-zone")
    zone = lab.zone("public-service", reachable=True, addresses=OPEN_ZONE)
    ground = LabGround(zone)
    workshop, folder = Champ(), build / "zone"
    champ = Champ(ground.enter, folder)
    workshop("trust", "init", build / "trust", "--holder", "release engineering", "--unencrypted")
    for recipe in (platform, box_recipe(build)):
        lock, media = build / f"{recipe.parent.name}.lock", build / "media"
        workshop("lock", recipe, "--out", lock)
        workshop("pack", recipe, "--lock", lock, "--signing", build / "trust",
                 "--out", media, "--volume-size", VOLUME_SIZE)  # fmt: skip
    champ("zone", "init", "--name", "public-service", "--root", build / "trust/root.json")
    champ("import", "--all", build / "media")
    ground.start_registry(folder, build / "registry.log")
    ground.start_cluster(folder / "pki/ca.crt")
    assert zone.node is not None
    yield zone.node
    zone.node.stop()


@pytest.fixture(scope="session")
def twins(lab: Lab, platform: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OneZone]:
    """A sealed zone whose cluster is up, with the app of two replicas in its store."""
    build = tmp_path_factory.mktemp("twins")
    zone = OneZone(lab, "twins", build)
    zone.bring_up([platform, twin_recipe(build)])
    yield zone
    zone.node.stop()


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """champ.sh as `make dist` makes it; `champ/` lies beside it."""
    return build(tmp_path_factory.mktemp("built"))


@pytest.fixture(scope="session")
def kubeconfig(open_node: Node) -> Path:
    """The administrator's way into the open zone's cluster."""
    return open_node.kubeconfig


@pytest.fixture(scope="session")
def helm_binary(lab: Lab) -> Path:
    """The stock helm command."""
    return lab.binaries() / "helm"
