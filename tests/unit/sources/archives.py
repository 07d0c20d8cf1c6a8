"""Image archives in the forms that engines and tools write, made in memory."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from dataclasses import dataclass, field
from pathlib import Path

from champ_offline.oci import media_types
from champ_offline.oci.descriptor import Descriptor
from champ_offline.oci.digest import Digest
from champ_offline.oci.manifest import image_index, image_manifest


def layer(text: str, size: int = 300_000) -> bytes:
    """A layer's tar with one file of about `size` bytes."""
    return tar({f"etc/{text}": (text.encode() * size)[:size]})


def tar(files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return packed.getvalue()


def with_member(archive: bytes, info: tarfile.TarInfo, data: bytes = b"") -> bytes:
    """The archive with one more member at its end."""
    packed = io.BytesIO(archive)
    with tarfile.open(fileobj=packed, mode="a") as writer:
        info.size = len(data)
        writer.addfile(info, io.BytesIO(data))
    return packed.getvalue()


@dataclass
class Sample:
    """An image to put into archives."""

    layers: list[bytes] = field(default_factory=lambda: [layer("base"), layer("app")])
    comment: str = ""

    @property
    def config(self) -> bytes:
        diff_ids = [str(Digest.of(data)) for data in self.layers]
        document = {
            "architecture": "amd64",
            "os": "linux",
            "comment": self.comment,
            "rootfs": {"type": "layers", "diff_ids": diff_ids},
        }
        return json.dumps(document).encode()

    @property
    def manifest(self) -> bytes:
        config = Descriptor(media_types.IMAGE_CONFIG, Digest.of(self.config), len(self.config))
        return image_manifest(
            config,
            [Descriptor(media_types.LAYER_TAR, Digest.of(data), len(data)) for data in self.layers],
        )

    @property
    def digest(self) -> Digest:
        return Digest.of(self.manifest)

    @property
    def descriptor(self) -> Descriptor:
        return Descriptor(media_types.IMAGE_MANIFEST, self.digest, len(self.manifest))

    def docker_files(self, *tags: str, zipped: bool = False) -> dict[str, bytes]:
        """What `docker save` of an engine before 25 writes."""
        files: dict[str, bytes] = {}
        names = []
        for number, data in enumerate(self.layers):
            name = f"{number:064x}/layer.tar"
            files[f"{number:064x}/VERSION"] = b"1.0"
            files[f"{number:064x}/json"] = b"{}"
            files[name] = gzip.compress(data, mtime=0) if zipped else data
            names.append(name)
        config = f"{Digest.of(self.config).hex}.json"
        files[config] = self.config
        entry = {"Config": config, "RepoTags": list(tags), "Layers": names}
        files["manifest.json"] = json.dumps([entry]).encode()
        return files

    def layout_files(self, *names: str) -> dict[str, bytes]:
        """An OCI image layout with this image under each of the names."""
        blobs = [*self.layers, self.config, self.manifest]
        files = {f"blobs/sha256/{Digest.of(data).hex}": data for data in blobs}
        entries = [self.descriptor.named(name) for name in names] or [self.descriptor]
        files["index.json"] = image_index(entries)
        files["oci-layout"] = b'{"imageLayoutVersion":"1.0.0"}'
        return files


def joined(*groups: dict[str, bytes]) -> dict[str, bytes]:
    """Several images of one form in one archive."""
    files: dict[str, bytes] = {}
    for group in groups:
        files |= group
    for name, key in (("manifest.json", None), ("index.json", "manifests")):
        lists = [json.loads(group[name]) for group in groups if name in group]
        if lists and key is None:
            files[name] = json.dumps([entry for one in lists for entry in one]).encode()
        elif lists and key:
            entries = [entry for one in lists for entry in one[key]]
            files[name] = json.dumps({**lists[0], key: entries}).encode()
    return files


def write(path: Path, files: dict[str, bytes], *, zipped: bool = False) -> Path:
    data = tar(files)
    path.write_bytes(gzip.compress(data, mtime=0) if zipped else data)
    return path


def unfold(path: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(data)
    return path
