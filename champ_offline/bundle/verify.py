"""Verification: the only way to a VerifiedBundle, and the reading of every byte.

Invariant: a VerifiedBundle exists only after signatures, dates, zone and bundle.json were accepted
and every volume was seen to be present with the index that was signed. Its contents are still
bytes on a medium: whoever reads them checks them against these indexes on the way.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from champ_offline.bundle import media
from champ_offline.bundle.document import BundleDocument
from champ_offline.bundle.volume import Hasher, Member, VolumeIndex, VolumeReader
from champ_offline.events import Progress, StepFinished, StepStarted, Subscriber
from champ_offline.trust.dates import NO_OVERRIDES, Overrides
from champ_offline.trust.errors import WrongZone
from champ_offline.trust.trusted import Accepted, TrustedBundle, evaluate

_ONLY_HERE = object()


@dataclass(frozen=True)
class VerifiedVolume:
    """A volume whose index is the signed one."""

    name: str
    reader: VolumeReader
    index: VolumeIndex


class VerifiedBundle:
    """A bundle on media that this module vouches for; nobody else can make one."""

    def __init__(
        self,
        folder: Path,
        trusted: TrustedBundle,
        document: BundleDocument,
        volumes: tuple[VerifiedVolume, ...],
        *,
        made_by: object,
    ) -> None:
        if made_by is not _ONLY_HERE:
            raise TypeError("a VerifiedBundle is made by verify() only")
        self.folder = folder
        self.trusted = trusted
        self.document = document
        self.volumes = volumes

    @property
    def members(self) -> Iterator[Member]:
        """Every file of the layout, in media order."""
        return (member for volume in self.volumes for member in volume.index.members)


def verify(
    path: Path,
    root: bytes,
    now: datetime,
    zone: str | None = None,
    overrides: Overrides = NO_OVERRIDES,
    accepted: Sequence[Accepted] = (),
) -> VerifiedBundle:
    """Accept the bundle at `path` (its folder, or a stick with one bundle) under a pinned `root`.

    Reads documents and volume indexes only. `zone` is the zone it is to enter, None for a check
    outside of any zone; `overrides` and `accepted` are those of `evaluate`.
    Raises the errors of `trust.errors` and `bundle.errors`.
    """
    folder = media.only_bundle(path)
    where = str(folder)
    trusted = evaluate(root, media.read_documents(folder), now, where, overrides, accepted)
    data = media.read_bundle_document(folder)
    trusted.confirm(data, where)
    document = BundleDocument.from_bytes(data, where)
    if zone is not None and document.zones and zone not in document.zones:
        raise WrongZone(
            where=where, bundle=document.name, zones=", ".join(document.zones), zone=zone
        )
    readers = media.open_volumes(folder, document)
    volumes = tuple(
        VerifiedVolume(document.volume_name(entry), reader, index)
        for entry, reader in zip(document.volumes, readers, strict=True)
        for index in [reader.index(document.name, document.version, entry.number)]
    )
    return VerifiedBundle(folder, trusted, document, volumes, made_by=_ONLY_HERE)


def read_every_byte(bundle: VerifiedBundle, notify: Subscriber) -> int:
    """Hash all volumes from the medium; returns the bytes read.

    Raises VolumeCorrupt, VolumeTruncated, VolumeUnreadable naming volume and blob.
    """
    total = sum(volume.index.size for volume in bundle.volumes)
    done = 0
    for volume in bundle.volumes:
        notify(StepStarted("verify", volume.name))
        for passed in volume.reader.read(volume.index, lambda _member: Hasher()):
            done += passed
            notify(Progress("verify", done, total, subject=volume.name))
        notify(StepFinished("verify", volume.name))
    return total
