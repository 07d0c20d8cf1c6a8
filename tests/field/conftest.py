"""A signed bundle of 24 MiB in volumes of 4 MiB, a lab for sticks and disks, and zones to fill."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.source import ROOT
from tests.field.site import Site
from tests.lab.lab import Lab

STATE = ROOT / "build" / "field" / "lab"


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """Sticks and disks; what a killed run left is removed first."""
    Lab.clean(STATE)
    shutil.rmtree(STATE, ignore_errors=True)
    with Lab(STATE) as made:
        yield made


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A site with keys and a lock."""
    site = Site(tmp_path_factory.mktemp("site"))
    site.does("trust", "init", site.keys, "--holder", "Team", "--unencrypted")
    site.does("lock", site.recipe)
    return site


@pytest.fixture(scope="session")
def packed(site: Site) -> Path:
    """A folder with the bundle, as on a stick."""
    out = site.folder / "stick"
    out.mkdir()
    assert site.pack(out).code == 0
    return out


@pytest.fixture(scope="session")
def filled(site: Site, packed: Path) -> Path:
    """A zone that holds the bundle."""
    zone = site.zone(site.folder / "filled")
    assert site.take(zone, packed).code == 0
    return zone


@pytest.fixture
def zone(site: Site, tmp_path: Path) -> Path:
    """A zone that holds nothing yet."""
    return site.zone(tmp_path / "zone")
