"""What is said of a zone as a whole, and what is refused about its folder and name.

Invariant: values and errors only; `appliance` makes and raises them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from champ_offline.bundle.held import KnownBundle
from champ_offline.errors import ChampError, ExitCode

if TYPE_CHECKING:
    from champ_offline.registry.clients import Anonymous
    from champ_offline.release.clusters import NamedCluster
    from champ_offline.release.records.retention import Retention


class NotAZone(ChampError):
    """A folder is no zone."""

    id = "zone.not-a-zone"
    exit_code = ExitCode.USAGE
    message = "{path} is not a zone."
    remedy = "Name the zone's folder with --zone or CHAMP_ZONE, or make one with `champ zone init`."


class InvalidZoneName(ChampError):
    """A zone's name that bundles could not name."""

    id = "zone.invalid-name"
    exit_code = ExitCode.USAGE
    message = "“{name}” cannot name a zone."
    remedy = "Use lower-case letters, digits, dots and dashes, for example core-business."


class FolderTaken(ChampError):
    """A zone would be commissioned among other things."""

    id = "zone.folder-taken"
    exit_code = ExitCode.USAGE
    message = "{path} holds “{found}”, which is no part of a zone."
    remedy = "Name a folder that is empty or not there yet; the zone makes it."


class ZoneExists(ChampError):
    """A zone would be commissioned twice."""

    id = "zone.exists"
    exit_code = ExitCode.USAGE
    message = "{path} is already the zone “{name}”."
    remedy = "Use it as it is, or choose another folder."


@dataclass(frozen=True)
class ZoneSummary:
    """What a zone is and holds: counts, bytes of all blobs and free, bundles oldest first.

    `waiting` are the bytes that unfinished imports left; the next one goes on with them. `registry`
    is the external registry that nodes pull from, empty where they pull from the zone's own.
    """

    name: str
    commissioned: str
    root_version: int
    root_fingerprint: str
    blobs: int
    size: int
    free: int
    waiting: int
    bundles: tuple[KnownBundle, ...]
    registry: str = ""


@dataclass(frozen=True)
class ZoneSettings:
    """What a zone is set to, as its verbs set it.

    `retained` says whether somebody set the retention, `anonymous` what everybody may in the
    registry. `registry` is as in ZoneSummary. `policy` is the digest of the policy under which
    the last run that changed anything was, which ended at `ran` (ISO 8601, UTC); both are empty
    before the first. A policy is a file that a run is given; the zone keeps none.
    """

    retention: Retention
    retained: bool
    registry: str
    anonymous: Anonymous
    clusters: tuple[NamedCluster, ...]
    policy: str = ""
    ran: str = ""


@dataclass(frozen=True)
class Discarded:
    """How many bytes an act gave back."""

    size: int
