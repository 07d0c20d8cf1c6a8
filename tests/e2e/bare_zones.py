"""The journey's zone side on hosts with nothing on them, from one stick that was packed once."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from champ_offline.installation.places import ONE_FILE, TOP, Places
from tests.e2e.bare_ground import BareGround
from tests.e2e.bare_host import STICK, BareHost
from tests.e2e.journey import Journey
from tests.lab import bare_roots
from tests.lab.lab import Lab

FROM_THE_STICK = ("sh", f"{STICK}/{ONE_FILE}")
INSTALLED = (str(Places(TOP).program),)


@dataclass
class BareZones:
    """`packed` is a journey whose stick is packed and carries champ.sh, too."""

    lab: Lab
    packed: Journey
    folder: Path

    def journey(self, suite: str, program: tuple[str, ...]) -> Journey:
        """A journey whose zone begins on a Debian of this release, without Python or network."""
        build = self.folder / suite
        build.mkdir()
        shutil.copy(self.packed.root, build)
        zone, stick = self.lab.zone(suite), self.packed.stick.plug()
        root = bare_roots.debian_root(suite, self.folder / f"{suite}-host")
        host = BareHost(root, stick, (build, zone.folder, stick), alone=False)
        ground = BareGround(zone, host, program)
        found = {"fingerprint": self.packed.found["fingerprint"]}
        return Journey(build, ground, self.packed.stick, self.packed.platform, found)
