"""bundle.yaml: what a release engineer wants in a bundle (FORMAT.md, "The recipe").

Invariant: unknown keys, wrong types and doubled names are refused with file, line and key; paths in
a recipe are relative to its folder.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from champ_offline.bundle.names import NAME, VERSION
from champ_offline.durable import typed_yaml
from champ_offline.durable.typed_yaml import Node
from champ_offline.oci.reference import InvalidReference, Reference

_FORMAT = 1
_A_VERSION = (
    "a version of at most 64 letters, digits and . + ~ -, beginning with a letter or digit, such"
    ' as "1.10.1"'
)


@dataclass(frozen=True)
class FromRegistry:
    """An image in an OCI registry; `reference` is where it is pulled from."""

    reference: str
    plain_http: bool = False
    ca_file: Path | None = None
    platform: str = "linux/amd64"


@dataclass(frozen=True)
class FromDocker:
    """An image in a Docker engine, by the name the engine knows; empty host: the environment's."""

    reference: str
    host: str = ""


@dataclass(frozen=True)
class FromArchive:
    """An image in a `docker save` tar or an OCI layout (folder or tar)."""

    path: Path
    image: str = ""


@dataclass(frozen=True)
class FromDebian:
    """An image built from Debian packages; `description` is its YAML file."""

    description: Path


Source: TypeAlias = FromRegistry | FromDocker | FromArchive | FromDebian


@dataclass(frozen=True)
class ImageEntry:
    """An image and the name it is to have in the zone."""

    name: Reference
    source: Source


@dataclass(frozen=True)
class AppEntry:
    """A preset's folder and the version of it to carry."""

    path: Path
    version: str


@dataclass(frozen=True)
class Recipe:
    """A parsed bundle.yaml; `zones` empty means any zone."""

    path: Path
    name: str
    version: str
    zones: tuple[str, ...]
    images: tuple[ImageEntry, ...]
    apps: tuple[AppEntry, ...]
    charts: tuple[Path, ...]

    @classmethod
    def from_file(cls, path: Path) -> Recipe:
        """Read a recipe; raises the errors of `typed_yaml`."""
        root = typed_yaml.read(path).table(
            "format", "name", "version", "zones", "images", "apps", "charts"
        )
        root["format"].integer(_FORMAT, _FORMAT)
        folder = path.parent
        return cls(
            path=path,
            name=root["name"].text(NAME, "a name of lower-case letters, digits, dots and dashes"),
            version=root["version"].text(VERSION, _A_VERSION),
            zones=tuple(root.get("zones", []).texts(NAME, "a zone's name")),
            images=_images(root.get("images", []), folder),
            apps=tuple(_app(node, folder) for node in root.get("apps", []).items()),
            charts=tuple(folder / text for text in root.get("charts", []).texts()),
        )


def _images(node: Node, folder: Path) -> tuple[ImageEntry, ...]:
    images: dict[Reference, ImageEntry] = {}
    for item in node.items():
        row = item.table("name", "registry", "docker", "archive", "debian")
        name = _reference(row["name"])
        if name in images:
            raise row["name"].refuse("a name that no other image of this recipe has")
        kinds = [kind for kind in _READERS if kind in row]
        if len(kinds) != 1:
            raise item.refuse("exactly one source: {sources}", sources=", ".join(_READERS))
        images[name] = ImageEntry(name, _READERS[kinds[0]](row[kinds[0]], folder))
    return tuple(images.values())


def _reference(node: Node) -> Reference:
    try:
        reference = Reference.parse(node.text())
    except InvalidReference as error:
        raise node.refuse("an image reference such as docker.io/library/nginx:1.27") from error
    if reference.digest is not None:
        raise node.refuse("a name with a tag; digests are found by `champ lock`")
    return reference


def _app(node: Node, folder: Path) -> AppEntry:
    row = node.table("path", "version")
    return AppEntry(folder / row["path"].text(), row["version"].text(VERSION, _A_VERSION))


def _registry(node: Node, folder: Path) -> Source:
    row = node.table("reference", "plain_http", "ca_file", "platform")
    ca_file = row.get("ca_file", "").text()
    return FromRegistry(
        reference=str(_reference(row["reference"])),
        plain_http=row.get("plain_http", False).boolean(),
        ca_file=folder / ca_file if ca_file else None,
        platform=row.get("platform", "linux/amd64").text(),
    )


def _docker(node: Node, _folder: Path) -> Source:
    row = node.table("reference", "host")
    return FromDocker(row["reference"].text(), row.get("host", "").text())


def _archive(node: Node, folder: Path) -> Source:
    row = node.table("path", "image")
    return FromArchive(folder / row["path"].text(), row.get("image", "").text())


def _debian(node: Node, folder: Path) -> Source:
    return FromDebian(folder / node.table("description")["description"].text())


_READERS = {
    "registry": _registry,
    "docker": _docker,
    "archive": _archive,
    "debian": _debian,
}
