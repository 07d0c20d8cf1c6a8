"""Packing: named OCI content of a blob store becomes signed volumes in folders, one a medium.

Invariant: the same content under the same names and limits gives the same volumes, byte for byte;
a folder becomes a bundle with its last file (metadata/timestamp.json), and the first of several
folders with the last of all, so a broken pack is none and is begun anew over what it left.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from champ_offline.bundle import media
from champ_offline.bundle.divide import Division, Limits, divide
from champ_offline.bundle.document import BundleDocument, VolumeEntry
from champ_offline.bundle.installer import signed_file, tops, write_installer
from champ_offline.bundle.layout import Contents, Layout
from champ_offline.bundle.media_writer import MediaWriter, refuse_linked_home
from champ_offline.bundle.parity.beside import parity_size
from champ_offline.bundle.target import TargetFull
from champ_offline.bundle.volume import VolumeIndex
from champ_offline.durable.space import free_bytes
from champ_offline.errors import Bytes
from champ_offline.events import Subscriber
from champ_offline.oci.digest import Digest
from champ_offline.store.blobs import BlobStore
from champ_offline.trust.documents import Signers, make_documents

LARGEST_ON_FAT32 = 4 * 1024**3 - 1
# A MiB less than FAT32 holds leaves no room for doubt.
LARGEST_VOLUME = 4 * 1024**3 - 1024**2


@dataclass(frozen=True)
class Packed:
    """A finished bundle: its folder on each medium in order, and its document."""

    folders: tuple[Path, ...]
    document: BundleDocument
    sequence: int

    @property
    def folder(self) -> Path:
        """The folder on the first medium."""
        return self.folders[0]


class Packer:
    """Writes bundles signed with one set of keys."""

    def __init__(self, blobs: BlobStore, roots: tuple[bytes, ...], signers: Signers) -> None:
        self._blobs, self._roots, self._signers = blobs, roots, signers

    def pack(
        self,
        contents: Contents,
        out: Path,
        limits: Limits,
        now: datetime,
        notify: Subscriber,
        installer: Path | None = None,
    ) -> Packed:
        """Write the bundle to `out`/champ/<name>-<version>, cut to the limits.

        With a limit of a medium, to `out`/stick-01/champ/… and so on, each to be copied to a medium
        of its own. `installer` is a champ.sh, which goes into the root of each. `now` dates the
        signatures and, in milliseconds since 1970, is the number that a zone's floor is compared
        with. Raises TargetLinked, TargetOccupied, TargetFull, TargetUnwritable, BlobMissing,
        DocumentsTooLarge, InstallerChanged where it changes meanwhile.
        """
        layout = Layout(self._blobs, contents)
        division = divide(contents.name, contents.version, layout.members, limits, layout.digest)
        document = _document(contents, layout, division, now, limits.parity)
        folders = _folders(out, document, division, several=limits.medium is not None)
        for folder in folders:
            refuse_linked_home(out, folder)
        writer = MediaWriter(document, division, folders, "pack")
        writer.refuse_taken()
        writer.clear()
        carried = None if installer is None else signed_file(installer)
        beside = parity_size(document) + (carried.size * len(folders) if carried else 0)
        _refuse_full(out, division, beside)
        writer.write_volumes(layout.open, self._blobs.root, notify)
        if installer is not None and carried is not None:
            for top in tops((), folders):
                write_installer(installer, carried, top)
        sequence = int(now.timestamp() * 1000)
        data = document.to_bytes()
        BundleDocument.from_bytes(data, media.DOCUMENT)  # what no zone would read is not signed
        documents = make_documents(self._roots, self._signers, data, sequence, now, carried)
        writer.finish(media.document_files(data, documents))
        return Packed(folders, document, sequence)


def _folders(
    out: Path, document: BundleDocument, division: Division, *, several: bool
) -> tuple[Path, ...]:
    sticks = range(1, division.media[-1] + 1)
    tops = [stick_folder(out, number) for number in sticks] if several else [out]
    return tuple(media.home(top, document) for top in tops)


def stick_folder(out: Path, number: int) -> Path:
    """The folder of one of several media, counted from 1, whose contents go onto a stick."""
    return out / f"stick-{number:02}"


def _document(
    contents: Contents, layout: Layout, division: Division, now: datetime, parity: int
) -> BundleDocument:
    blobs = [member for member in layout.members if member.blob is not None]
    return BundleDocument(
        name=contents.name,
        version=contents.version,
        created=now.isoformat(timespec="seconds"),
        zones=contents.zones,
        index=layout.index,
        blobs=len(blobs),
        size=sum(member.size for member in blobs),
        volume_set=division.volume_set,
        volumes=tuple(_entry(volume) for volume in division.volumes),
        apps=contents.apps,
        images=contents.images,
        image_key=contents.image_key,
        parity=parity,
    )


def _entry(volume: VolumeIndex) -> VolumeEntry:
    data = volume.to_bytes()
    first = volume.members[0].digest
    return VolumeEntry(volume.number, volume.size, len(data), Digest.of(data), first)


def _refuse_full(out: Path, division: Division, beside: int) -> None:
    needed = beside + sum(volume.size for volume in division.volumes)
    needed += sum(len(volume.to_bytes()) for volume in division.volumes) * division.media[-1]
    free = free_bytes(out)
    if needed > free:
        raise TargetFull(path=out, free=Bytes(free), needed=Bytes(needed))
