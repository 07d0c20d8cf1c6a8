"""Images from a file: a tar of `docker save` or of an OCI layout (gzip too), or a layout folder.

Invariant: nothing in the archive is ever extracted to a path; members are located by name in one
survey of the tar and read in place; documents have at most 4 MiB.
"""

from __future__ import annotations

import gzip
import os
import stat
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol, cast

from champ_offline.bundle.sources import image, tarball
from champ_offline.bundle.sources.image import Image
from champ_offline.bundle.sources.layer import Layer, take
from champ_offline.bundle.sources.source import (
    CHUNK,
    FETCH,
    LINUX_AMD64,
    PIN,
    ArchiveMissing,
    ArchiveUnreadable,
    Pinned,
    Platform,
    SourceBlobDiffers,
    SourceChanged,
)
from champ_offline.bundle.sources.tarball import NotAnImageArchive
from champ_offline.errors import Phrase, Quoted, system_said
from champ_offline.events import Progress, Subscriber
from champ_offline.oci.descriptor import Descriptor
from champ_offline.oci.digest import Digest
from champ_offline.oci.manifest import LIMIT, Manifest
from champ_offline.store.blobs import BlobStore

_GZIP = b"\x1f\x8b"
_KEPT_EACH = 256 * 1024
_KEPT_TOTAL = 32 * 1024 * 1024


class _Files(Protocol):
    """Named regular files, wherever they lie."""

    def size(self, name: str) -> int | None:
        """Size in bytes, or None when there is no such file."""

    def chunks(self, name: str) -> Iterator[bytes]:
        """The content in pieces of at most 1 MiB."""

    def in_order(self, names: Iterable[str]) -> list[str]:
        """Those of the names that exist, in the order that reads fastest."""


