"""What a repair found on a medium and what it did: a value, and the error that stands for it.

Invariant: pure; nothing here is claimed of other media, which the repair did not see.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from champ_offline.bundle.repair_errors import (
    RepairIncomplete,
    RepairNeeded,
    RootsLost,
    RootStray,
    ShareUnknown,
    VolumesMisnamed,
)
from champ_offline.bundle.repair_list import RepairList
from champ_offline.errors import ChampError


@dataclass(frozen=True)
class MendedVolume:
    """A volume that was not as signed: how many places, and how many of them are lost.

    `absent` when there was no such file, `built` when it was made anew.
    """

    name: str
    places: int
    lost: int
    absent: bool
    built: bool


@dataclass(frozen=True)
class Misnamed:
    """A file that holds another volume of this bundle than its name says."""

    file: str
    holds: str


@dataclass(frozen=True)
class Repaired:
    """What a repair found and mended; with `check`, what it would.

    `documents` are files beside the volumes; `elsewhere` volumes of the bundle that are not on this
    medium: on others, or lost, nothing here tells. `missing` is known to be lost and cannot be had.
    `lost_roots`: versions of roots, from the first on that nothing at hand gave; `stray_root`: the
    path of one that does not belong. `misnamed` files wait to be renamed. `share_known` is False
    where nothing tells which volumes the medium carried; `share` are the numbers of those that
    belong there as far as anything tells, of `total`.
    """

    bundle: str
    version: str
    folder: Path
    check: bool
    documents: tuple[str, ...]
    volumes: tuple[MendedVolume, ...]
    elsewhere: tuple[str, ...]
    missing: RepairList
    lost_roots: tuple[int, ...] = ()
    stray_root: str = ""
    misnamed: tuple[Misnamed, ...] = ()
    share_known: bool = True
    share: tuple[int, ...] = ()
    total: int = 0

    @property
    def changed(self) -> bool:
        """Whether anything was not as signed."""
        return bool(self.documents or self.volumes)

    @property
    def fault(self) -> ChampError | None:
        """Why the medium is not whole now, if it is not."""
        if self.lost_roots:
            return RootsLost(path=self.folder, version=self.lost_roots[0])
        if self.missing:
            return self._incomplete()
        if self.misnamed:
            files = ", ".join(f"{one.file} → {one.holds}" for one in self.misnamed)
            return VolumesMisnamed(path=self.folder, files=files)
        if self.stray_root:
            return RootStray(path=self.stray_root)
        if not self.share_known:
            return ShareUnknown(path=self.folder, total=len(self.elsewhere))
        concerned = len(self.documents) + len(self.volumes)
        if self.check and concerned:
            return RepairNeeded(path=self.folder, files=concerned)
        return None

    def _incomplete(self) -> ChampError:
        if self.missing.members:
            number, member = self.missing.members[0]
            blob = str(member.digest)
        else:
            number, blob = self.missing.indexes[0].number, str(self.missing.indexes[0].digest)
        return RepairIncomplete(
            path=self.folder, lost=len(self.missing), volume=f"{number:04}", blob=blob
        )
