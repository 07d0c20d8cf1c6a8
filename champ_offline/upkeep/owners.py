"""What a damaged blob belongs to: which names, which apps, and which bundle gives it back.

Invariant: looking changes nothing, and a damaged manifest hides nothing but what is below it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby

from champ_offline.catalog.artifact import read_app
from champ_offline.catalog.index import APPS
from champ_offline.errors import ChampError
from champ_offline.oci import media_types
from champ_offline.oci.descriptor import Descriptor
from champ_offline.oci.digest import Digest
from champ_offline.store.blobs import BlobStore
from champ_offline.store.brought import Brought
from champ_offline.store.links import Kind, Links
from champ_offline.store.reach import Reach
from champ_offline.store.refs import Refs


@dataclass(frozen=True)
class Damaged:
    """A blob that is not what it was verified to be, or is gone.

    `names` are those that lead to it (`repository:tag`; of what clients pushed without a tag
    `repository@digest` of the manifest, without that the repository), `apps` the apps that need it,
    `bundles` those that give it back when they are imported again; all sorted. Nothing leads to one
    without names. `pushed`: clients pushed it, and give it back by pushing it again. `saved`: it is
    data that was saved of a release, and nothing gives it back.
    """

    digest: Digest
    size: int
    names: tuple[str, ...]
    apps: tuple[str, ...]
    bundles: tuple[str, ...]
    pushed: bool
    saved: bool = False


class Owners:
    """Of the content of one zone."""

    def __init__(
        self,
        refs: Refs,
        links: Links,
        blobs: BlobStore,
        bundles: Mapping[str, str],
        saved: Mapping[Digest, Collection[str]],
    ) -> None:
        """`bundles` leads from the digests of those held to name and version.

        `saved` leads from the blobs of saved data to the backups that have them.
        """
        self._refs, self._links, self._blobs, self._bundles = refs, links, blobs, bundles
        self._saved = saved
        self._reach = Reach(blobs)

    def of(self, wanted: Mapping[Digest, int]) -> list[Damaged]:
        """What each digest belongs to, sorted by digest; `wanted` gives sizes in bytes."""
        brought = [one for one in self._refs.brought.all() if not one.retired]
        names, bundles = _Found(wanted), _Found(wanted)
        for one in brought:
            for digest in self._below([one.descriptor]):
                names.add(digest, one.label)
                bundles.add(digest, self._bundles.get(one.bundle, ""))
        pushed = _Found(wanted)
        for digest, label in self._pushed():
            names.add(digest, label)
            pushed.add(digest, label)
        for digest in self._saved.keys() & wanted.keys():
            for label in self._saved[digest]:
                names.add(digest, label)
        apps = _Found(wanted)
        for label, roots in self._apps(brought):
            for digest in self._below(roots):
                apps.add(digest, label)
        return [
            Damaged(
                digest,
                size,
                names[digest],
                apps[digest],
                bundles[digest],
                pushed=bool(pushed[digest]),
                saved=digest in self._saved,
            )
            for digest, size in sorted(wanted.items())
        ]

    def _pushed(self) -> Iterator[tuple[Digest, str]]:
        """What clients pushed, by what leads to it: a tag, else a manifest, else a repository."""
        tags: dict[str, list[tuple[str, Descriptor]]] = {}
        for ref in self._refs.pushed():
            tags.setdefault(ref.name, []).append((str(ref), ref.descriptor))
        for name, every in groupby(self._links, key=lambda link: link.name):
            links = [(link.kind, link.descriptor) for link in every]
            manifests = [(f"{name}@{d.digest}", d) for kind, d in links if kind is Kind.MANIFEST]
            blobs = [(name, d) for kind, d in links if kind is Kind.BLOB]
            seen: set[Digest] = set()
            for roots in (tags.get(name, []), manifests, blobs):
                led = {(d, label) for label, root in roots for d in self._below([root])}
                yield from ((digest, label) for digest, label in led if digest not in seen)
                seen |= {digest for digest, _ in led}

    def _below(self, roots: Iterable[Descriptor]) -> Iterator[Digest]:
        return (one.digest for one in self._reach.below(roots, whole=False))

    def _apps(self, brought: Iterable[Brought]) -> Iterator[tuple[str, list[Descriptor]]]:
        """Each app with all that it needs, or with itself alone where it cannot be read."""
        for one in brought:
            if one.descriptor.artifact_type != media_types.APP and not one.name.startswith(APPS):
                continue
            try:
                entry = read_app(self._blobs.read, one.descriptor)
            except ChampError:
                yield f"{one.name.removeprefix(APPS)} {one.tag}", [one.descriptor]
                continue
            images = [
                Descriptor(media_types.IMAGE_MANIFEST, digest, 0)
                for digest in entry.images.values()
            ]
            yield f"{entry.name} {entry.version}", [one.descriptor, entry.chart, *images]


class _Found:
    """Texts by digest, of those digests only that are wanted."""

    def __init__(self, wanted: Collection[Digest]) -> None:
        self._texts: dict[Digest, set[str]] = {digest: set() for digest in wanted}

    def add(self, digest: Digest, text: str) -> None:
        if digest in self._texts and text:
            self._texts[digest].add(text)

    def __getitem__(self, digest: Digest) -> tuple[str, ...]:
        return tuple(sorted(self._texts[digest]))
