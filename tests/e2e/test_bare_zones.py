"""The whole zone side where there is no Python and no network: what champ.sh brings is enough."""

from __future__ import annotations

from tests.e2e.bare_ground import BareGround
from tests.e2e.bare_zones import FROM_THE_STICK, BareZones
from tests.e2e.commands import run
from tests.e2e.journey import NEWER, OLDER, PACKED, RELEASE, STEPS, Journey


def walked(journey: Journey) -> list[tuple[str, str]]:
    """Every step of the zone side; what the zone says was done."""
    ground = journey.ground
    assert isinstance(ground, BareGround)
    assert "default" not in run(["ip", "route"], enter=ground.enter).stdout
    python = run(ground.on_host(["find", "/usr", "-iname", "*python*"])).stdout
    assert python == ""
    for title, step in STEPS[PACKED:]:
        print(title)
        step(journey)
    journey.stick.plug()
    return [(row["operation"], row["version"]) for row in journey.zone.json("history", RELEASE)]


DONE = [("install", OLDER), ("upgrade", NEWER), ("rollback", OLDER), ("remove", "")]


def test_from_the_stick_on_debian_11(bare_zones: BareZones) -> None:
    journey = bare_zones.journey("bullseye", FROM_THE_STICK)
    assert walked(journey) == DONE
    assert isinstance(journey.ground, BareGround)
    journey.ground.end()


def test_installed_on_debian_12(installed: Journey) -> None:
    assert walked(installed) == DONE
