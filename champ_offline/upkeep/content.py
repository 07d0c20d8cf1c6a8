"""What of the zone's content is not as it was verified: set aside, gone, cut off, or altered.

Invariant: looking changes nothing. A file that is as it was when it was last hashed is not read
again; of those that are not, no more than the caller asks for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from champ_offline.oci.descriptor import Descriptor
from champ_offline.oci.digest import Digest
from champ_offline.store.blobs import BlobMissing, BlobStore
from champ_offline.store.links import Links
from champ_offline.store.reach import Reach
from champ_offline.store.refs import Refs
from champ_offline.store.verified import Verified


@dataclass(frozen=True)
class Unread:
    """Blobs, and their bytes, whose files changed since they were hashed and were not read."""

    blobs: int
    size: int


class Content:
    """All that one zone must have: what bundles brought, clients pushed and releases saved.

    `saved` gives what must be here of the last kind.
    """

    def __init__(
        self,
        refs: Refs,
        links: Links,
        blobs: BlobStore,
        verified: Verified,
        saved: Callable[[], Iterable[Descriptor]] = tuple,
    ) -> None:
        self._refs, self._links, self._saved = refs, links, saved
        self._blobs, self._verified = blobs, verified

    def wrong(self) -> dict[Digest, int]:
        """What was set aside and not given back, and what is missing or has another size.

        Gives the sizes that were recorded. Raises StoreGone.
        """
        aside = self._blobs.aside().items()
        found = {digest: size for digest, size in aside if not self._blobs.has(digest)}
        for one in self._wanted():
            if not self._blobs.holds(one.digest, one.size):
                found[one.digest] = one.size
        return found

    def altered(self, most: int) -> tuple[dict[Digest, int], Unread]:
        """Of the files that are not as when they were hashed, those that do not fit their names.

        The smallest are read, up to `most` bytes in all; the others are counted.
        """
        moved = sorted(self._moved().items(), key=lambda one: (one[1], str(one[0])))
        found, left = {}, Unread(0, 0)
        for digest, size in moved:
            most -= size
            if most < 0:
                left = Unread(left.blobs + 1, left.size + size)
            elif not self._sound(digest):
                found[digest] = size
        return found, left

    def _moved(self) -> dict[Digest, int]:
        """Files that are not those which were hashed, or never were; and their bytes."""
        found: dict[Digest, int] = {}
        for one in {one.digest: one for one in self._wanted()}.values():
            try:
                stamp = self._blobs.stamp(one.digest)
            except BlobMissing:
                continue
            if stamp.size == one.size and stamp != self._verified.of(one.digest):
                found[one.digest] = one.size
        return found

    def _sound(self, digest: Digest) -> bool:
        try:
            return self._blobs.examine(digest).sound
        except (BlobMissing, OSError):
            return False

    def _wanted(self) -> Iterator[Descriptor]:
        """All that must be here: what bundles brought, down to the last layer, and every push.

        Below what was pushed clients may have deleted things.
        """
        referrers = [one.descriptor for one in self._refs.all_referrers()]
        roots = (*self._refs.manifests_anywhere(), *referrers)
        yield from Reach(self._blobs).below(roots, whole=False)
        yield from self._refs.pushed_anywhere()
        yield from (link.descriptor for link in self._links)
        yield from self._saved()
