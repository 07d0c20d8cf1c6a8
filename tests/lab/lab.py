"""The lab itself: zones, nodes and sticks in one state folder, all gone at the end.

Invariant: at most one living lab holds a state folder; a new one first removes what a killed
predecessor left, by that one's records only.
"""

from __future__ import annotations

import fcntl
import re
import secrets
from collections.abc import Callable
from ipaddress import IPv4Network
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.lab import build, packages, resources
from tests.lab.docker_registry import DockerRegistry
from tests.lab.engine import Engine
from tests.lab.errors import InUse, LabError
from tests.lab.faulty_stick import FaultyStick
from tests.lab.records import Records
from tests.lab.stick import FileSystem, Stick
from tests.lab.zone import NETWORK, Zone

NAME = re.compile(r"[a-z]([a-z0-9-]{0,28}[a-z0-9])?")


class Lab:
    """A lab in the folder `state`; use it in a `with` statement.

    Raises Unsuitable where this machine cannot hold one and InUse where another lab lives there.
    `binaries` is the folder of the built programs; they are built on first need if it is None.
    """

    def __init__(
        self,
        state: Path,
        *,
        binaries: Path | None = None,
        say: Callable[[str], None] = print,
    ) -> None:
        packages.check()
        self.state = state.absolute()
        self.state.mkdir(parents=True, exist_ok=True)
        self._lock = _Lock(self.state)
        self._given = binaries
        self._say = say
        self._kept = False
        self._prefix = f"champ-{secrets.token_hex(3)}"
        self.zones: dict[str, Zone] = {}
        self.sticks: dict[str, Stick] = {}
        try:
            self.records = Records(self.state)
            resources.remove_all(self.records)
        except BaseException:
            self._lock.release()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def prefix(self) -> str:
        """What the names of everything this lab makes outside its folder begin with."""
        return self._prefix

    def binaries(self) -> Path:
        """The folder of kube, coredns, helm and pause; built where they are not yet."""
        if self._given is None:
            self._given = build.build(self._say)
        return self._given

    def zone(self, name: str, *, reachable: bool = False, addresses: IPv4Network = NETWORK) -> Zone:
        """Make a zone; zones may have the same `addresses`, for they never meet."""
        if not NAME.fullmatch(name) or name in self.zones:
            raise LabError(f"“{name}” cannot name a new zone: lower case, and each only once.")
        self.zones[name] = Zone(
            self.records, self.state / "zones" / name, name, self._prefix, self.binaries,
            reachable=reachable, addresses=addresses,
        )  # fmt: skip
        return self.zones[name]

    def stick(self, name: str, megabytes: int, file_system: FileSystem = "fat") -> Stick:
        """The stick `name`, new or as it was left in this state folder."""
        if not NAME.fullmatch(name):
            raise LabError(f"“{name}” cannot name a stick: lower case letters, digits, hyphens.")
        if name not in self.sticks:
            folder = self.state / "sticks"
            self.sticks[name] = Stick(self.records, folder, name, megabytes, file_system)
        return self.sticks[name]

    def faulty_stick(self, name: str, source: Path) -> FaultyStick:
        """A stick that shows the folder `source` and fails as told."""
        return FaultyStick(self.records, source, self.state / "sticks" / name)

    def engine(self) -> Engine:
        """A Docker engine of this lab, not started yet."""
        return Engine(self.records, self.state / "engine", self._prefix)

    def docker_registry(self, name: str = "registry") -> DockerRegistry:
        """A plain HTTP registry on this machine's loopback, not started yet."""
        return DockerRegistry(self.records, self.state / "registries" / name)

    def keep(self) -> None:
        """Leave everything running when this lab is closed; `Lab.clean` ends it later."""
        self._kept = True

    def close(self) -> None:
        """End and remove everything, unless it is to be kept; raises LeftBehind."""
        try:
            if not self._kept:
                self._stop()
        finally:
            self._lock.release()

    @staticmethod
    def clean(state: Path) -> None:
        """End and remove what a lab left in `state`; raises InUse if it lives, or LeftBehind."""
        if not state.is_dir():
            return
        lock = _Lock(state.absolute())
        try:
            resources.remove_all(Records(state.absolute()))
        finally:
            lock.release()

    def _stop(self) -> None:
        for zone in self.zones.values():
            if zone.node is not None:
                zone.node.stop()
        resources.remove_all(self.records)


class _Lock:
    """The lock on a state folder; the kernel drops it with the process."""

    def __init__(self, state: Path) -> None:
        self._file = (state / "lab.lock").open("w")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._file.close()
            raise InUse(f"A living lab holds {state}; end it first.") from error

    def release(self) -> None:
        self._file.close()
