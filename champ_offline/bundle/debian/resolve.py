"""From an image description to a lock: apt decides which packages; only indexes are fetched.

Invariant: a layer's packages depend on its own description and the layers below it only, so images
of one suite that start with the same layer files share those layers.
"""

from __future__ import annotations

import time
from pathlib import Path

from champ_offline.bundle.debian import apt, compress, mirror
from champ_offline.bundle.debian.description import ImageDescription, LayerDescription
from champ_offline.bundle.debian.lock import DebianLock, LockedLayer
from champ_offline.durable.lock import FileLock
from champ_offline.durable.write import make_directory
from champ_offline.events import Progress, StepFinished, StepStarted, Subscriber

INDEX = "debian.index"
SOLVE = "debian.solve"
_PATIENCE = 300.0


def resolve(description: Path, cache: Path, notify: Subscriber) -> DebianLock:
    """Solve the packages of an image against its suite with updates and security, as of now.

    Raises the refusals of the description, MirrorUnknown, DebianToolMissing, IndexRefused,
    PackagesUnsolvable, Locked.
    """
    image = ImageDescription.from_file(description)
    root = private_root(cache, image.suite)
    with alone(root):
        private = apt.PrivateApt(root, image.suite, mirror.of_this_host())
        started = time.monotonic()
        notify(StepStarted(INDEX, image.suite))
        private.update()
        notify(StepFinished(INDEX, image.suite, time.monotonic() - started))
        return DebianLock(
            description=image.digest,
            suite=image.suite,
            epoch=private.signed_at(),
            compressor=compress.identity(),
            layers=tuple(_layers(private, image, notify)),
        )


def alone(root: Path) -> FileLock:
    """Held while a private apt is used: whoever comes later waits, for a download ends."""
    return FileLock(root / "lock", _PATIENCE)


def private_root(cache: Path, suite: str) -> Path:
    """The folder of the suite's private apt, made when it is not there."""
    root = cache / "debian" / "apt" / suite
    make_directory(root)
    return root


def _layers(
    private: apt.PrivateApt, image: ImageDescription, notify: Subscriber
) -> list[LockedLayer]:
    below: dict[str, str] = {}
    provided: set[str] = set()
    found = []
    for number, layer in enumerate(image.layers):
        notify(Progress(SOLVE, number, len(image.layers), "items", layer.name))
        provided |= set(layer.provided)
        solution = _solve(private, layer, below, provided)
        below |= solution.stanzas
        found.append(LockedLayer(layer.name, solution.packages))
    notify(Progress(SOLVE, len(image.layers), len(image.layers), "items"))
    return found


def _solve(
    private: apt.PrivateApt, layer: LayerDescription, below: dict[str, str], provided: set[str]
) -> apt.Solution:
    if not layer.packages:
        return apt.Solution((), {})
    absent = [apt.provided(name) for name in sorted(provided - below.keys())]
    present = [apt.installed(stanza) for _, stanza in sorted(below.items())]
    return private.solve(layer.name, layer.file, layer.packages, absent + present)
