"""Kill real `champ pack`, `champ import` and `champ store gc` commands at moments of chance.

    python -m tests.crash.random_kills [--kills 600] [--seed 1] [--verb gc]

Each verb gets its share of the kills. Each command is a process of its own, started anew,
and killed some time after it said that it began. After every kill the zone or the stick is checked
whole; after the next, undisturbed run it is the same as without any kill.
"""

from __future__ import annotations

import argparse
import os
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
from champ_offline.oci.digest import Digest
from tests.crash.zones import held
from tests.field.site import Site

Killed = bool
LITTER = 6000


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

    def act(self, verb: str) -> Callable[[], Killed]:
        """What kills one command of that verb."""
        return {"pack": self.kill_pack, "import": self.kill_import, "gc": self.kill_gc}[verb]

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

    def kill_gc(self) -> Killed:
        """Kill one collection; all that stays is whole, and the next one removes the rest."""
        zone, full = self._folder / "zone", self._littered()
        shutil.copytree(full, zone, copy_function=os.link)
        (zone / "champ.db").unlink()
        shutil.copy(full / "champ.db", zone)
        apply = ("store", "gc", "--apply", "--confirm", "core")
        killed = self._kill(self.site.start("--zone", zone, *apply))
        found = held(zone)
        assert found.blobs >= self._after.blobs
        assert (found.refs, found.bundles) == (self._after.refs, self._after.bundles)
        left = len(found.blobs - self._after.blobs)
        assert self.site.does("--zone", zone, *apply)["blobs"] == left
        assert held(zone) == self._after
        shutil.rmtree(zone)
        return killed and 0 < left < LITTER

    def _littered(self) -> Path:
        """The whole zone, and blobs that nothing leads to beside it."""
        full = self._folder / "littered"
        if not full.is_dir():
            shutil.copytree(self._folder / "whole", full)
            for number in range(LITTER):
                data = number.to_bytes(4, "big")
                (full / "store" / "sha256" / Digest.of(data).hex).write_bytes(data)
        return full

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
    parser.add_argument("--kills", type=int, default=600)
    parser.add_argument("--verb", choices=("pack", "import", "gc"), action="append")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        chance = Chance(Path(name), options.seed)
        verbs = options.verb or ["pack", "import", "gc"]
        for verb in verbs:
            wanted = options.kills // len(verbs)
            acts = kill(chance.act(verb), wanted)
            print(f"{verb}: {wanted} kills in {acts} commands", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
