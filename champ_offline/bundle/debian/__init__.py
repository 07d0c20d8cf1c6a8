"""Images made from signed Debian packages: `resolve` pins the packages, `build` makes the layers.

Invariant: no maintainer script and no program of a package ever runs; a lock and its description
give the same manifest digest on every machine.
"""

from champ_offline.bundle.debian.build import build
from champ_offline.bundle.debian.description import ImageDescription
from champ_offline.bundle.debian.lock import DebianLock
from champ_offline.bundle.debian.resolve import resolve

__all__ = ["DebianLock", "ImageDescription", "build", "resolve"]
