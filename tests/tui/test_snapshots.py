"""Every screen looks as it was accepted, on a small and a large terminal, in both languages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tui import pictures
from tests.tui.scenes import SCENES
from tests.tui.stage import Stage, stage

pytestmark = pytest.mark.usefixtures("in_rich")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with stage(tmp_path_factory.mktemp("stage")) as made:
        yield made


@pytest.mark.parametrize("name", [name for name in SCENES if not SCENES[name].apart])
async def test_a_screen_looks_as_it_was_accepted(name: str, shared: Stage, spoken: str) -> None:
    found = await pictures.shots(name, shared)
    told = pictures.differences(found)
    assert not told, told


@pytest.mark.parametrize("name", [name for name in SCENES if SCENES[name].apart])
async def test_a_screen_on_a_stage_of_its_own_does_too(
    name: str, tmp_path: Path, spoken: str
) -> None:
    with stage(tmp_path) as made:
        found = await pictures.shots(name, made)
    told = pictures.differences(found)
    assert not told, told


def test_no_picture_is_left_of_a_screen_that_is_gone() -> None:
    kept = {path.name.split(".")[0] for path in pictures.FOLDER.iterdir()}
    kept |= {path.name.split(".")[0] for path in pictures.PICTURES.glob("*.svg")}
    assert kept == set(SCENES)


async def test_what_changed_is_told_with_the_way_to_accept_it(tmp_path: Path) -> None:
    path = pictures.FOLDER / "zone.en.80x24.txt"
    told = pictures.differences({path: path.read_text(encoding="utf-8").replace("zone", "zoo")})
    assert "- A zone is one closed network." in told.replace("-  ", "- ")
    assert "+ A zoo is one closed network." in told.replace("+  ", "+ ")
    assert pictures.ACCEPT in told
