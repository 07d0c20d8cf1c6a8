"""The part of a recipe's lock that pins one Debian image: every package by its SHA-256.

Invariant: with the same description, two equal locks build the same manifest digest; a lock names
no mirror and no path of this machine.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any

from champ_offline.bundle.debian.errors import LockMalformed
from champ_offline.oci.digest import Digest

FORMAT = 1
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class LockedPackage:
    """One binary package; `path` is its address under the archive of its suite, `size` in bytes."""

    name: str
    version: str
    architecture: str
    suite: str
    path: str
    size: int
    sha256: str


@dataclass(frozen=True)
class LockedLayer:
    """The packages of one layer, sorted by name; layers below hold what else they need."""

    name: str
    packages: tuple[LockedPackage, ...]


@dataclass(frozen=True)
class DebianLock:
    """All layers in order.

    `epoch` (seconds since 1970) is when the newest index used was signed: the image's "created" and
    the upper bound of all times in it. `compressor` is what `compress.identity` gives.
    """

    description: Digest
    suite: str
    epoch: int
    compressor: str
    layers: tuple[LockedLayer, ...]

    def to_document(self) -> dict[str, Any]:
        """The lock as a JSON or YAML object."""
        return {
            "format": FORMAT,
            "description": str(self.description),
            "suite": self.suite,
            "epoch": self.epoch,
            "compressor": self.compressor,
            "layers": [
                {"name": layer.name, "packages": [asdict(package) for package in layer.packages]}
                for layer in self.layers
            ],
        }

    @classmethod
    def from_document(cls, document: object) -> DebianLock:
        """Read what `to_document` gave; raises LockMalformed, InvalidDigest."""
        top = _table(document, "debian")
        if top.get("format") != FORMAT:
            raise LockMalformed(key="format")
        layers = []
        for row in _list(top, "layers"):
            layer = _table(row, "layers")
            packages = tuple(_package(item) for item in _list(layer, "packages"))
            layers.append(LockedLayer(_text(layer, "name"), packages))
        return cls(
            description=Digest.parse(top.get("description")),
            suite=_text(top, "suite"),
            epoch=_number(top, "epoch"),
            compressor=_text(top, "compressor"),
            layers=tuple(layers),
        )


def _package(document: object) -> LockedPackage:
    row = _table(document, "packages")
    texts = {key: _text(row, key) for key in ("name", "version", "architecture", "suite", "path")}
    sha256 = _text(row, "sha256")
    if _SHA256.fullmatch(sha256) is None:
        raise LockMalformed(key="sha256")
    return LockedPackage(**texts, size=_number(row, "size"), sha256=sha256)


def _table(value: object, key: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise LockMalformed(key=key)
    return value


def _list(row: dict[str, Any], key: str) -> list[Any]:
    value = row.get(key)
    if not isinstance(value, list):
        raise LockMalformed(key=key)
    return value


def _text(row: dict[str, Any], key: str) -> str:
    value = row.get(key)
    if not isinstance(value, str) or not value:
        raise LockMalformed(key=key)
    return value


def _number(row: dict[str, Any], key: str) -> int:
    value = row.get(key)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise LockMalformed(key=key)
    return value
