"""Packages on this machine's disk, named by their SHA-256.

Invariant: a file in the pool has been hashed to its name; `path` hashes it again before it is used,
so neither a mirror nor a bad disk decides what goes into an image.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable
from pathlib import Path

from champ_offline.bundle.debian.errors import MirrorFailed, PackageChanged, PackageNotOffered
from champ_offline.bundle.debian.lock import LockedPackage
from champ_offline.durable.write import DurableFile, make_directory
from champ_offline.errors import Phrase, Reason

_CHUNK = 1 << 20
_GONE = ("404", "410")
Download = Callable[[LockedPackage, Path], Reason | None]


class Pool:
    """The folder of packages under a cache."""

    def __init__(self, cache: Path) -> None:
        self.folder = cache / "debian" / "pool"
        make_directory(self.folder)

    def path(self, package: LockedPackage) -> Path:
        """Where the package lies or would lie."""
        return self.folder / f"{package.sha256}.deb"

    def has(self, package: LockedPackage) -> bool:
        """Whether the package is here and whole."""
        path = self.path(package)
        return path.is_file() and _sha256(path) == package.sha256

    def fetch(self, package: LockedPackage, download: Download) -> None:
        """Get a package; `download` puts it at a path or returns why it could not.

        Raises PackageNotOffered, PackageChanged, MirrorFailed.
        """
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            target = Path(folder) / "package.deb"
            reason = download(package, target)
            if any(code in str(reason or "") for code in _GONE):
                raise PackageNotOffered(
                    package=package.name, version=package.version, pool=self.folder
                )
            if reason or not target.is_file():
                raise MirrorFailed(package=package.name, reason=reason or Phrase("nothing arrived"))
            self._keep(package, target)

    def _keep(self, package: LockedPackage, source: Path) -> None:
        found = hashlib.sha256()
        # Copied rather than renamed: for an archive on a local disk apt only leaves a link here.
        with DurableFile(self.folder) as file, source.open("rb") as data:
            while chunk := data.read(_CHUNK):
                found.update(chunk)
                file.write(chunk)
            if found.hexdigest() != package.sha256:
                raise PackageChanged(
                    package=package.name,
                    version=package.version,
                    found=found.hexdigest(),
                    expected=package.sha256,
                )
            file.commit(self.path(package))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
