"""Where things are: a zone's folder, the cache of the connected side, a user's own settings.

Invariant: the names below are the whole layout (champ_offline/ARCHITECTURE.md, "Files"); no other
module joins a path under a zone by hand.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class ZonePaths:
    """The files of one zone under `root`."""

    root: Path

    @property
    def database(self) -> Path:
        """Everything mutable."""
        return self.root / "champ.db"

    @property
    def lock(self) -> Path:
        """Held by whoever changes the zone."""
        return self.root / "lock"

    @property
    def push_lock(self) -> Path:
        """Held by whoever pushes to an external registry."""
        return self.root / "push.lock"

    @property
    def run_lock(self) -> Path:
        """Held by a run under a policy, from its first look at the media to its end."""
        return self.root / "run.lock"

    @property
    def readings(self) -> Path:
        """Locks of the runs that read the store for long."""
        return self.root / "readings"

    @property
    def store(self) -> Path:
        """Verified blobs."""
        return self.root / "store"

    @property
    def waiting(self) -> Path:
        """Blobs of an import under way; on the file system of the store."""
        return self.root / "incoming"

    @property
    def uploads(self) -> Path:
        """Blobs that clients are pushing to the registry; on the file system of the store."""
        return self.root / "uploads"

    @property
    def reserve(self) -> Path:
        """Room kept for a collection on a full disk."""
        return self.root / "reserve"

    @property
    def pki(self) -> Path:
        """The zone's certificate authority and the registry's key and certificate."""
        return self.root / "pki"

    @property
    def tasks(self) -> Path:
        """What long verbs tell while they are at work."""
        return self.root / "tasks"

    def foreign(self) -> list[str]:
        """The names in a folder that is to become a zone which are none of a zone's."""
        if not self.root.is_dir():
            return []
        answers = self.root / "answers"
        paths = (
            self.lock,
            self.push_lock,
            self.run_lock,
            self.readings,
            self.store,
            self.waiting,
            self.uploads,
            self.reserve,
            self.pki,
            self.tasks,
            answers,
        )
        # "lost+found" is what mkfs puts at the top of a disk that is a zone's alone.
        own = {"lost+found", *(path.name for path in paths)}
        names = {path.name for path in self.root.iterdir()} - own
        # SQLite's own files beside the database begin with its name.
        return sorted(name for name in names if not name.startswith(self.database.name))

    def answers(self, namespace: str, release: str) -> Path:
        """The answers file of a release; both names have been checked for form."""
        return self.root / "answers" / namespace / f"{release}.yaml"


def cache_directory() -> Path:
    """Where the connected side keeps what it fetched: XDG base directories, "XDG_CACHE_HOME"."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "champ-offline"


def config_directory() -> Path | None:
    """Where this user's own settings are: XDG base directories, "XDG_CONFIG_HOME".

    A relative one does not count, as that specification says. None for a user without a home.
    """
    named = os.environ.get("XDG_CONFIG_HOME", "")
    try:
        base = Path(named) if Path(named).is_absolute() else Path.home() / ".config"
    except RuntimeError:
        return None
    return base / "champ-offline"
