"""Where the program lies on a host, by name.

Invariant: names are made here and nowhere else; looking changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

TOP = Path("/opt/champ-offline")
COMMAND = Path("/usr/local/bin/champ")
MANUAL = Path("/usr/local/share/man")
UNITS = Path("/etc/systemd/system")
PROGRAM, ONE_FILE = "champ", "champ.sh"
VERSIONS, CURRENT = "versions", "current"
# The pages of the manual, in a version and where `man` looks for them.
CARRIED_MANUAL = "_internal/man"
_PAGES = ("man1/champ.1", "zh_CN/man1/champ.1")


@dataclass(frozen=True)
class Places:
    """The folder of an installation, and the link that puts it on everybody's path, if any.

    `manual` is where its pages are linked, if anywhere; `units` is where systemd looks for units of
    this host's own.
    """

    top: Path
    command: Path | None = None
    manual: Path | None = None
    units: Path = UNITS

    @property
    def versions(self) -> Path:
        """The folder of all versions; champ.sh unpacks into it."""
        return self.top / VERSIONS

    @property
    def current(self) -> Path:
        """Leads to the version that is run."""
        return self.top / CURRENT

    @property
    def previous(self) -> Path:
        """Leads to the version that a rollback returns to."""
        return self.top / "previous"

    @property
    def program(self) -> Path:
        """The program, by a path that stays the same through updates."""
        return self.current / PROGRAM

    @property
    def pages(self) -> dict[Path, Path]:
        """The links by which `man` finds the manual, and the page each leads to."""
        carried = self.current / CARRIED_MANUAL
        return {self.manual / page: carried / page for page in _PAGES} if self.manual else {}

    @property
    def incoming(self) -> Path:
        """Where champ.sh is copied to from a medium, and held against its signature."""
        return self.top / "incoming"

    @property
    def floor(self) -> Path:
        """The document that says how new the newest champ.sh was that came from a medium."""
        return self.top / "floor.json"

    @property
    def lock(self) -> Path:
        """Held by whoever changes the installation."""
        return self.top / "lock"


def installation_of(executable: Path) -> Places | None:
    """The installation that a program runs from; None where it runs from elsewhere."""
    versions = executable.parent.parent
    found = Places(versions.parent)
    return found if versions.name == VERSIONS and found.program.exists() else None


def one_file_of(executable: Path) -> Path:
    """Where a program that champ.sh unpacked has that file."""
    return executable.parent / ONE_FILE
