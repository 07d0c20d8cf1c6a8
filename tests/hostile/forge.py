"""A packer with good keys that packs whatever it is told to, well formed or not."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from champ_offline.bundle.volume import TRAILER, header, padding
from champ_offline.oci import media_types
from champ_offline.oci.descriptor import REF_NAME
from champ_offline.oci.digest import Digest
from champ_offline.oci.manifest import encode
from champ_offline.trust.documents import (
    INSTALLER,
    Documents,
    SignedFile,
    Signers,
    make_documents,
)
from tests.unit.trust.signing import Holder, first_root, signers_of

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
Json = dict[str, Any]
Row = tuple[list[Any], bytes]


@dataclass
class Keys:
    """A root and everybody's keys."""

    holder: Holder
    root: bytes
    signers: Signers

    @classmethod
    def make(cls, now: datetime = NOW) -> Keys:
        holder = Holder("Release team")
        return cls(holder, first_root([holder], now), signers_of(holder))


def nothing(_document: Json) -> None:
    """Leave a document as it is."""


def same(data: bytes) -> bytes:
    """Leave bytes as they are."""
    return data


@dataclass
class Forge:
    """One bundle in the making; every part of it can be changed before it is signed.

    `edit_*` change a document's values, `raw_*` its bytes, both below the signature.
    """

    medium: Path
    keys: Keys
    name: str = "demo"
    version: str = "1"
    now: datetime = NOW
    blobs: dict[str, bytes] = field(default_factory=dict)
    entries: list[Json] = field(default_factory=list)
    volumes: list[list[Row]] = field(default_factory=list)
    roots: list[bytes] = field(default_factory=list)
    edit_document: Callable[[Json], None] = nothing
    raw_document: Callable[[bytes], bytes] = same
    edit_index: Callable[[Json], None] = nothing
    raw_index: Callable[[bytes], bytes] = same
    raw_layout_index: Callable[[bytes], bytes] = same
    parity: int = 0
    installer: bytes = b""

    def __post_init__(self) -> None:
        self.image("champ.local/first:1", b"first layer" * 40)

    @property
    def folder(self) -> Path:
        return self.medium / "champ" / f"{self.name}-{self.version}"

    def volume(self, number: int = 1) -> Path:
        return self.folder / f"{self.name}-{self.version}.{number:04}.tar"

    def put(self, data: bytes, media_type: str = media_types.LAYER_TAR) -> Json:
        """Carry a blob; its descriptor."""
        digest = Digest.of(data)
        self.blobs[digest.hex] = data
        return {"mediaType": media_type, "digest": str(digest), "size": len(data)}

    def manifest(self, *layers: bytes, **changes: Any) -> Json:
        """Carry an image manifest over layers, its keys changed; its descriptor."""
        document = {
            "schemaVersion": 2,
            "mediaType": media_types.IMAGE_MANIFEST,
            "config": self.put(b"{}", media_types.IMAGE_CONFIG),
            "layers": [self.put(layer) for layer in layers],
            **changes,
        }
        return self.put(json.dumps(document).encode(), media_types.IMAGE_MANIFEST)

    def index(self, *manifests: Json, **changes: Any) -> Json:
        """Carry an image index; its descriptor."""
        document = {"schemaVersion": 2, "mediaType": media_types.IMAGE_INDEX}
        whole = {**document, "manifests": list(manifests), **changes}
        return self.put(json.dumps(whole).encode(), media_types.IMAGE_INDEX)

    def lead(self, descriptor: Json, name: str = "") -> None:
        """Lead to content from index.json."""
        named = {"annotations": {REF_NAME: name}} if name else {}
        self.entries.append({**descriptor, **named})

    def image(self, name: str, *layers: bytes, **changes: Any) -> None:
        self.lead(self.manifest(*layers, **changes), name)

    def plan(self) -> list[Row]:
        """Put everything into one volume, which a case may then rearrange."""
        layout = encode({"imageLayoutVersion": "1.0.0"})
        index = {"schemaVersion": 2, "mediaType": media_types.IMAGE_INDEX}
        top = self.raw_layout_index(encode({**index, "manifests": self.entries}))
        rows = [row("oci-layout", layout), row("index.json", top)]
        rows += [row(f"blobs/sha256/{hexes}", data) for hexes, data in self.blobs.items()]
        self.volumes = [rows]
        return rows

    def write(self) -> Forge:
        """Sign it all and write it to the medium."""
        if not self.volumes:
            self.plan()
        (self.folder / "volumes").mkdir(parents=True)
        (self.folder / "metadata").mkdir()
        own = Digest.of(encode([[r for r, _data in rows] for rows in self.volumes]))
        entries = [self._volume(n, rows, own) for n, rows in enumerate(self.volumes, start=1)]
        document = self._document(entries, own)
        self.edit_document(document)
        data = self.raw_document(encode(document))
        (self.folder / "bundle.json").write_bytes(data)
        self.sign(data)
        return self

    def sign(self, data: bytes) -> Documents:
        version = int(self.now.timestamp() * 1000)
        roots = tuple(self.roots or [self.keys.root])
        carried = SignedFile(len(self.installer), Digest.of(self.installer))
        installer = carried if self.installer else None
        if self.installer:
            (self.medium / INSTALLER).write_bytes(self.installer)
        documents = make_documents(roots, self.keys.signers, data, version, self.now, installer)
        self.write_trust(documents)
        return documents

    def write_trust(self, documents: Documents) -> None:
        for number, root in enumerate(documents.roots, start=1):
            (self.folder / f"metadata/{number}.root.json").write_bytes(root)
        for name in ("targets", "snapshot", "timestamp"):
            (self.folder / f"metadata/{name}.json").write_bytes(getattr(documents, name))

    def _volume(self, number: int, rows: list[Row], own: Digest) -> list[Any]:
        document = {
            "format": 1,
            "bundle": self.name,
            "version": self.version,
            "set": str(own),
            "number": number,
            "members": [[*one] for one, _data in rows],
        }
        self.edit_index(document)
        index = self.raw_index(encode(document))
        parts = [member(f"volumes/{number:04}.json", index)]
        parts += [member(one[0], data) for one, data in rows]
        data = b"".join([*parts, TRAILER])
        self.volume(number).write_bytes(data)
        (self.folder / f"volumes/{number:04}.json").write_bytes(index)
        first = rows[0][0][2] if rows else str(Digest.of(b""))
        return [number, len(data), len(index), str(Digest.of(index)), first]

    def _document(self, entries: list[list[Any]], own: Digest) -> Json:
        rows = [one for volume in self.volumes for one in volume]
        sizes = {
            r[0].split(".")[0]: r[4] if len(r) > 4 else r[1] for r, _ in rows if "sha256/" in r[0]
        }
        top = next((data for one, data in rows if one[0] == "index.json"), b"")
        index = {"mediaType": media_types.IMAGE_INDEX, "digest": str(Digest.of(top))}
        return {
            "format": 1,
            "name": self.name,
            "version": self.version,
            "created": self.now.isoformat(timespec="seconds"),
            "zones": ["core"],
            "index": {**index, "size": len(top)},
            "blobs": len(sizes),
            "size": sum(sizes.values()),
            "set": str(own),
            "volumes": entries,
            "apps": [{"name": "demo", "version": "1", "title": {"en": "Demo"}}],
            "images": [
                entry["annotations"][REF_NAME] for entry in self.entries if "annotations" in entry
            ],
            "image_key": "",
            "parity": self.parity,
        }


def row(name: str, data: bytes, *more: int) -> Row:
    """A volume index's row and its content."""
    return [name, len(data), str(Digest.of(data)), *more], data


def member(name: str, data: bytes) -> bytes:
    """A member of a tar; names that ustar cannot hold are cut off."""
    return header(name[:90], len(data)) + data + bytes(padding(len(data)))
