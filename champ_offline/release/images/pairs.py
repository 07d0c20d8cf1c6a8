"""Images in two or three values of one table: `repository` and `tag`, `hub` and `image`.

Invariant: pure; what is joined is a reference by its form, everything else is left to be read as
it stands.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from champ_offline.helm.manifests import Path
from champ_offline.release.images.text import has_tag_or_digest, is_image_key, is_reference

_REGISTRIES = ("registry", "imageRegistry", "image_registry")
_NAMES = ("repository", "image", "imageRepository", "image_repository", "imageName", "baseImage")
_TAGS = ("tag", "imageTag", "image_tag")
_DIGESTS = ("digest", "sha", "imageDigest", "imageSHA")


@dataclass(frozen=True)
class Hub:
    """Where a table says that the images of everything below it are (Istio's hub and tag)."""

    hub: str
    tag: str


def hub(table: Mapping[str, Any]) -> Hub | None:
    """The hub that a table names."""
    found, tag = _text(table, ("hub",)), _text(table, ("tag",))
    return Hub(found, tag) if found and "://" not in found and tag else None


def joined(table: Mapping[str, Any], path: Path, around: Hub | None) -> dict[str, str]:
    """Key of the repository's name -> the whole reference, for each that a table has in parts."""
    found: dict[str, str] = {}
    tag, digest = _text(table, _TAGS), _digest(_text(table, _DIGESTS))
    registry = _text(table, _REGISTRIES)
    for key in _NAMES:
        name = _text(table, (key,))
        if not name or has_tag_or_digest(name):
            continue
        if around and key == "image" and "/" not in name:
            text = f"{around.hub}/{name}:{tag or around.tag}"
        elif tag or digest or registry or (key == "repository" and _of_image(path)):
            text = _whole(registry, name, tag, digest)
        else:
            continue
        if is_reference(text):
            found[key] = text
    return found


def _of_image(path: Path) -> bool:
    return bool(path) and is_image_key(str(path[-1]))


def _whole(registry: str, name: str, tag: str, digest: str) -> str:
    where = f"{registry.rstrip('/')}/" if registry else ""
    return f"{where}{name}{f':{tag}' if tag else ''}{f'@{digest}' if digest else ''}"


def _digest(text: str) -> str:
    return f"sha256:{text}" if text and ":" not in text else text


def _text(table: Mapping[str, Any], keys: tuple[str, ...]) -> str:
    for key in keys:
        value = table.get(key)
        if isinstance(value, str) and value not in {"", "null", "~"}:
            return value
    return ""
