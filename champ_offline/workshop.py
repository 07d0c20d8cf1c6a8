"""The connected side: locks, packs, and checks of media outside of any zone.

Composition root beside `appliance`: it wires the parts and decides nothing. Every method is one
verb of the command line.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from securesystemslib.signer import Signer

from champ_offline.bundle.charts import chart_artifact, pack_chart
from champ_offline.bundle.divide import Limits
from champ_offline.bundle.document import BundleDocument, Content
from champ_offline.bundle.image_keys import ImageKey, image_keys
from champ_offline.bundle.layout import Contents
from champ_offline.bundle.lock import Lock, LockedArtifact, LockOutdated
from champ_offline.bundle.origin import Origins
from champ_offline.bundle.pack import LARGEST_VOLUME, Packed, Packer
from champ_offline.bundle.recipe import AppEntry, Recipe
from champ_offline.bundle.repair import Repaired, RepairOrder, repair
from champ_offline.bundle.sbom.attach import Attacher
from champ_offline.bundle.signatures import sign
from champ_offline.bundle.verify import VerifiedBundle, read_every_byte, verify
from champ_offline.catalog.artifact import read_app, write_app
from champ_offline.catalog.entry import AppSource
from champ_offline.durable.write import make_directory, write_atomic
from champ_offline.errors import ChampError, ExitCode
from champ_offline.events import Subscriber
from champ_offline.oci import media_types
from champ_offline.oci.descriptor import Descriptor
from champ_offline.oci.digest import Digest
from champ_offline.oci.manifest import Manifest
from champ_offline.paths import cache_directory
from champ_offline.release.completeness import Proof, prove
from champ_offline.store.blobs import BlobStore
from champ_offline.trust import keys
from champ_offline.trust.dates import NO_OVERRIDES, Overrides
from champ_offline.trust.folder import SigningFolder, bundle_signers, common_roots, images_signer
from champ_offline.trust.roots import read_root, read_root_file

OWN_REGISTRY = "champ.local"
FOR_ANY_STICK = Limits(LARGEST_VOLUME)


class NotAFile(ChampError):
    """An output would replace something that is no ordinary file."""

    id = "workshop.not-a-file"
    exit_code = ExitCode.USAGE
    message = "{path} is a device, folder or pipe, not a file."
    remedy = "Name a file to be written."


@dataclass(frozen=True)
class LockSummary:
    """A written lock and what it pins."""

    path: Path
    lock: Lock


@dataclass(frozen=True)
class PackSummary:
    """A packed bundle, and what was rendered to prove it complete."""

    packed: Packed
    proof: Proof


@dataclass(frozen=True)
class VerifySummary:
    """A bundle of which every byte was read and found to be as signed."""

    bundle: VerifiedBundle
    bytes_read: int

    @property
    def document(self) -> BundleDocument:
        """What the bundle says of itself."""
        return self.bundle.document


def now_utc() -> datetime:
    """The clock of this machine."""
    return datetime.now(UTC)


class Workshop:
    """The verbs of the connected side over one cache folder."""

    def __init__(self, cache: Path | None = None, clock: Callable[[], datetime] = now_utc) -> None:
        self._cache = cache or cache_directory()
        self._clock = clock

    def lock(self, recipe: Path, output: Path | None, notify: Subscriber) -> LockSummary:
        """Pin everything `recipe` names; written beside it as bundle.lock, or to `output`."""
        path = output or recipe.with_name("bundle.lock")
        if path.exists() and not path.is_file():
            raise NotAFile(path=path)
        parsed = Recipe.from_file(recipe)
        blobs = self._blobs()
        origins = Origins(self._cache, blobs)
        images = tuple(origins.lock(entry, notify) for entry in parsed.images)
        digests = {image.name: image.digest for image in images}
        charts, apps = self._artifacts(parsed, digests, blobs)
        lock = Lock(
            recipe=Digest.of(recipe.read_bytes()),
            images=images,
            charts=tuple(LockedArtifact(name, d.digest) for name, d in charts.items()),
            apps=tuple(LockedArtifact(name, d.digest) for name, d in apps.items()),
        )
        make_directory(path.parent)
        write_atomic(path, lock.to_bytes())
        return LockSummary(path, lock)

    def pack(
        self,
        recipe: Path,
        lock: Path | None,
        signing: Sequence[Path],
        out: Path,
        notify: Subscriber,
        limits: Limits = FOR_ANY_STICK,
        unlock: keys.Unlock = keys.nobody,
        *,
        sboms: bool = True,
    ) -> PackSummary:
        """Pack exactly what the lock says into a bundle under `out`, signed by all keys there are.

        `signing` are folders of holders, at least one with the roots; `unlock` is asked for the
        passphrase of a folder; with `sboms` every image gets a list of its packages. Before an
        image is fetched and a byte is written, the apps are proven complete. Raises KeysMissing,
        ImagesKeyMissing, GeneratorMissing before that, LockOutdated, GeneratorFailed, and the
        errors of `release.completeness`, sources and packing.
        """
        parsed = Recipe.from_file(recipe)
        locked = Lock.from_file(lock or recipe.with_name("bundle.lock"))
        if locked.recipe != Digest.of(recipe.read_bytes()):
            raise LockOutdated(path=recipe, what="the recipe was edited")
        folders = [SigningFolder(path) for path in signing]
        roots = common_roots(folders)
        signers = bundle_signers(folders, read_root(roots[-1], "root"), unlock)
        images_key = images_signer(folders, unlock)
        attacher = Attacher(self._cache, self._blobs()) if sboms else None
        charts, apps = self._pinned(parsed, locked)
        proof = self._proof(parsed, locked, apps, notify)
        contents = self._contents(parsed, locked, charts | apps, notify)
        if attacher is not None:
            referrers = attacher.attach(contents.descriptors, notify)
            contents = replace(contents, referrers=(*contents.referrers, *referrers))
        contents = self._signed(contents, images_key)
        packer = Packer(self._blobs(), roots, signers)
        return PackSummary(packer.pack(contents, out, limits, self._clock(), notify), proof)

    def verify(
        self,
        media: Sequence[Path],
        root: Path,
        notify: Subscriber,
        overrides: Overrides = NO_OVERRIDES,
    ) -> VerifySummary:
        """Check signatures and every byte of the bundle on the `media` under the root in a file."""
        bundle = verify(media, read_root_file(root), self._clock(), overrides=overrides)
        return VerifySummary(bundle, read_every_byte(bundle, notify))

    def repair(
        self,
        order: RepairOrder,
        root: Path,
        notify: Subscriber,
        overrides: Overrides = NO_OVERRIDES,
    ) -> Repaired:
        """Mend the bundle on a medium in place, under the root in a file; see `bundle.repair`."""
        trusted = read_root_file(root)

        def accept(media: Sequence[Path]) -> VerifiedBundle:
            return verify(media, trusted, self._clock(), overrides=overrides)

        return repair(order, accept, (), notify)

    def image_keys(self, media: Path, root: Path) -> list[ImageKey]:
        """The key that signed the images of the bundle at `media`; raises ImageKeyUnknown.

        Signatures are checked under the root in a file; no volume's content is read.
        """
        return image_keys([verify([media], read_root_file(root), self._clock()).document], media)

    def _pinned(
        self, recipe: Recipe, lock: Lock
    ) -> tuple[dict[str, Descriptor], dict[str, Descriptor]]:
        """The recipe's charts and apps, which are those of the lock; raises LockOutdated."""
        for entry in recipe.images:
            if lock.image(str(entry.name)) is None:
                raise LockOutdated(path=recipe.path, what=f"{entry.name} is not in the lock")
        digests = {image.name: image.digest for image in lock.images}
        charts, apps = self._artifacts(recipe, digests, self._blobs())
        _confirm(recipe.path, lock.charts, charts)
        _confirm(recipe.path, lock.apps, apps)
        return charts, apps

    def _proof(
        self, recipe: Recipe, lock: Lock, apps: dict[str, Descriptor], notify: Subscriber
    ) -> Proof:
        # Imported here: the other verbs need neither jsonschema nor templates.
        from champ_offline.helm.remote import OfflineRenderer
        from champ_offline.release.subject import read_subject

        blobs = self._blobs()
        subjects = []
        for entry in recipe.apps:
            source = AppSource.from_file(entry.path / "app.yaml")
            app = read_app(blobs, apps[_app_name(source, entry)])
            subjects.append(read_subject(source, app, blobs))
        with OfflineRenderer() as renderer:
            digests = {image.name: image.digest for image in lock.images}
            return prove(tuple(subjects), digests, renderer, notify)

    def _contents(
        self, recipe: Recipe, lock: Lock, artifacts: dict[str, Descriptor], notify: Subscriber
    ) -> Contents:
        blobs = self._blobs()
        origins = Origins(self._cache, blobs)
        images: list[Descriptor] = []
        for entry in recipe.images:
            locked = lock.image(str(entry.name))
            if locked is not None:
                images.append(origins.fetch(entry, locked, notify).named(locked.name))
        return Contents(
            name=recipe.name,
            version=recipe.version,
            zones=recipe.zones,
            descriptors=(*images, *(d.named(name) for name, d in artifacts.items())),
            apps=tuple(
                _shown(blobs, descriptor)
                for descriptor in artifacts.values()
                if descriptor.artifact_type == media_types.APP
            ),
            images=tuple(image.name for image in lock.images),
        )

    def _signed(self, contents: Contents, signer: Signer) -> Contents:
        """The contents with signatures for others of everything in them that has a name."""
        made = sign(self._blobs(), contents.descriptors, signer)
        return replace(
            contents,
            descriptors=(*contents.descriptors, *made.tagged),
            referrers=(*contents.referrers, *made.referrers),
            image_key=keys.public_pem(signer.public_key).decode(),
        )

    def _artifacts(
        self, recipe: Recipe, images: dict[str, Digest], blobs: BlobStore
    ) -> tuple[dict[str, Descriptor], dict[str, Descriptor]]:
        """Charts and apps of the recipe as OCI artifacts in the cache, by their name."""
        charts: dict[str, Descriptor] = {}
        apps: dict[str, Descriptor] = {}
        for path in recipe.charts:
            chart = chart_artifact(pack_chart(path), blobs)
            charts[_chart_name(blobs, chart)] = chart
        for entry in recipe.apps:
            self._app(entry, images, blobs, charts, apps)
        return charts, apps

    def _app(
        self,
        entry: AppEntry,
        images: dict[str, Digest],
        blobs: BlobStore,
        charts: dict[str, Descriptor],
        apps: dict[str, Descriptor],
    ) -> None:
        source = AppSource.from_file(entry.path / "app.yaml")
        chart = chart_artifact(pack_chart(source.chart, entry.version), blobs)
        charts[_chart_name(blobs, chart)] = chart
        app = write_app(source, entry.version, chart, images, blobs)
        apps[_app_name(source, entry)] = app

    def _blobs(self) -> BlobStore:
        return BlobStore(self._cache / "blobs")


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
            raise LockOutdated(path=recipe, what=f"{name} was edited since")


def _shown(blobs: BlobStore, descriptor: Descriptor) -> Content:
    app = read_app(blobs, descriptor)
    return Content(app.name, app.version, dict(app.title))