class _Folder:
    """An OCI layout as a folder; links in it are not followed."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def size(self, name: str) -> int | None:
        try:
            status = (self._root / name).lstat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        if not stat.S_ISREG(status.st_mode):
            raise tarball.UnsafeArchive(
                where=self._root, member=name, reason=Phrase("not a regular file")
            )
        return status.st_size

    def chunks(self, name: str) -> Iterator[bytes]:
        descriptor = os.open(self._root / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            while chunk := file.read(CHUNK):
                yield chunk

    def in_order(self, names: Iterable[str]) -> list[str]:
        return sorted(name for name in set(names) if self.size(name) is not None)


@dataclass(frozen=True)
class _Entry:
    offset: int
    size: int
    data: bytes | None


class _Tar:
    """A tar file, surveyed once; small members are kept so that gzip is unpacked but twice."""

    def __init__(self, file: BinaryIO, where: str) -> None:
        zipped = file.read(2) == _GZIP
        file.seek(0)
        self._stream = cast("BinaryIO", gzip.GzipFile(fileobj=file)) if zipped else file
        scan = tarball.scan if zipped else tarball.scan_file
        self._entries: dict[str, _Entry] = {}
        room = _KEPT_TOTAL
        for member in scan(self._stream, where):
            data = None
            if member.size <= min(_KEPT_EACH, room):
                data = b"".join(member.chunks())
                room -= len(data)
            self._entries[member.name] = _Entry(member.offset, member.size, data)

    def size(self, name: str) -> int | None:
        entry = self._entries.get(name)
        return None if entry is None else entry.size

    def chunks(self, name: str) -> Iterator[bytes]:
        entry = self._entries[name]
        if entry.data is not None:
            yield entry.data
            return
        self._stream.seek(entry.offset)
        left = entry.size
        while left and (chunk := self._stream.read(min(CHUNK, left))):
            left -= len(chunk)
            yield chunk

    def in_order(self, names: Iterable[str]) -> list[str]:
        found = [name for name in set(names) if name in self._entries]
        return sorted(found, key=lambda name: self._entries[name].offset)


class ArchiveSource:
    """One image in an archive file or an OCI layout folder.

    `name` chooses among several: a RepoTag of `docker save`, or the ref name of a layout.
    """

    def __init__(self, path: Path, *, name: str = "", platform: Platform = LINUX_AMD64) -> None:
        self._path = path
        self._name = name
        self._platform = platform
        self._where = str(path)

    def pin(self, notify: Subscriber) -> Pinned:
        """Which manifest the archive holds under the name; hashes what that depends on."""
        with self._opened() as files:
            found, _ = self._image(files, None, notify)
            reference = self._name or self._where
            return Pinned(reference, found.descriptor.digest, found.size, Digest.of(found.config))

    def fetch(self, digest: Digest, blobs: BlobStore, notify: Subscriber) -> Descriptor:
        """Put the image `digest` into `blobs`, every layer hashed; see ImageSource.fetch."""
        with self._opened() as files:
            found, stored = self._image(files, blobs, notify)
            if found.descriptor.digest != digest:
                raise SourceChanged(
                    reference=self._name or self._where,
                    where=self._where,
                    found=found.descriptor.digest,
                    digest=digest,
                )
            if not stored:
                self._store(files, found, blobs, notify)
            blobs.add(found.config)
            blobs.add(found.manifest)
            return found.descriptor

    @contextmanager
    def _opened(self) -> Iterator[_Files]:
        try:
            if self._path.is_dir():
                yield _Folder(self._path)
                return
            with self._path.open("rb") as file:
                yield _Tar(file, self._where)
        except FileNotFoundError as error:
            raise ArchiveMissing(path=self._path) from error
        except PermissionError as error:
            reason = system_said(error)
            raise ArchiveUnreadable(path=self._path, reason=reason) from error
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise NotAnImageArchive(where=self._where, reason=Quoted(str(error)[:200])) from error

    def _image(
        self, files: _Files, blobs: BlobStore | None, notify: Subscriber
    ) -> tuple[Image, bool]:
        """The image meant, and whether its layers have been stored on the way."""
        if files.size(image.INDEX) is not None:
            return self._from_layout(files), False
        if files.size(image.MANIFEST) is not None:
            return self._from_saved(files, blobs, notify), True
        raise NotAnImageArchive(
            where=self._where, reason=Phrase("it has neither index.json nor manifest.json")
        )

    def _from_layout(self, files: _Files) -> Image:
        def read(name: str) -> bytes:
            return self._read(files, name)

        chosen = image.in_layout(read, self._name, self._platform, self._where)
        data = image.checked(read, chosen.digest, self._where)
        manifest = Manifest.from_bytes(data)
        if manifest.config is None:
            raise NotAnImageArchive(where=self._where, reason=Phrase("its manifest has no config"))
        config = image.checked(read, manifest.config.digest, self._where)
        return Image(data, config, manifest.layers)

    def _from_saved(self, files: _Files, blobs: BlobStore | None, notify: Subscriber) -> Image:
        entry = image.saved(lambda name: self._read(files, name), self._name, self._where)
        config = self._read(files, entry.config)
        needed = set(image.diff_ids(config, self._where))
        layers: dict[Digest, Layer] = {}
        names = files.in_order(entry.layers)
        total = sum(files.size(name) or 0 for name in names)
        meter = _Meter(notify, FETCH if blobs else PIN, total, self._name or self._where)
        for name in names:
            layer = take(meter.over(files.chunks(name)), blobs)
            if layer.diff_id in needed:
                layers[layer.diff_id] = layer
        return image.assemble(config, layers, self._where)

    def _store(self, files: _Files, found: Image, blobs: BlobStore, notify: Subscriber) -> None:
        layers = {image.blob_name(layer.digest): layer for layer in found.layers}
        names = files.in_order(layers)
        if len(names) < len(layers):
            missing = next(iter(layers[name].digest for name in layers if name not in names))
            raise NotAnImageArchive(
                where=self._where, reason=Phrase("layer {digest} is missing", digest=missing)
            )
        total = sum(layer.size for layer in layers.values())
        meter = _Meter(notify, FETCH, total, self._name or self._where)
        for name in names:
            wanted = layers[name]
            got = take(meter.over(files.chunks(name)), blobs, wanted.digest.__eq__)
            if (got.descriptor.digest, got.descriptor.size) != (wanted.digest, wanted.size):
                raise SourceBlobDiffers(
                    where=self._where, digest=wanted.digest, reference=self._name or self._where
                )

    def _read(self, files: _Files, name: str) -> bytes:
        size = files.size(name)
        if size is None or size > LIMIT:
            shown = name[:100]
            reason = (
                Phrase("{name} is missing", name=shown)
                if size is None
                else Phrase("{name} is too large", name=shown)
            )
            raise NotAnImageArchive(where=self._where, reason=reason)
        return b"".join(files.chunks(name))


class _Meter:
    """Reports progress over several streams as one total."""

    def __init__(self, notify: Subscriber, step: str, total: int, subject: str) -> None:
        self._notify, self._step, self._total, self._subject = notify, step, total, subject
        self._done = 0

    def over(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            yield chunk
            self._done += len(chunk)
            self._notify(Progress(self._step, self._done, self._total, subject=self._subject))
