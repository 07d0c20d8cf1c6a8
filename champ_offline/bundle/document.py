"""bundle.json: what the signatures vouch for (FORMAT.md, "The bundle document").

Invariant: an instance came from `from_bytes`, so every name, size and digest in it has been checked
for form; volume names are made from the bundle's own name, never read as paths.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from champ_offline.bundle.errors import DocumentMalformed, NewerFormat
from champ_offline.bundle.names import NAME, VERSION, format_number, text, texts
from champ_offline.bundle.parity.layout import LEAST_SHARE, MOST_SHARE
from champ_offline.bundle.volume import INDEX_LIMIT, INDEXES_LIMIT, MOST_VOLUMES
from champ_offline.errors import ChampError, Phrase, Unfit
from champ_offline.oci.descriptor import Descriptor
from champ_offline.oci.digest import Digest
from champ_offline.oci.manifest import encode
from champ_offline.oci.strict_json import canonical, wrong_in

FORMAT = 1
LIMIT = 16 * 1024 * 1024
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\+00:00")
_TITLES = re.compile(r"en|zh")
# SubjectPublicKeyInfo as PEM (RFC 7468, section 13), or nothing; shown to people as it stands.
_PUBLIC_KEY = re.compile(
    r"(?:-----BEGIN PUBLIC KEY-----\n(?:[A-Za-z0-9+/=]{1,64}\n){1,16}-----END PUBLIC KEY-----\n)?"
)


@dataclass(frozen=True)
class VolumeEntry:
    """A volume as the bundle document announces it; `first` is its first member's digest.

    Sizes in bytes. `index_digest` is the SHA-256 of the volume's index.
    """

    number: int
    size: int
    index_size: int
    index_digest: Digest
    first: Digest


@dataclass(frozen=True)
class Content:
    """An app or image as shown to a person before the import."""

    name: str
    version: str
    title: dict[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class BundleDocument:
    """Everything a bundle says of itself.

    `zones` is empty when the bundle is for any zone; `created` is an ISO 8601 time in UTC; `blobs`
    and `size` count the distinct blobs and their bytes; `index` points at the layout's index.json;
    `image_key` is the PEM of the key that signed the images, empty where none did; `parity` is the
    share of parity beside each volume in percent, 0 where there is none;
    `volume_set` is what every volume of this bundle names in its index.
    """

    name: str
    version: str
    created: str
    zones: tuple[str, ...]
    index: Descriptor
    blobs: int
    size: int
    volume_set: Digest
    volumes: tuple[VolumeEntry, ...]
    apps: tuple[Content, ...]
    images: tuple[str, ...]
    image_key: str = ""
    parity: int = 0

    def volume_name(self, entry: VolumeEntry) -> str:
        """The file name of a volume, made only of checked characters."""
        return f"{self.name}-{self.version}.{entry.number:04}.tar"

    def parity_name(self, entry: VolumeEntry) -> str:
        """The name of the file beside the volume that holds its parity."""
        return f"{self.name}-{self.version}.{entry.number:04}.par"

    def to_bytes(self) -> bytes:
        """The document as canonical JSON."""
        return encode(
            {
                "format": FORMAT,
                "name": self.name,
                "version": self.version,
                "created": self.created,
                "zones": list(self.zones),
                "index": self.index.to_document(),
                "blobs": self.blobs,
                "size": self.size,
                "set": str(self.volume_set),
                "volumes": [
                    [v.number, v.size, v.index_size, str(v.index_digest), str(v.first)]
                    for v in self.volumes
                ],
                "apps": [
                    {"name": app.name, "version": app.version, "title": app.title}
                    for app in self.apps
                ],
                "images": list(self.images),
                "image_key": self.image_key,
                "parity": self.parity,
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes, where: str) -> BundleDocument:
        """Read the document; raises NewerFormat, DocumentMalformed."""
        try:
            document = canonical(data)
            found = format_number(document["format"])
            if found == FORMAT:
                return _read(document)
        except (ValueError, TypeError, KeyError, ChampError) as error:
            reason = wrong_in(error)
            raise DocumentMalformed(
                where=where, kind=Phrase("bundle document"), reason=reason
            ) from error
        raise NewerFormat(where=where, found=found, known=FORMAT)


def _read(document: dict[str, Any]) -> BundleDocument:
    return BundleDocument(
        name=text(document["name"], NAME),
        version=text(document["version"], VERSION),
        created=text(document["created"], _TIME),
        zones=texts(document["zones"], NAME),
        index=Descriptor.from_document(document["index"]),
        blobs=_count(document["blobs"]),
        size=_count(document["size"]),
        volume_set=Digest.parse(document["set"]),
        volumes=_volumes(document["volumes"]),
        apps=tuple(_content(app) for app in document["apps"]),
        images=texts(document["images"]),
        image_key=text(document.get("image_key", ""), _PUBLIC_KEY),
        parity=_share(document.get("parity", 0)),
    )


def _content(app: dict[str, Any]) -> Content:
    if not isinstance(app["title"], dict):
        raise Unfit(Phrase("a title is wrong"))
    titles = {text(key, _TITLES): text(title) for key, title in app["title"].items()}
    return Content(text(app["name"]), text(app["version"]), titles)


def _share(percent: object) -> int:
    if type(percent) is not int or not (percent == 0 or LEAST_SHARE <= percent <= MOST_SHARE):
        raise Unfit(Phrase("the share of parity is wrong"))
    return percent


def _volumes(rows: list[Any]) -> tuple[VolumeEntry, ...]:
    if not 1 <= len(rows) <= MOST_VOLUMES:
        raise Unfit(Phrase("the number of volumes is wrong"))
    volumes = tuple(
        VolumeEntry(
            _count(number),
            _count(size),
            _count(index_size),
            Digest.parse(digest),
            Digest.parse(first),
        )
        for number, size, index_size, digest, first in rows
    )
    if [volume.number for volume in volumes] != list(range(1, len(volumes) + 1)):
        raise Unfit(Phrase("the numbers of its volumes do not run from 1 on"))
    too_large = any(v.index_size > INDEX_LIMIT for v in volumes)
    if too_large or sum(v.index_size for v in volumes) > INDEXES_LIMIT:
        raise Unfit(Phrase("its volumes’ indexes are too large"))
    return volumes


def _count(value: object) -> int:
    if type(value) is not int or value < 0:
        raise Unfit(Phrase("a number is wrong"))
    return value
