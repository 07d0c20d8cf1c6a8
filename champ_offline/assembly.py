"""What a recipe comes to: pinned in a lock, and assembled in the cache as a bundle's contents.

Invariant: what is assembled is exactly what the lock pins, the apps in it were proven complete
before an image was fetched, and everything in it is signed for others.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from securesystemslib.signer import Signer

from champ_offline.bundle.charts import chart_artifact, pack_chart
from champ_offline.bundle.document import Content
from champ_offline.bundle.layout import Contents
from champ_offline.bundle.lock import Lock, LockedArtifact, LockOutdated
from champ_offline.bundle.origin import Origins
from champ_offline.bundle.recipe import AppEntry, Recipe
from champ_offline.bundle.sbom.attach import Attacher
from champ_offline.bundle.signatures import sign
from champ_offline.catalog.artifact import read_app, write_app
from champ_offline.catalog.entry import AppSource
from champ_offline.errors import Phrase
from champ_offline.events import Subscriber
from champ_offline.oci import media_types
from champ_offline.oci.descriptor import Descriptor
from champ_offline.oci.digest import Digest
from champ_offline.oci.manifest import Manifest
from champ_offline.release.images.completeness import Proof, prove
from champ_offline.store.blobs import BlobStore
from champ_offline.trust import keys

OWN_REGISTRY = "champ.local"


@dataclass(frozen=True)
class Assembled:
    """The contents of a bundle, in the cache, and what was rendered to prove it complete."""

    contents: Contents
    proof: Proof


class Assembly:
    """One recipe's way to the contents of a bundle, by way of a cache folder."""

    def __init__(self, cache: Path, recipe: Path) -> None:
        """Raises the errors of reading a recipe."""
        self._cache, self._recipe = cache, Recipe.from_file(recipe)
        self.blobs = BlobStore(cache / "blobs")
        self._digest = Digest.of(recipe.read_bytes())

    def pin(self, notify: Subscriber) -> Lock:
        """A lock of everything the recipe names, as it is today."""
        origins = Origins(self._cache, self.blobs)
        images = tuple(origins.lock(entry, notify) for entry in self._recipe.images)
        charts, apps = self._artifacts({image.name: image.digest for image in images})
        return Lock(
            recipe=self._digest,
            images=images,
            charts=tuple(LockedArtifact(name, d.digest) for name, d in charts.items()),
            apps=tuple(LockedArtifact(name, d.digest) for name, d in apps.items()),
        )

    def locked(self, path: Path | None) -> Lock:
        """The lock in a file, or beside the recipe; raises LockOutdated for another recipe's."""
        lock = Lock.from_file(path or self._recipe.path.with_name("bundle.lock"))
        if lock.recipe != self._digest:
            raise LockOutdated(path=self._recipe.path, what=Phrase("the recipe was edited"))
        return lock

    def assemble(
        self, lock: Lock, images_key: Signer, notify: Subscriber, *, sboms: bool
    ) -> Assembled:
        """Exactly what the lock says; with `sboms` every image gets a list of its packages.

        Raises GeneratorMissing, LockOutdated, GeneratorFailed, and the errors of
        `release.images.completeness` and sources.
        """
        attacher = Attacher(self._cache, self.blobs) if sboms else None
        charts, apps = self._pinned(lock)
        proof = self._proof(lock, apps, notify)
        contents = self._contents(lock, charts | apps, notify)
        if attacher is not None:
            referrers = attacher.attach(contents.descriptors, notify)
            contents = replace(contents, referrers=(*contents.referrers, *referrers))
        return Assembled(self._signed(contents, images_key), proof)

    def _pinned(self, lock: Lock) -> tuple[dict[str, Descriptor], dict[str, Descriptor]]:
        """The recipe's charts and apps, which are those of the lock; raises LockOutdated."""
        for entry in self._recipe.images:
            if lock.image(str(entry.name)) is None:
                raise LockOutdated(
                    path=self._recipe.path,
                    what=Phrase("{name} is not in the lock", name=entry.name),
                )
        digests = {image.name: image.digest for image in lock.images}
        charts, apps = self._artifacts(digests)
        _confirm(self._recipe.path, lock.charts, charts)
        _confirm(self._recipe.path, lock.apps, apps)
        return charts, apps

    def _proof(self, lock: Lock, apps: dict[str, Descriptor], notify: Subscriber) -> Proof:
        # Imported here: the other verbs need neither jsonschema nor templates.
        from champ_offline.helm.remote import OfflineRenderer
        from champ_offline.release.images.subject import read_subject

        subjects = []
        for entry in self._recipe.apps:
            source = AppSource.from_file(entry.path / "app.yaml")
            app = read_app(self.blobs.read, apps[_app_name(source, entry)])
            subjects.append(read_subject(source, app, self.blobs))
        with OfflineRenderer() as renderer:
            digests = {image.name: image.digest for image in lock.images}
            return prove(tuple(subjects), digests, renderer, notify)

    def _contents(
        self, lock: Lock, artifacts: dict[str, Descriptor], notify: Subscriber
    ) -> Contents:
        origins = Origins(self._cache, self.blobs)
        images: list[Descriptor] = []
        for entry in self._recipe.images:
            locked = lock.image(str(entry.name))
            if locked is not None:
                images.append(origins.fetch(entry, locked, notify).named(locked.name))
        return Contents(
            name=self._recipe.name,
            version=self._recipe.version,
            zones=self._recipe.zones,
            descriptors=(*images, *(d.named(name) for name, d in artifacts.items())),
            apps=tuple(
                _shown(self.blobs, descriptor)
                for descriptor in artifacts.values()
                if descriptor.artifact_type == media_types.APP
            ),
            images=tuple(image.name for image in lock.images),
        )

    def _signed(self, contents: Contents, signer: Signer) -> Contents:
        """The contents, everything in them signed for others under the names it has."""
        made = sign(self.blobs, contents.descriptors, contents.referrers, signer)
        return replace(
            contents,
            descriptors=(*contents.descriptors, *made.tagged),
            referrers=(*contents.referrers, *made.referrers),
            image_key=keys.public_pem(signer.public_key).decode(),
        )

    def _artifacts(
        self, images: dict[str, Digest]
    ) -> tuple[dict[str, Descriptor], dict[str, Descriptor]]:
        """Charts and apps of the recipe as OCI artifacts in the cache, by their name."""
        charts: dict[str, Descriptor] = {}
        apps: dict[str, Descriptor] = {}
        for path in self._recipe.charts:
            chart = chart_artifact(pack_chart(path), self.blobs)
            charts[_chart_name(self.blobs, chart)] = chart
        for entry in self._recipe.apps:
            self._app(entry, images, charts, apps)
        return charts, apps

    def _app(
        self,
        entry: AppEntry,
        images: dict[str, Digest],
        charts: dict[str, Descriptor],
        apps: dict[str, Descriptor],
    ) -> None:
        source = AppSource.from_file(entry.path / "app.yaml")
        chart = chart_artifact(pack_chart(source.chart, entry.version), self.blobs)
        charts[_chart_name(self.blobs, chart)] = chart
        app = write_app(source, entry.version, chart, images, self.blobs)
        apps[_app_name(source, entry)] = app


def _app_name(source: AppSource, entry: AppEntry) -> str:
    return f"{OWN_REGISTRY}/apps/{source.name}:{entry.version}"


def _chart_name(blobs: BlobStore, chart: Descriptor) -> str:
    """The chart's name in the zone; "+" is "_" in tags, as Helm does it."""
    notes = Manifest.from_bytes(blobs.read(chart.digest)).annotations
    name = notes["org.opencontainers.image.title"]
    version = notes["org.opencontainers.image.version"].replace("+", "_")
    return f"{OWN_REGISTRY}/charts/{name}:{version}"


def _confirm(
    recipe: Path, locked: tuple[LockedArtifact, ...], found: dict[str, Descriptor]
) -> None:
    expected = {artifact.name: artifact.digest for artifact in locked}
    for name, descriptor in found.items():
        if expected.get(name) != descriptor.digest:
            raise LockOutdated(path=recipe, what=Phrase("{name} was edited since", name=name))


def _shown(blobs: BlobStore, descriptor: Descriptor) -> Content:
    app = read_app(blobs.read, descriptor)
    return Content(app.name, app.version, dict(app.title))
