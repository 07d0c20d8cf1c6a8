"""Lists of packages for the images of a bundle, each attached to its manifest as a referrer.

Invariant: a list is made once for an image and a generator; equal images get equal referrers,
whatever they are called and wherever they came from.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from champ_offline.bundle.referrers import Layer, attach
from champ_offline.bundle.sbom import syft
from champ_offline.bundle.sbom.document import LIMIT, canonical
from champ_offline.bundle.sbom.shelf import is_image
from champ_offline.bundle.sbom.syft import GeneratorFailed
from champ_offline.durable.write import make_directory, write_atomic
from champ_offline.errors import Phrase
from champ_offline.events import Progress, StepFinished, StepStarted, Subscriber
from champ_offline.oci import media_types
from champ_offline.oci.descriptor import REF_NAME, Descriptor
from champ_offline.oci.digest import Digest
from champ_offline.oci.manifest import Manifest, encode
from champ_offline.store.blobs import BlobStore

# Part of the name of what is kept: it changes when `canonical` gives another form.
FORM = 1
STEP = "sbom"
TITLE = "org.opencontainers.image.title"
_FILE = "sbom.cdx.json"


class Attacher:
    """Makes referrers for images whose blobs lie in the packer's cache.

    Raises GeneratorMissing at once where this installation cannot make any.
    """

    def __init__(self, cache: Path, blobs: BlobStore) -> None:
        self._folder, self._blobs = cache / "sbom", blobs
        self._generator = syft.version()

    def attach(self, manifests: Iterable[Descriptor], notify: Subscriber) -> tuple[Descriptor, ...]:
        """One referrer for each distinct image; raises GeneratorMissing, GeneratorFailed.

        What has no layers of files (a chart, an app) gets none.
        """
        found: dict[Digest, Descriptor] = {}
        for manifest in manifests:
            if is_image(Manifest.from_bytes(self._blobs.read(manifest.digest))):
                found.setdefault(manifest.digest, manifest)
        referrers = []
        for done, image in enumerate(found.values()):
            name = image.annotations.get(REF_NAME, str(image.digest))
            notify(Progress(STEP, done, len(found), unit="images", subject=name))
            referrers.append(self._referrer(image, name, notify))
        return tuple(referrers)

    def _referrer(self, manifest: Descriptor, name: str, notify: Subscriber) -> Descriptor:
        kept = self._folder / self._key(manifest.digest)
        document = self._kept(kept)
        if document is None:
            notify(StepStarted(STEP, name))
            document = self._scanned(manifest, name)
            make_directory(self._folder)
            write_atomic(kept, str(self._blobs.add(document)).encode())
            notify(StepFinished(STEP, name))
        layer = Layer(media_types.CYCLONEDX, document, {TITLE: _FILE})
        return attach(self._blobs, media_types.CYCLONEDX, [layer], manifest, {})

    def _scanned(self, manifest: Descriptor, name: str) -> bytes:
        raw = syft.scan(manifest.named(name), self._blobs, self._folder / "rooms")
        document = canonical(raw, manifest.digest)
        if len(document) > LIMIT:
            raise GeneratorFailed(
                image=name, reason=Phrase("the list has more than {limit} bytes", limit=LIMIT)
            )
        return document

    def _kept(self, record: Path) -> bytes | None:
        """What was made before, if it is still there whole."""
        if not record.is_file():
            return None
        digest = Digest.parse(record.read_text("ascii", "replace"))
        self._blobs.keep_sound([digest])
        return self._blobs.read(digest, LIMIT) if self._blobs.has(digest) else None

    def _key(self, image: Digest) -> str:
        return Digest.of(encode([FORM, self._generator, str(image)])).hex
