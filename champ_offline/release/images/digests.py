"""Find every image that rendered objects name, and hold each to one digest of the bundle.

Invariant: either every image is held to a digest that the caller gave, or nothing is returned and
all missing ones are named at once; all other characters of the documents stay as they were.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from champ_offline.errors import ChampError, ExitCode
from champ_offline.helm import manifests
from champ_offline.helm.engine import Document, Rendered
from champ_offline.oci.digest import Digest, InvalidDigest
from champ_offline.oci.reference import InvalidReference, Reference, as_path
from champ_offline.store.blobs import BlobMissing

_CONTAINERS = frozenset({"containers", "initContainers", "ephemeralContainers"})
# API groups that Kubernetes itself serves: there, images are in containers and image volumes only.
_BUILT_IN = frozenset({"", "apps", "batch", "autoscaling", "policy", "extensions"})


class ImagesMissing(ChampError):
    """The chart wants images that the app's bundle does not carry."""

    id = "release.images-missing"
    exit_code = ExitCode.PREFLIGHT
    message = "Nothing was changed: {count} image(s) are not in the bundle: {images}."
    remedy = "Add them to the app's version and pack a new bundle."


class ImagesGone(ChampError):
    """Images that a plan needs are no longer in the zone's store."""

    id = "release.images-gone"
    exit_code = ExitCode.PREFLIGHT
    message = "Nothing was changed: {count} image(s) are no longer in the zone's store: {images}."
    remedy = "Import the bundle that brings them once more, then plan again."


@dataclass(frozen=True, order=True)
class Image:
    """One image of a plan: `name` is its Reference text without digest, `size` in bytes."""

    name: str
    digest: Digest
    size: int


@dataclass(frozen=True)
class Pinned:
    """Documents with every image held to a digest, and which images these are."""

    rendered: Rendered
    images: Mapping[str, Digest]


def pin(rendered: Rendered, known: Mapping[str, Digest], registry: str = "") -> Pinned:
    """Hold every image to its digest in `known`; raises ImagesMissing.

    With `registry` (host:port, or host:port/prefix) references lead there, for sites whose nodes
    have no mirror: `host:port/docker.io/library/nginx@sha256:...`. One that an earlier plan led to
    any registry is taken for the image it was made from, so a rollback leads where this plan does.
    """
    pinning = _Pinning(known, registry)
    changed = replace(
        rendered,
        manifests=tuple(pinning.document(one) for one in rendered.manifests),
        hooks=tuple(pinning.document(one) for one in rendered.hooks),
    )
    if pinning.missing:
        listed = ", ".join(f"{image} ({source})" for image, source in pinning.missing.items())
        raise ImagesMissing(count=len(pinning.missing), images=listed)
    return Pinned(changed, dict(sorted(pinning.used.items())))


def find(documents: Iterable[Document]) -> list[str]:
    """The image texts that documents name, in order, each once."""
    found: dict[str, None] = {}
    for document in documents:
        found |= dict.fromkeys(scalar.value for scalar in positions(document))
    return list(found)


def can_be_held(text: str, known: Mapping[str, Digest]) -> bool:
    """Whether `pin` finds a digest for an image text in `known`."""
    return _Pinning(known, "").pinned(text) is not None


def gone(images: Mapping[str, Digest], size: Callable[[Digest], int]) -> tuple[str, ...]:
    """The names, sorted, of those of which the store lacks anything.

    `size` gives the bytes of an image with all it leads to, and raises BlobMissing.
    """
    found = []
    for name, digest in sorted(images.items()):
        try:
            size(digest)
        except BlobMissing:
            found.append(name)
    return tuple(found)


def refuse_gone(images: Mapping[str, Digest], size: Callable[[Digest], int]) -> None:
    """Raise ImagesGone unless the store has all of every image; `size` as in `gone`."""
    missing = gone(images, size)
    if missing:
        raise ImagesGone(count=len(missing), images=", ".join(missing))


class _Pinning:
    def __init__(self, known: Mapping[str, Digest], registry: str) -> None:
        self._known = known
        self._names = {digest: name for name, digest in sorted(known.items(), reverse=True)}
        self._registry = registry
        self.used: dict[str, Digest] = {}
        self.missing: dict[str, str] = {}

    def document(self, document: Document) -> Document:
        changes = []
        for scalar in positions(document):
            text = self.pinned(scalar.value)
            if text is None:
                self.missing.setdefault(scalar.value[:300], document.source)
            elif text != scalar.value:
                changes.append((scalar, text))
        return replace(document, text=manifests.replace(document.text, changes))

    def pinned(self, text: str) -> str | None:
        """The text held to its digest; None where no digest is known for it."""
        try:
            wanted = Reference.parse(text)
        except (InvalidReference, InvalidDigest):
            return None
        led = self._led(wanted)
        if led is not None:
            original = Reference.parse(led).pinned(self._known[led])
            return self._use(led, self._known[led], self._address(led, original))
        name = str(replace(wanted, digest=None))
        digest = wanted.digest if wanted.digest in self._names else self._known.get(name)
        if digest is None or wanted.digest not in {None, digest}:
            return None
        if self._known.get(name) != digest and (self._registry or not wanted.tag):
            name = self._names[digest]
        return self._use(name, digest, self._address(name, wanted.pinned(digest)))

    def _led(self, wanted: Reference) -> str | None:
        """The known image that a reference under another registry was made from."""
        if wanted.tag or wanted.digest not in self._names:
            return None
        for name, digest in sorted(self._known.items()):
            path = as_path(Reference.parse(name).name)
            if digest == wanted.digest and wanted.name.endswith(f"/{path}"):
                return name
        return None

    def _use(self, name: str, digest: Digest, text: str) -> str:
        self.used[name] = digest
        return text

    def _address(self, name: str, wanted: Reference) -> str:
        """Where nodes find the image `name`: as `wanted` has it, or where it was pushed to."""
        if not self._registry:
            return str(wanted)
        return f"{self._registry}/{as_path(Reference.parse(name).name)}@{wanted.digest}"


def is_position(path: manifests.Path) -> bool:
    """Whether a value at `path` is the image of a container or of an image volume."""
    if path[-1:] == ("image",):
        return len(path) > 2 and path[-3] in _CONTAINERS and isinstance(path[-2], int)
    return path[-2:] == ("image", "reference") and "volumes" in path


def positions(document: Document) -> list[manifests.Scalar]:
    """The values of a document that name an image and are held to its digest."""
    if not manifests.may_hold(document.text, "image"):
        return []
    item = manifests.load(document.text, document.source)
    if item["kind"] == "CustomResourceDefinition" or not _names_image(item):
        return []
    group = str(item["apiVersion"]).rpartition("/")[0]
    custom = group not in _BUILT_IN and not group.endswith(".k8s.io")
    scalars = list(manifests.scalars(document.text, document.source))
    paths = {scalar.path for scalar in scalars}
    return [
        scalar
        for scalar in scalars
        if is_position(scalar.path)
        or (custom and scalar.path[-1:] == ("image",) and not _is_half(scalar, paths))
    ]


def _names_image(item: object) -> bool:
    """Whether some table in it has the key of an image; finding the place of values costs more."""
    if isinstance(item, Mapping):
        return "image" in item or any(map(_names_image, item.values()))
    return isinstance(item, list) and any(map(_names_image, item))


def _is_half(scalar: manifests.Scalar, paths: set[manifests.Path]) -> bool:
    """Whether an operator joins the value with the tag beside it: held alone it would be broken."""
    last = scalar.value.rpartition("/")[2]
    return not {":", "@"} & set(last) and (*scalar.path[:-1], "tag") in paths
