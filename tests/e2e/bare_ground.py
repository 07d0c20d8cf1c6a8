"""A zone whose appliance runs on a host with nothing on it but what champ.sh brought."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from champ_offline.installation.places import TOP, Places
from tests.e2e.bare_host import BareHost
from tests.e2e.commands import Champ
from tests.e2e.ground import LabGround
from tests.lab.zone import Zone

_ENVIRONMENT = {"HOME": "/root", "LANG": "C.UTF-8"}


class BareGround(LabGround):
    """`program` are the words that start champ on the host."""

    def __init__(self, zone: Zone, host: BareHost, program: Sequence[str]) -> None:
        super().__init__(zone)
        self._host, self._program = host, program

    def champ(self, zone: Path) -> Champ:
        return Champ(lambda words: self.enter(self.on_host(words)), zone, self._program)

    def inside(self, zone: Path) -> Champ:
        """What was unpacked, in whose root there is no stick: a service shall not hold one."""
        (unpacked,) = (self._host.root / Places(TOP).versions.relative_to("/")).glob("*/champ")
        stick = shlex.quote(str(self._host.stick))
        host = replace(self._host, stick=zone, shared=(zone.parent,))
        program = Path("/", unpacked.relative_to(host.root))
        gone = [f"umount {stick} || ! mountpoint -q {stick}"]
        return Champ(lambda words: _enter(host, words, mounts=gone), zone, [program])

    def end(self) -> None:
        """End the cluster."""
        assert self._zone.node is not None
        self._zone.node.stop()

    def on_host(
        self, words: Sequence[str | Path], extra: Mapping[str, str] | None = None
    ) -> list[str]:
        """The words that run a command with the host's own root."""
        return _enter(self._host, words, extra)


def _enter(
    host: BareHost,
    words: Sequence[str | Path],
    extra: Mapping[str, str] | None = None,
    mounts: Sequence[str] = (),
) -> list[str]:
    script = f"exec {shlex.join(map(str, words))}"
    return host.words(script, environment={**_ENVIRONMENT, **(extra or {})}, mounts=mounts)
