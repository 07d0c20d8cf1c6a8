"""What every image source offers, and the ways one can fail that all of them share.

Invariant: `fetch` leaves in the blob store nothing that has not been hashed to the digest it is
stored under, and returns only when the manifest and all it points at are there. Upstream digests
are never changed: of a multi-platform index the one platform's manifest is the image, as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from champ_offline.errors import ChampError, ExitCode
from champ_offline.events import Subscriber
from champ_offline.oci.descriptor import Descriptor
from champ_offline.oci.digest import Digest
from champ_offline.oci.manifest import Manifest
from champ_offline.store.blobs import BlobStore

CHUNK = 1024 * 1024
FETCH = "image.fetch"
PIN = "image.pin"


class ReferenceNotFound(ChampError):
    """The source has no image of that name."""

    id = "source.not-found"
    exit_code = ExitCode.NOT_FOUND
    message = "There is no image “{reference}” at {where}."
    remedy = (
        "Check the spelling in bundle.yaml; if a locked image was deleted, run champ lock again."
    )


class ArchiveMissing(ChampError):
    """The archive or layout that a recipe names is not there."""

    id = "source.archive-missing"
    exit_code = ExitCode.NOT_FOUND
    message = "There is no archive {path}."
    remedy = "Check the path in bundle.yaml; it begins at the folder that bundle.yaml lies in."


class ArchiveUnreadable(ChampError):
    """The archive or layout that a recipe names may not be read."""

    id = "source.archive-unreadable"
    exit_code = ExitCode.PREFLIGHT
    message = "The archive {path} cannot be read: {reason}."
    remedy = "Check whether you may read it."


class SourceUnreachable(ChampError):
    """Nothing answered, or the connection broke and did not come back."""

    id = "source.unreachable"
    exit_code = ExitCode.PREFLIGHT
    message = "{where} cannot be reached for “{reference}”: {reason}."
    remedy = (
        "Check that it runs and that this machine may connect to it, then run the command again."
    )


class SourceRefused(ChampError):
    """The source wants credentials, or others than those it got."""

    id = "source.unauthorized"
    exit_code = ExitCode.PREFLIGHT
    message = "{where} does not give “{reference}” to this user."
    remedy = "Log in with docker login, skopeo login or oras login, then run the command again."


class SourceFailed(ChampError):
    """The source answered with an error of its own."""

    id = "source.failed"
    exit_code = ExitCode.PREFLIGHT
    message = "{where} could not give “{reference}”: {reason}."
    remedy = "Look into that service's log; run the command again when it works."


class SourceBlobDiffers(ChampError):
    """Content arrived that is not what its digest says."""

    id = "source.digest-mismatch"
    exit_code = ExitCode.CORRUPT
    message = "{where} gave other bytes for {digest} of “{reference}” than that digest names."
    remedy = (
        "Run the command again; if it stays so, the source is damaged or altered: do not use it."
    )


class SourceChanged(ChampError):
    """The image is another one than when the recipe was locked."""

    id = "source.changed"
    exit_code = ExitCode.PREFLIGHT
    message = "“{reference}” at {where} is now {found}, not the locked {digest}."
    remedy = "Run champ lock again and review the change, or bring the locked image back."


class PlatformMissing(ChampError):
    """A multi-platform image is not made for the platform asked for."""

    id = "source.platform-missing"
    exit_code = ExitCode.PREFLIGHT
    message = "“{reference}” is not made for {platform}; it is made for {found}."
    remedy = "Choose one of these platforms in bundle.yaml, or another image."


@dataclass(frozen=True)
class Platform:
    """An operating system and processor as in an image index; `variant` may stay open."""

    os: str = "linux"
    architecture: str = "amd64"
    variant: str = ""

    @classmethod
    def parse(cls, text: str) -> Platform:
        """Read `os/architecture[/variant]`; missing parts keep their defaults."""
        os, _, rest = text.partition("/")
        architecture, _, variant = rest.partition("/")
        return cls(os or "linux", architecture or "amd64", variant)

    def __str__(self) -> str:
        return "/".join(filter(None, (self.os, self.architecture, self.variant)))

    def fits(self, descriptor: Descriptor) -> bool:
        """Whether an entry of an index is made for this platform."""
        found = descriptor.platform
        if not isinstance(found, dict):
            return False
        same = (found.get("os"), found.get("architecture")) == (self.os, self.architecture)
        return same and (not self.variant or found.get("variant") == self.variant)


LINUX_AMD64 = Platform()


@dataclass(frozen=True)
class Pinned:
    """What a name means now: `digest` of the manifest; `size` in bytes with all it points at.

    `image_id` is the digest of the image's config, which Docker calls the image ID.
    """

    reference: str
    digest: Digest
    size: int
    image_id: Digest


class ImageSource(Protocol):
    """One image at its source."""

    def pin(self, notify: Subscriber) -> Pinned:
        """What the name means now; stores nothing. Raises ChampErrors of this package."""

    def fetch(self, digest: Digest, blobs: BlobStore, notify: Subscriber) -> Descriptor:
        """Put exactly the manifest `digest` and all it points at into `blobs`; its descriptor.

        Raises SourceChanged when the source holds something else, SourceBlobDiffers when its
        bytes are not what their digest says, and the other ChampErrors of this package.
        """


def choose(index: Manifest, platform: Platform, reference: str) -> Descriptor:
    """The entry of `index` for `platform`; raises PlatformMissing.

    The sole entry of an index is taken if it names no platform.
    """
    entries = index.manifests
    if len(entries) == 1 and not entries[0].platform:
        return entries[0]
    for entry in entries:
        if platform.fits(entry):
            return entry
    found = sorted({_described(entry) for entry in entries})
    raise PlatformMissing(reference=reference, platform=platform, found=", ".join(found)[:300])


def _described(entry: Descriptor) -> str:
    found = entry.platform if isinstance(entry.platform, dict) else {}
    return "/".join(str(found[key]) for key in ("os", "architecture", "variant") if key in found)
