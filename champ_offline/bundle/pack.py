"""Packing: named OCI content of a blob store becomes signed volumes in a folder.

Invariant: the same content under the same names gives the same volumes, byte for byte; the folder
becomes a bundle with its last file (metadata/timestamp.json), so a broken pack is none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from champ_offline.bundle import media
from champ_offline.bundle.document import BundleDocument, Content, VolumeEntry
from champ_offline.bundle.volume import Member, VolumeIndex, chunks, divide
from champ_offline.durable.space import free_bytes
from champ_offline.durable.write import DurableFile, make_directory, write_atomic
from champ_offline.errors import ChampError, ExitCode
from champ_offline.events import Progress, StepFinished, StepStarted, Subscriber
from champ_offline.oci import media_types
from champ_offline.oci.descriptor import Descriptor
from champ_offline.oci.digest import Digest
from champ_offline.oci.manifest import Manifest, encode, image_index
from champ_offline.store.blobs import BlobStore
from champ_offline.trust.documents import Signers, make_documents

# FAT32 holds files of at most 4 GiB - 1 byte; a MiB less leaves no room for doubt.
LARGEST_VOLUME = 4 * 1024**3 - 1024**2
SMALLEST_VOLUME = 1024**2
LAYOUT = encode({"imageLayoutVersion": "1.0.0"})


class BlobExceedsVolume(ChampError):
    """A blob does not fit into a volume of the wanted size."""

    id = "pack.blob-exceeds-volume"
    exit_code = ExitCode.PREFLIGHT
    message = "Blob {digest} has {size} bytes; a volume may have {limit}."
    remedy = "Choose a larger --volume-size, or split the image's layer."


class TargetTaken(ChampError):
    """The folder of the bundle exists already."""

    id = "pack.target-taken"
    exit_code = ExitCode.USAGE
    message = "{path} already exists."
    remedy = "Remove that folder, or choose another --out; a bundle is never overwritten."


class TargetFull(ChampError):
    """The medium is too small."""

    id = "pack.target-full"
    exit_code = ExitCode.PREFLIGHT
    message = "{path} has {free} bytes free; the bundle needs {needed}."
    remedy = "Use a larger stick; nothing was written."


@dataclass(frozen=True)
class Contents:
    """What is to be packed: descriptors named by reference, found with all below in `blobs`.

    `referrers` are manifests with a `subject` among the rest, each with artifactType and
    annotations as a registry lists it (`oci.manifest.as_referrer`). `image_key` is the PEM of the
    key that signed the images (`bundle.signatures`), empty where none did.
    """

    name: str
    version: str
    zones: tuple[str, ...]
    descriptors: tuple[Descriptor, ...]
    apps: tuple[Content, ...]
    images: tuple[str, ...]
    referrers: tuple[Descriptor, ...] = ()
    image_key: str = ""


@dataclass(frozen=True)
class Packed:
    """A finished bundle: its folder, the files of its volumes, blobs and bytes in all."""

    folder: Path
    document: BundleDocument
    sequence: int


class Packer:
    """Writes bundles signed with one set of keys."""

    def __init__(self, blobs: BlobStore, roots: tuple[bytes, ...], signers: Signers) -> None:
        self._blobs, self._roots, self._signers = blobs, roots, signers

    def pack(
        self, contents: Contents, out: Path, limit: int, now: datetime, notify: Subscriber
    ) -> Packed:
        """Write the bundle to `out`/champ/<name>-<version>, in volumes of at most `limit` bytes.

        Raises TargetTaken, TargetFull, BlobExceedsVolume, BlobMissing. `now` dates the signatures
        and, in milliseconds since 1970, is the number that a zone's floor is compared with.
        """
        listed = (*contents.descriptors, *contents.referrers)
        index = image_index(list(listed))
        members = self._members(listed, index)
        volumes = divide(contents.name, contents.version, members, limit)
        _refuse_oversized(volumes, limit)
        document = _document(contents, members, volumes, index, now)
        folder = out / media.SHELF / f"{contents.name}-{contents.version}"
        if folder.exists():
            raise TargetTaken(path=folder)
        _refuse_full(out, sum(volume.size for volume in volumes))
        make_directory(folder / media.METADATA)
        self._write_volumes(folder, document, volumes, index, notify)
        sequence = int(now.timestamp() * 1000)
        self._write_documents(folder, document.to_bytes(), sequence, now)
        return Packed(folder, document, sequence)

    def _members(self, descriptors: Sequence[Descriptor], index: bytes) -> list[Member]:
        found: dict[Digest, Member] = {}
        for descriptor in descriptors:
            for blob in self._closure(descriptor):
                name = f"blobs/sha256/{blob.digest.hex}"
                found.setdefault(blob.digest, Member(name, blob.size, blob.digest))
        return [
            Member("oci-layout", len(LAYOUT), Digest.of(LAYOUT)),
            Member("index.json", len(index), Digest.of(index)),
            *found.values(),
        ]

    def _closure(self, descriptor: Descriptor) -> Iterator[Descriptor]:
        """`descriptor` and everything below it, parents first."""
        yield descriptor
        if descriptor.media_type in media_types.DOCUMENTS:
            for child in Manifest.from_bytes(self._blobs.read(descriptor.digest)).children:
                yield from self._closure(child)

    def _write_volumes(
        self,
        folder: Path,
        document: BundleDocument,
        volumes: Sequence[VolumeIndex],
        index: bytes,
        notify: Subscriber,
    ) -> None:
        total, done = sum(volume.size for volume in volumes), 0

        def content(member: Member) -> BinaryIO:
            if member.name == "oci-layout":
                return BytesIO(LAYOUT)
            return (
                BytesIO(index) if member.name == "index.json" else self._blobs.open(member.digest)
            )

        for volume, entry in zip(volumes, document.volumes, strict=True):
            name = document.volume_name(entry)
            notify(StepStarted("pack", name))
            with DurableFile(folder) as file:
                for chunk in chunks(volume, content):
                    file.write(chunk)
                    done += len(chunk)
                    notify(Progress("pack", done, total, subject=name))
                file.commit(folder / name)
            notify(StepFinished("pack", name))

    def _write_documents(self, folder: Path, bundle: bytes, sequence: int, now: datetime) -> None:
        documents = make_documents(self._roots, self._signers, bundle, sequence, now)
        write_atomic(folder / media.DOCUMENT, bundle)
        metadata = folder / media.METADATA
        for version, root in enumerate(documents.roots, start=1):
            write_atomic(metadata / media.root_name(version), root)
        write_atomic(metadata / media.TARGETS, documents.targets)
        write_atomic(metadata / media.SNAPSHOT, documents.snapshot)
        write_atomic(metadata / media.TIMESTAMP, documents.timestamp)


def _document(
    contents: Contents,
    members: Sequence[Member],
    volumes: Sequence[VolumeIndex],
    index: bytes,
    now: datetime,
) -> BundleDocument:
    blobs = [member for member in members if member.name.startswith("blobs/")]
    return BundleDocument(
        name=contents.name,
        version=contents.version,
        created=now.isoformat(timespec="seconds"),
        zones=contents.zones,
        index=Descriptor(media_types.IMAGE_INDEX, Digest.of(index), len(index)),
        blobs=len(blobs),
        size=sum(member.size for member in blobs),
        volumes=tuple(_entry(volume) for volume in volumes),
        apps=contents.apps,
        images=contents.images,
        image_key=contents.image_key,
    )


def _entry(volume: VolumeIndex) -> VolumeEntry:
    data = volume.to_bytes()
    first = volume.members[0].digest
    return VolumeEntry(volume.number, volume.size, len(data), Digest.of(data), first)


def _refuse_oversized(volumes: Sequence[VolumeIndex], limit: int) -> None:
    for volume in volumes:
        if volume.size > limit:
            largest = max(volume.members, key=lambda member: member.size)
            raise BlobExceedsVolume(digest=largest.digest, size=largest.size, limit=limit)


def _refuse_full(out: Path, needed: int) -> None:
    free = free_bytes(out)
    if needed > free:
        raise TargetFull(path=out, free=free, needed=needed)
