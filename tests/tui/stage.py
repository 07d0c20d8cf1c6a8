"""A zone of which every screen looks the same each time: fixed keys, clock, sizes and paths.

Only what differs from run to run or from machine to machine is fixed; the zone, its store and its
documents are real, the cluster is the simulated one.
"""

from __future__ import annotations

import os
import types
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from hashlib import sha256
from pathlib import Path
from typing import Self
from unittest.mock import patch

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from champ_offline.appliance import Appliance
from champ_offline.events import ignore
from champ_offline.registry.clients import roles
from champ_offline.trust.keys import KeySigner
from installer.tui.app import Screens
from installer.tui.proposals import Install
from tests.tui.sample_app import ZONE, make_media
from tests.tui.simulated import World

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
FREE = 250 * 10**9
_USER = types.SimpleNamespace(pw_name="engineer")
WRITTEN = """\
\x1b[32mINFO\x1b[0m  greeter 2.0 starts, 4 threads
INFO  database hello-db: login as greeter with not-a-secret-at-all
WARN  the table of patients has no index on birth date, so each search by it reads 812,004
INFO  serves at 0.0.0.0:8080
INFO  a title for the terminal \x1b]0;owned\x07 is not obeyed
"""
ANSWERS = """\
greeting: hello
site: North Clinic
databasePassword: not-a-secret-at-all
users: [{name: admin, password: not-a-secret-at-all}]
"""


class _Stopped(datetime):
    """The clock of the stage stands still."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Self:
        return cls.fromtimestamp(NOW.timestamp(), tz)


class _Keys:
    """Keys that are the same each time, and all different."""

    def __init__(self) -> None:
        self._made = 0

    def generate(self, holder: str, _algorithm: str = "") -> KeySigner:
        self._made += 1
        seed = sha256(f"{holder} {self._made}".encode()).digest()
        return KeySigner(Ed25519PrivateKey.from_private_bytes(seed), holder)


@dataclass
class Stage:
    """`opened` shows the zone with a release, `empty` one that holds nothing yet.

    All paths are relative to the folder, which is the working directory meanwhile.
    """

    world: World
    used: Path = Path("zone")
    new: Path = Path("new")
    stick: Path = Path("stick")
    kubeconfig: Path = Path("kubeconfig")

    def opened(self) -> Screens:
        """The screens over the zone in which a release runs."""
        return Screens(self.world.desk(self.used, self.kubeconfig, self.stick))

    def empty(self) -> Screens:
        """The screens over a zone that holds nothing yet."""
        return Screens(World().desk(self.new, None, self.stick))

    def closed(self) -> Screens:
        """The screens without a zone."""
        return Screens(World().desk(None, None, None))


@contextmanager
def standing_still() -> Iterator[None]:
    """Nothing differs from run to run: times, keys, free space, media, pace, who it is."""
    clock = types.SimpleNamespace(monotonic=lambda: 0.0)
    fixed = {
        "champ_offline.clock.datetime": _Stopped,
        "tests.tui.sample_app.datetime": _Stopped,
        "champ_offline.trust.keys.generate": _Keys().generate,
        "champ_offline.appliance.free_bytes": lambda _folder: FREE,
        "champ_offline.bundle.intake.free_bytes": lambda _folder: FREE,
        "champ_offline.doctor.free_bytes": lambda _folder: FREE,
        "champ_offline.operations.free_bytes": lambda _folder: FREE,
        "champ_offline.bundle.intake.bytes_a_second": lambda *_place: 30e6,
        "champ_offline.journal.process.pwd": types.SimpleNamespace(getpwuid=lambda _uid: _USER),
        "champ_offline.tasks.record.time": clock,
        "installer.sticks.mounted": lambda _mounts: [],
        "installer.tui.widgets.progress.time": clock,
    }
    with ExitStack() as held:
        for name, value in fixed.items():
            held.enter_context(patch(name, value))
        yield


@contextmanager
def stage(folder: Path) -> Iterator[Stage]:
    """Set up in the empty `folder`, which is the working directory until the end."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        own = {"XDG_CONFIG_HOME": str(folder.absolute() / "settings")}
        with standing_still(), patch.dict(os.environ, own):
            yield _built(Path())
    finally:
        os.chdir(before)


def _built(folder: Path) -> Stage:
    media = make_media(folder)
    made = Stage(World())
    made.kubeconfig.write_text("{}", encoding="utf-8")
    for zone in (made.used, made.new):
        Appliance.create(zone, ZONE, media.root, media.fingerprint)
    appliance = made.world.open(made.used)
    for version in ("1.0", "2.0"):
        appliance.import_media([media.stick / f"champ/greeter-{version}"], ignore)
    answers = folder / "answers.yaml"
    answers.write_text(ANSWERS, encoding="utf-8")
    for version in ("1.0", "2.0"):
        wanted = Install("greeter", version, "hello", "hello", made.kubeconfig, answers)
        appliance.releases.apply(wanted.plan(appliance), made.kubeconfig, ignore)
    made.world.cluster.logs["hello-work-0", "work"] = WRITTEN
    appliance.registry.clients.add("ci", "", roles(("team/*",), ("team/*",), ()), "engineer")
    appliance._database.close()
    return made
