"""What an app consists of: its images, and the packages that the lists with them name.

Invariant: an image without a list is told as such, so that nobody takes it for one without
packages; a package that several images hold counts once for the app.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from champ_offline.bundle.sbom.document import Component
from champ_offline.bundle.sbom.shelf import Shelf
from champ_offline.catalog.entry import AppEntry
from champ_offline.oci.digest import Digest
from champ_offline.particulars.sizes import Sizes

Counts = Mapping[str, int]


@dataclass(frozen=True)
class ImageHeld:
    """An image of an app: bytes with all it leads to, None where the store lacks something.

    `listed` says whether a list of its packages came along; `packages` counts them by kind.
    """

    name: str
    digest: Digest
    size: int | None
    listed: bool
    packages: Counts = field(hash=False)


@dataclass(frozen=True)
class Contents:
    """Images by name; `packages` of all of them by kind, `unlisted` the images without a list."""

    images: tuple[ImageHeld, ...]
    packages: Counts = field(hash=False)

    @property
    def unlisted(self) -> tuple[str, ...]:
        """The images of whose packages nothing is known."""
        return tuple(image.name for image in self.images if not image.listed)


def contents(app: AppEntry, shelf: Shelf, sizes: Sizes) -> Contents:
    """The images of an app as the store holds them; raises SbomMalformed, BlobMissing."""
    images, every = [], set()
    for name, digest in sorted(app.images.items()):
        image = shelf.held(digest, name)
        found = {_known_by(one) for one in shelf.packages(image)}
        every |= found
        listed = bool(image.lists)
        images.append(ImageHeld(name, digest, sizes.image(digest), listed, _counted(found)))
    return Contents(tuple(images), _counted(every))


def _known_by(one: Component) -> tuple[str, str, str]:
    return one.kind, one.name, one.version


def _counted(packages: Iterable[tuple[str, str, str]]) -> dict[str, int]:
    """How many of each kind, the commonest first."""
    found = Counter(kind for kind, _, _ in packages)
    return dict(sorted(found.items(), key=lambda pair: (-pair[1], pair[0])))
