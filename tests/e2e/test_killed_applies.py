"""A few real kills and signals on a real cluster; tests/e2e/killed_applies.py makes many."""

from __future__ import annotations

import signal
from pathlib import Path

from tests.e2e.killed_applies import Chance, Site, kill
from tests.lab.lab import Lab

KILLS = 5


def test_releases_survive_kills_of_champ_helm_and_the_api_server(lab: Lab, tmp_path: Path) -> None:
    site = Site(lab, tmp_path)
    site.bring_up()
    chance = Chance(site, seed=4)
    chance.begin()
    for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
        chance.stop(number, code)
    kill(chance, KILLS)
    assert chance.kills.total() >= KILLS
    site.node.stop()
