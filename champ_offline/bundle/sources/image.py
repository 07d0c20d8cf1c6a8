"""Makes sense of what an image archive holds: `docker save`'s manifest.json or an OCI layout.

Invariant: pure; what comes out is fixed by the documents and the layers' digests alone, so the
same image ID always gives the same manifest digest. Layers are matched to the config by their diff
IDs, never by a name the archive gives them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from champ_offline.bundle.sources.layer import Layer
from champ_offline.bundle.sources.source import Platform, ReferenceNotFound, choose
from champ_offline.bundle.sources.tarball import NotAnImageArchive
from champ_offline.errors import ChampError, ExitCode, Phrase
from champ_offline.oci import media_types
from champ_offline.oci.descriptor import REF_NAME, Descriptor
from champ_offline.oci.digest import Digest
from champ_offline.oci.manifest import Manifest, image_manifest
from champ_offline.oci.reference import InvalidReference, Reference

MANIFEST = "manifest.json"
INDEX = "index.json"
_CONTAINERD_NAME = "io.containerd.image.name"
_DEEPEST = 4
Read = Callable[[str], bytes]


class SeveralImages(ChampError):
    """An archive holds several images and the recipe does not say which one is meant."""

    id = "source.several-images"
    exit_code = ExitCode.USAGE
    message = "{where} holds several images: {names}."
    remedy = "Say in bundle.yaml which of them is meant, by its name."


@dataclass(frozen=True)
class Image:
    """A manifest, its own bytes and its config's bytes; the layers lie elsewhere."""

    manifest: bytes
    config: bytes
    layers: tuple[Descriptor, ...]

    @property
    def descriptor(self) -> Descriptor:
        """Of the manifest."""
        media_type = Manifest.from_bytes(self.manifest).media_type
        return Descriptor(media_type, Digest.of(self.manifest), len(self.manifest))

    @property
    def size(self) -> int:
        """Bytes of manifest, config and every layer once."""
        layers = {layer.digest: layer.size for layer in self.layers}
        return len(self.manifest) + len(self.config) + sum(layers.values())


@dataclass(frozen=True)
class Saved:
    """One entry of `docker save`'s manifest.json."""

    config: str
    layers: tuple[str, ...]


def saved(read: Read, name: str, where: str) -> Saved:
    """The entry called `name` (or the only one); raises SeveralImages, ReferenceNotFound."""
    entries = _list(read(MANIFEST), where)
    fitting = [entry for entry in entries if not name or _is_called(name, entry.get("RepoTags"))]
    if not fitting:
        raise _without(name, where)
    if len({str(entry.get("Config")) for entry in fitting}) > 1:
        names = [str(tag) for entry in fitting for tag in entry.get("RepoTags") or ["(no name)"]]
        raise SeveralImages(where=where, names=", ".join(sorted(names))[:500])
    config, layers = fitting[0].get("Config"), fitting[0].get("Layers")
    if not isinstance(config, str) or not isinstance(layers, list):
        raise NotAnImageArchive(where=where, reason=Phrase("manifest.json lacks Config or Layers"))
    return Saved(config, tuple(str(layer) for layer in layers))


def _without(name: str, where: str) -> ChampError:
    """An archive that has no image of that name, or, where none was asked for, none at all."""
    if name:
        return ReferenceNotFound(reference=name, where=where)
    return NotAnImageArchive(where=where, reason=Phrase("there is no image in it"))


def assemble(config: bytes, layers: Mapping[Digest, Layer], where: str) -> Image:
    """The OCI image over a config and its layers, given by diff ID; raises NotAnImageArchive."""
    found: list[Descriptor] = []
    for diff_id in diff_ids(config, where):
        if diff_id not in layers:
            raise NotAnImageArchive(
                where=where, reason=Phrase("layer {digest} is missing or altered", digest=diff_id)
            )
        found.append(layers[diff_id].descriptor)
    descriptor = Descriptor(media_types.IMAGE_CONFIG, Digest.of(config), len(config))
    return Image(image_manifest(descriptor, found), config, tuple(found))


def diff_ids(config: bytes, where: str) -> list[Digest]:
    """The uncompressed digests an image config names, bottom first (image-spec, config.md)."""
    document = _json(config, where)
    rootfs = document.get("rootfs") if isinstance(document, dict) else None
    named = rootfs.get("diff_ids") if isinstance(rootfs, dict) else None
    if not isinstance(named, list):
        raise NotAnImageArchive(where=where, reason=Phrase("its config names no layers"))
    return [Digest.parse(text) for text in named]


def in_layout(read: Read, name: str, platform: Platform, where: str) -> Descriptor:
    """The manifest of the image called `name` (or the only one) in an OCI layout.

    Raises SeveralImages, ReferenceNotFound, PlatformMissing, InvalidManifest.
    """
    entries = Manifest.from_bytes(read(INDEX)).manifests
    fitting = [entry for entry in entries if not name or _is_called(name, _names(entry))]
    if not fitting:
        raise _without(name, where)
    if len({entry.digest for entry in fitting}) > 1:
        names = ", ".join(sorted((_names(entry) or ["(no name)"])[0] for entry in fitting))
        raise SeveralImages(where=where, names=names[:500])
    found = fitting[0]
    for _ in range(_DEEPEST):
        if found.media_type not in media_types.INDEXES:
            return found
        index = Manifest.from_bytes(checked(read, found.digest, where))
        found = choose(index, platform, name or where)
    raise NotAnImageArchive(where=where, reason=Phrase("its indexes are nested too deeply"))


def blob_name(digest: Digest) -> str:
    """Where a blob lies in an OCI layout (image-spec 1.1, image-layout.md)."""
    return f"blobs/sha256/{digest.hex}"


def checked(read: Read, digest: Digest, where: str) -> bytes:
    """A document of an OCI layout, held to its digest."""
    data = read(blob_name(digest))
    if Digest.of(data) != digest:
        raise NotAnImageArchive(
            where=where, reason=Phrase("document {digest} is altered", digest=digest)
        )
    return data


def _names(entry: Descriptor) -> list[str]:
    keys = (_CONTAINERD_NAME, REF_NAME)
    return [entry.annotations[key] for key in keys if key in entry.annotations]


def _is_called(name: str, names: object) -> bool:
    """Whether one of `names` is `name`, in the form written or as the same full reference."""
    if not isinstance(names, list):
        return False
    full = _full(name)
    return any(name == other or (full and full == _full(str(other))) for other in names)


def _full(name: str) -> str:
    try:
        return str(Reference.parse(name))
    except InvalidReference:
        return ""


def _list(data: bytes, where: str) -> list[dict[str, Any]]:
    document = _json(data, where)
    if not isinstance(document, list) or not all(isinstance(item, dict) for item in document):
        raise NotAnImageArchive(where=where, reason=Phrase("manifest.json is not a list of images"))
    return document


def _json(data: bytes, where: str) -> object:
    try:
        document: object = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise NotAnImageArchive(
            where=where, reason=Phrase("one of its documents is not JSON")
        ) from error
    return document
