"""Media, a zone and the screens over it, for every test of the screens."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest

from champ_offline.appliance import Appliance
from installer import language, look, sticks
from installer.look import Look
from installer.tui.app import Screens
from tests.tui.sample_app import ZONE, Media, make_media
from tests.tui.simulated import World


class Opened(Protocol):
    """Makes the screens over the zone, with a stick in."""

    def __call__(self, stick: Path, world: World | None = None) -> Screens: ...


@pytest.fixture(scope="session")
def media(tmp_path_factory: pytest.TempPathFactory) -> Media:
    return make_media(tmp_path_factory.mktemp("media"))


@pytest.fixture(scope="session")
def strangers(tmp_path_factory: pytest.TempPathFactory) -> Media:
    return make_media(tmp_path_factory.mktemp("strangers"), ("1.0",))


@pytest.fixture(params=["en", "zh"])
def spoken(request: pytest.FixtureRequest) -> Iterator[str]:
    language.activate(request.param)
    yield request.param
    language.activate("en")


@pytest.fixture(autouse=True)
def in_ascii() -> Iterator[None]:
    """Every test here sees the screens in the ASCII look, in which each of them is looked at."""
    look.activate(Look.ASCII)
    yield
    look.activate(None)


@pytest.fixture(autouse=True)
def sticks_of_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is mounted on this machine is none of these tests' business."""
    monkeypatch.setattr(sticks, "mounted", lambda _mounts: [])


@pytest.fixture
def in_rich(in_ascii: None) -> None:
    look.activate(Look.RICH)


@pytest.fixture
def zone(tmp_path: Path, media: Media) -> Path:
    Appliance.create(tmp_path / "zone", ZONE, media.root, media.fingerprint)
    return tmp_path / "zone"


@pytest.fixture
def opened(zone: Path, tmp_path: Path) -> Opened:
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text("{}")

    def make(stick: Path, world: World | None = None) -> Screens:
        return Screens((world or World()).desk(zone, kubeconfig, stick))

    return make
