"""Which packages run where: lists of packages joined with the catalog's apps and the releases.

Invariant: an image is joined by its digest alone, never by a name; a release's images are those of
the plan that made its present revision.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

from champ_offline.bundle.sbom.document import Component
from champ_offline.bundle.sbom.shelf import Image, Shelf
from champ_offline.bundle.sbom.versions import Constraint
from champ_offline.catalog.index import Catalog
from champ_offline.errors import ChampError, ExitCode
from champ_offline.oci.digest import Digest
from champ_offline.release.records.history import History
from champ_offline.release.records.recorded import recorded
from champ_offline.release.records.vault import Vault

_Item = TypeVar("_Item")


class PackageUnknown(ChampError):
    """No image of the zone lists such a package, and every image has a list."""

    id = "sbom.package-unknown"
    exit_code = ExitCode.NOT_FOUND
    message = "No image in this zone has “{wanted}” (lists of packages searched: {searched})."
    remedy = "Any part of a name is enough; without --version every version is found."


class PackageNotListed(PackageUnknown):
    """No list names such a package, and some images have no list."""

    id = "sbom.package-not-listed"
    exit_code = ExitCode.NOT_FOUND
    message = (
        "“{wanted}” was not found (lists of packages searched: {searched}). Images without such a"
        " list may have it: {bare}."
    )
    remedy = (
        "Any part of a name is enough. To know about the images without a list, pack and import"
        " them again, without --no-sbom."
    )


@dataclass(frozen=True)
class App:
    """A version of an app in the catalog."""

    name: str
    version: str


@dataclass(frozen=True)
class Installed:
    """A release in the cluster and the number of its present revision."""

    namespace: str
    release: str
    revision: int


@dataclass(frozen=True)
class Sighting:
    """A package in an image, and who uses that image.

    `type` is that of its package URL; `source` is the Debian source package, else empty.
    """

    package: str
    source: str
    version: str
    type: str
    purl: str
    licences: tuple[str, ...]
    paths: tuple[str, ...]
    image: str
    names: tuple[str, ...]
    digest: Digest
    apps: tuple[App, ...]
    releases: tuple[Installed, ...]


@dataclass(frozen=True)
class Search:
    """What was found; `searched` counts the images with a list, `bare` names those without."""

    sightings: tuple[Sighting, ...]
    searched: int
    bare: tuple[str, ...]


class Packages:
    """Finds packages in the images of one zone."""

    def __init__(self, shelf: Shelf, catalog: Catalog, history: History, vault: Vault) -> None:
        self._shelf, self._catalog = shelf, catalog
        self._history, self._vault = history, vault

    def find(self, text: str, versions: str | None = None) -> Search:
        """Packages with `text` in their name or that of their Debian source, in any case.

        `versions` is a condition such as `<2.17.1`. Raises ConstraintInvalid, PackageUnknown or
        PackageNotListed where no image lists one, SbomMalformed.
        """
        constraint = None if versions is None else Constraint.parse(versions)
        images = self._shelf.images()
        apps, releases = self._apps(), self._releases()
        sightings = [
            _sighting(package, image, apps.get(image.digest, []), releases.get(image.digest, []))
            for image in images
            for package in self._shelf.packages(image, text)
            if constraint is None or constraint.admits(package.version, package.kind)
        ]
        bare = tuple(image.names[0] for image in images if not image.lists)
        searched = len(images) - len(bare)
        if not sightings:
            wanted = f"{text[:200]} {constraint or ''}".strip()
            if bare:
                named = ", ".join(bare)[:1000]
                raise PackageNotListed(searched=searched, wanted=wanted, bare=named)
            raise PackageUnknown(searched=searched, wanted=wanted)
        ordered = sorted(sightings, key=lambda one: (one.package, one.version, one.image, one.purl))
        return Search(tuple(ordered), searched, bare)

    def _apps(self) -> dict[Digest, list[App]]:
        return _grouped(
            (digest, App(entry.name, entry.version))
            for entry in self._catalog.listing().apps
            for digest in self._catalog.image_digests(entry).values()
        )

    def _releases(self) -> dict[Digest, list[Installed]]:
        found = []
        for current in self._history.releases():
            where = (current.namespace, current.release, current.number)
            applied = self._history.one(current.cluster, *where).plan
            plan = recorded(self._vault.get(applied))
            found += [(image.digest, Installed(*where)) for image in plan.images]
        return _grouped(found)


def _grouped(pairs: Iterable[tuple[Digest, _Item]]) -> dict[Digest, list[_Item]]:
    """Each digest's items, each once, in order."""
    found: dict[Digest, dict[_Item, None]] = {}
    for digest, item in pairs:
        found.setdefault(digest, {})[item] = None
    return {digest: list(items) for digest, items in found.items()}


def _sighting(
    package: Component, image: Image, apps: Iterable[App], releases: Iterable[Installed]
) -> Sighting:
    return Sighting(
        package=package.name,
        source=package.source,
        version=package.version,
        type=package.kind,
        purl=package.purl,
        licences=package.licences,
        paths=package.paths,
        image=image.names[0],
        names=image.names,
        digest=image.digest,
        apps=tuple(apps),
        releases=tuple(releases),
    )
