"""From a lock to an image in a blob store: fetch, check, layer by layer, config, manifest.

Invariant: the manifest is added last, when every blob it names is in the store.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from champ_offline.bundle.debian import apt, compress, mirror
from champ_offline.bundle.debian.description import ImageDescription, LayerDescription
from champ_offline.bundle.debian.errors import CompressorDiffers, DescriptionChanged, LockMalformed
from champ_offline.bundle.debian.layer import Filter, LayerMaker
from champ_offline.bundle.debian.lock import DebianLock
from champ_offline.bundle.debian.pool import Pool
from champ_offline.bundle.debian.resolve import alone, private_root
from champ_offline.bundle.debian.spool import Spool
from champ_offline.bundle.debian.tar import write_tar
from champ_offline.bundle.debian.tree import Entry, Fingerprint, LayerTree
from champ_offline.events import Progress, StepFinished, StepStarted, Subscriber
from champ_offline.oci import media_types
from champ_offline.oci.descriptor import Descriptor
from champ_offline.oci.manifest import encode, image_manifest
from champ_offline.store.blobs import BlobStore

FETCH = "debian.fetch"
LAYER = "debian.layer"


def build(
    description: Path, lock: DebianLock, cache: Path, blobs: BlobStore, notify: Subscriber
) -> Descriptor:
    """Make the image of exactly the locked packages; gives the manifest's descriptor.

    Packages come from the cache or, by path and SHA-256, from the host's mirror. Raises the
    refusals of the description, DescriptionChanged, CompressorDiffers, PackageNotOffered,
    PackageChanged, PackageHostile, PackageUnreadable, MirrorFailed, MirrorUnknown, Locked.
    """
    image = ImageDescription.from_file(description)
    if image.digest != lock.description:
        raise DescriptionChanged(file=description)
    if [layer.name for layer in image.layers] != [layer.name for layer in lock.layers]:
        raise LockMalformed(key="layers")
    if compress.identity() != lock.compressor:
        raise CompressorDiffers
    pool = Pool(cache)
    _fetch(lock, cache, pool, notify)
    layers = _Layers(lock, pool, blobs, notify)
    for layer in image.layers:
        layers.add(layer)
    return layers.image(image.config)


def _fetch(lock: DebianLock, cache: Path, pool: Pool, notify: Subscriber) -> None:
    wanted = [package for layer in lock.layers for package in layer.packages]
    missing = [package for package in wanted if not pool.has(package)]
    if not missing:
        return
    total, done = sum(package.size for package in missing), 0
    root = private_root(cache, lock.suite)
    with alone(root):
        private = apt.PrivateApt(root, lock.suite, mirror.of_this_host())
        for package in missing:
            notify(Progress(FETCH, done, total, subject=package.name))
            pool.fetch(package, private.download)
            done += package.size
    notify(Progress(FETCH, done, total))


class _Layers:
    """The layers made so far, each over the ones before it."""

    def __init__(self, lock: DebianLock, pool: Pool, blobs: BlobStore, notify: Subscriber) -> None:
        self._packages = {layer.name: layer.packages for layer in lock.layers}
        self._epoch, self._pool, self._blobs, self._notify = lock.epoch, pool, blobs, notify
        self._below: Mapping[str, Fingerprint] = {}
        self._filter = Filter()
        self._descriptors: list[Descriptor] = []
        self._diffs: list[str] = []
        self._names: list[str] = []

    def add(self, layer: LayerDescription) -> None:
        """Make the next layer and put it into the store."""
        self._notify(StepStarted(LAYER, layer.name))
        started = time.monotonic()
        self._filter = self._filter.extended(layer)
        with Spool(self._pool.folder) as spool:
            tree = LayerTree(self._below)
            maker = LayerMaker(tree, spool, self._epoch)
            for package in self._packages[layer.name]:
                maker.add_package(package, self._pool.path(package), self._filter)
            maker.describe(layer)
            maker.check()
            entries, self._below = tree.finish()
            self._write(entries, spool)
        self._names.append(layer.name)
        self._notify(StepFinished(LAYER, layer.name, time.monotonic() - started))

    def image(self, settings: dict[str, object]) -> Descriptor:
        """Put config and manifest into the store (OCI image-spec 1.1, config.md, manifest.md)."""
        created = datetime.fromtimestamp(self._epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        steps = [{"created": created, "created_by": f"packages: {name}"} for name in self._names]
        config = encode(
            {
                "created": created,
                "architecture": "amd64",
                "os": "linux",
                "config": settings,
                "rootfs": {"type": "layers", "diff_ids": self._diffs},
                "history": steps,
            }
        )
        pointer = Descriptor(media_types.IMAGE_CONFIG, self._blobs.add(config), len(config))
        manifest = image_manifest(pointer, self._descriptors)
        return Descriptor(media_types.IMAGE_MANIFEST, self._blobs.add(manifest), len(manifest))

    def _write(self, entries: dict[str, Entry], spool: Spool) -> None:
        with self._blobs.writer() as writer:
            both = _Both(compress.GzipStream(writer.write))
            write_tar(entries, spool, both)
            both.stream.finish()
            digest = writer.commit()
        size = self._blobs.size(digest)
        self._descriptors.append(Descriptor(media_types.LAYER_GZIP, digest, size))
        self._diffs.append(f"sha256:{both.plain.hexdigest()}")


class _Both:
    """Takes a tar: hashes its bytes as they are (the diff id) and passes them on, compressed."""

    def __init__(self, stream: compress.GzipStream) -> None:
        self.plain, self.stream = hashlib.sha256(), stream

    def write(self, data: bytes) -> int:
        """Append `data`."""
        self.plain.update(data)
        return self.stream.write(data)
