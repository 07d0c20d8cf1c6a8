"""What the screens work on: the zone that is open and the cluster that is meant.

Invariant: one for each run of the screens; only handlers change it, workers only read it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from installer.background import Background, Processes
from installer.tui.errors import NoZoneOpen

if TYPE_CHECKING:
    from champ_offline.appliance import Appliance

OpenZone: TypeAlias = "Callable[[Path], Appliance]"


def open_zone(folder: Path) -> Appliance:
    """The zone in the folder; the library is loaded when the first one is opened."""
    from champ_offline.appliance import Appliance

    return Appliance.open(folder)


@dataclass
class Desk:
    """`zone` and `kubeconfig` are None until they are named; `media` is a folder to look into.

    `site` is the site's document that was planned last. `background` carries out what takes long.
    `drafts` are answers of forms that were left, by app, version, namespace and release; they are
    nowhere else.
    """

    zone: Path | None = None
    kubeconfig: Path | None = None
    media: Path | None = None
    open_zone: OpenZone = open_zone
    background: Background = field(default_factory=Processes)
    name: str = ""
    drafts: dict[tuple[str, ...], dict[str, Any]] = field(default_factory=dict)
    site: Path | None = None

    def zone_folder(self) -> Path:
        """The open zone's folder; raises NoZoneOpen."""
        if self.zone is None:
            raise NoZoneOpen
        return self.zone

    def appliance(self) -> Appliance:
        """The open zone; raises NoZoneOpen, NotAZone. For workers."""
        return self.open_zone(self.zone_folder())
