"""Packing: named OCI content of a blob store becomes signed volumes in folders, one a medium.

Invariant: the same content under the same names and limits gives the same volumes, byte for byte;
a folder becomes a bundle with its last file (metadata/timestamp.json), and the first of several
folders with the last of all, so a broken pack is none and is begun anew over what it left.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from champ_offline.bundle import media
from champ_offline.bundle.divide import Division, Limits, divide
from champ_offline.bundle.document import BundleDocument, VolumeEntry
from champ_offline.bundle.layout import Contents, Layout
from champ_offline.bundle.parity.beside import parity_size, write_parity
from champ_offline.bundle.parity.documents import seal_documents
from champ_offline.bundle.target import TargetFile, TargetFull, TargetTaken, writing
from champ_offline.bundle.volume import INDEXES, VolumeIndex, chunks
from champ_offline.bundle.volume_image import VolumeImage
from champ_offline.durable.space import free_bytes
from champ_offline.durable.write import (
    make_directory,
    remove_partials,
    sync_directory,
    write_atomic,
)
from champ_offline.errors import Bytes
from champ_offline.events import Progress, StepFinished, StepStarted, Subscriber
from champ_offline.oci.digest import Digest
from champ_offline.store.blobs import BlobStore
from champ_offline.trust.documents import Signers, make_documents

LARGEST_ON_FAT32 = 4 * 1024**3 - 1
# A MiB less than FAT32 holds leaves no room for doubt.
LARGEST_VOLUME = 4 * 1024**3 - 1024**2
# What makes a bundle of a folder.
_SEAL = f"{media.METADATA}/{media.TIMESTAMP}"
# What the numbers of a pack may leave beyond those of the next.
_OWN_FILES = (
    "{own}.[0-9][0-9][0-9][0-9].tar",
    "{own}.[0-9][0-9][0-9][0-9].par",
    f"{INDEXES}/[0-9][0-9][0-9][0-9].json",
    f"{media.METADATA}/[0-9]*.root.json",
)


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
        self, contents: Contents, out: Path, limits: Limits, now: datetime, notify: Subscriber
    ) -> Packed:
        """Write the bundle to `out`/champ/<name>-<version>, cut to the limits.

        With a limit of a medium, to `out`/stick-01/champ/… and so on, each to be copied to a medium
        of its own. Raises TargetTaken, TargetFull, TargetUnwritable, BlobMissing,
        DocumentsTooLarge. `now` dates the signatures and, in milliseconds since 1970, is the number
        that a zone's floor is compared with.
        """
        layout = Layout(self._blobs, contents)
        division = divide(contents.name, contents.version, layout.members, limits, layout.digest)
        document = _document(contents, layout, division, now, limits.parity)
        folders = _folders(out, document, division, several=limits.medium is not None)
        _refuse_taken(folders)
        with writing(out):
            _clear(folders, document)
        _refuse_full(out, division, parity_size(document))
        self._write_volumes(folders, division, document, layout, notify)
        sequence = int(now.timestamp() * 1000)
        data = document.to_bytes()
        BundleDocument.from_bytes(data, media.DOCUMENT)  # what no zone would read is not signed
        documents = make_documents(self._roots, self._signers, data, sequence, now)
        files = media.document_files(data, documents)
        spare = seal_documents(files) if document.parity else b""
        spares = {media.SPARE_DOCUMENTS: spare} if spare else {}
        with writing(out):
            for folder in folders:
                _write_documents(folder, division, files)
            for folder in reversed(folders):
                for name, content in (spares | {_SEAL: files[_SEAL]}).items():
                    write_atomic(folder / name, content)
        return Packed(folders, document, sequence)

    def _write_volumes(
        self,
        folders: tuple[Path, ...],
        division: Division,
        document: BundleDocument,
        layout: Layout,
        notify: Subscriber,
    ) -> None:
        total, done = sum(volume.size for volume in division.volumes), 0
        for volume, medium, entry in zip(
            division.volumes, division.media, document.volumes, strict=True
        ):
            name, folder = document.volume_name(entry), folders[medium - 1]
            notify(StepStarted("pack", name))
            with TargetFile(folder) as file:
                for chunk in chunks(volume, layout.open):
                    file.write(chunk)
                    done += len(chunk)
                    notify(Progress("pack", done, total, subject=name))
                file.commit(folder / name)
            notify(StepFinished("pack", name))
            if document.parity:
                with closing(VolumeImage(volume, layout.open)) as image:
                    write_parity(folder, document, entry, image, self._blobs.root, notify)


def _write_documents(folder: Path, division: Division, files: Mapping[str, bytes]) -> None:
    """Everything but the volumes, parity and what makes a bundle of the folder."""
    make_directory(folder / INDEXES)
    make_directory(folder / media.METADATA)
    for volume in division.volumes:
        write_atomic(folder / volume.name, volume.to_bytes())
    for name, data in files.items():
        if name != _SEAL:
            write_atomic(folder / name, data)


def _folders(
    out: Path, document: BundleDocument, division: Division, *, several: bool
) -> tuple[Path, ...]:
    own = f"{document.name}-{document.version}"
    sticks = range(1, division.media[-1] + 1)
    tops = [out / f"stick-{number:02}" for number in sticks] if several else [out]
    return tuple(top / media.SHELF / own for top in tops)


def _refuse_taken(folders: tuple[Path, ...]) -> None:
    """The first folder is sealed last; while it is not, what the others hold is half a pack."""
    sealed = [folder for folder in folders if media.is_file(folder / _SEAL)]
    if sealed and (sealed[0] == folders[0] or not folders[0].is_dir()):
        raise TargetTaken(path=sealed[0])


def _clear(folders: tuple[Path, ...], document: BundleDocument) -> None:
    """Make the folders, or remove what a broken pack of this bundle left; what seals it first."""
    for folder in folders:
        for name in (_SEAL, media.SPARE_DOCUMENTS):
            if media.is_file(folder / name):
                (folder / name).unlink()
                sync_directory((folder / name).parent)
    for folder in folders:
        make_directory(folder)
        for place in (folder, folder / media.METADATA, folder / INDEXES):
            if place.is_dir():
                remove_partials(place)
        for pattern in _OWN_FILES:
            for left in folder.glob(pattern.format(own=f"{document.name}-{document.version}")):
                left.unlink()


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


def _refuse_full(out: Path, division: Division, parity: int) -> None:
    needed = parity + sum(volume.size for volume in division.volumes)
    needed += sum(len(volume.to_bytes()) for volume in division.volumes) * division.media[-1]
    free = free_bytes(out)
    if needed > free:
        raise TargetFull(path=out, free=Bytes(free), needed=Bytes(needed))
