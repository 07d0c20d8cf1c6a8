"""Kill real `champ pack` and `champ import` commands at moments of chance.

    python -m tests.crash.random_kills [--kills 500] [--seed 1]

Half of the kills hit packing, half importing. Each command is a process of its own, started anew,
and killed some time after it said that it began. After every kill the zone or the stick is checked
whole; after the next, undisturbed run it is the same as without any kill.
"""

from __future__ import annotations

import argparse
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from champ_offline.bundle.errors import DocumentMissing, NoBundle
from champ_offline.bundle.verify import read_every_byte, verify
from champ_offline.events import ignore
from tests.crash.zones import held
from tests.field.site import Site

Killed = bool


class Chance:
    """The commands of one site, killed while they work."""

    def __init__(self, folder: Path, seed: int) -> None:
        self._folder, self._chance = folder, random.Random(seed)
        self.site = Site(folder)
        self.site.does("trust", "init", self.site.keys, "--holder", "Team", "--unencrypted")
        self.site.does("lock", self.site.recipe)
        self._stick = folder / "stick"
        self._stick.mkdir()
        assert self.site.pack(self._stick).code == 0
        self._template = self.site.zone(folder / "template")
        shutil.copytree(self._template, folder / "whole")
        assert self.site.take(folder / "whole", self._stick).code == 0
        self._after, self._before = held(folder / "whole"), held(self._template)
        self._volumes = volumes_of(self._stick)

    def kill_import(self) -> Killed:
        """Kill one import; the zone is checked and goes on."""
        zone = self._folder / "zone"
        shutil.copytree(self._template, zone)
        killed = self._kill(self.site.start("--zone", zone, "import", self._stick))
        found = held(zone)
        assert (found.refs, found.bundles, found.accepted) in {
            (one.refs, one.bundles, one.accepted) for one in (self._before, self._after)
        }
        assert self.site.take(zone, self._stick).code == 0
        assert held(zone) == self._after
        assert not list(zone.rglob(".partial-*"))
        shutil.rmtree(zone)
        return killed

    def kill_pack(self) -> Killed:
        """Kill one pack; what is there is no bundle, and packing again gives the same volumes."""
        out = self._folder / "out"
        out.mkdir()
        killed = self._kill(self.site.start_pack(out))
        try:
            root = (self.site.keys / "root.json").read_bytes()
            read_every_byte(verify([out], root, datetime.now(UTC)), ignore)
        except (NoBundle, DocumentMissing):
            assert self.site.pack(out).code == 0
        assert volumes_of(out) == self._volumes
        assert not list(out.rglob(".partial-*"))
        shutil.rmtree(out)
        return killed

    def _kill(self, process: subprocess.Popen[str]) -> Killed:
        """Kill the command up to a quarter of a second after its first word; False if too late."""
        assert process.stderr is not None
        process.stderr.readline()
        time.sleep(self._chance.uniform(0, self._chance.choice([0.02, 0.1, 0.25])))
        process.kill()
        process.communicate()
        assert process.returncode in {0, -9}, process.returncode
        return process.returncode != 0


def volumes_of(stick: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in stick.rglob("*.tar")}


def kill(act: Callable[[], Killed], wanted: int) -> int:
    """Act until it was killed that often; returns how many acts that took."""
    acts = kills = 0
    while kills < wanted:
        acts += 1
        kills += act()
        assert acts <= 20 * wanted + 20, "the commands end before they can be killed"
    return acts


def main() -> int:
    parser = argparse.ArgumentParser(description="kill real commands at moments of chance")
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        chance = Chance(Path(name), options.seed)
        for act in (chance.kill_pack, chance.kill_import):
            acts = kill(act, options.kills // 2)
            print(f"{act.__name__}: {options.kills // 2} kills in {acts} commands", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
