"""Which public keys signed the images of some bundles, as their signed documents say.

Invariant: a key is told only from a document that TUF's signatures vouched for.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from champ_offline.bundle.document import BundleDocument
from champ_offline.errors import ChampError, ExitCode


class ImageKeyUnknown(ChampError):
    """Nothing says which key signed images."""

    id = "bundle.image-key-unknown"
    exit_code = ExitCode.NOT_FOUND
    message = "No bundle of {where} names a key that signed its images."
    remedy = "Pack again with a folder of keys that has one for images, and import that bundle."


@dataclass(frozen=True)
class ImageKey:
    """A public key as PEM, and the `name version` of the bundles whose images it signed."""

    pem: str
    bundles: tuple[str, ...]


def image_keys(documents: Iterable[BundleDocument], where: object) -> list[ImageKey]:
    """The keys of `documents`, in their order and each once; raises ImageKeyUnknown for none."""
    found: dict[str, list[str]] = {}
    for document in documents:
        if document.image_key:
            named = f"{document.name} {document.version}"
            found.setdefault(document.image_key, []).append(named)
    if not found:
        raise ImageKeyUnknown(where=where)
    return [ImageKey(pem, tuple(bundles)) for pem, bundles in found.items()]
