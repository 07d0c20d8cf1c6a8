"""Why content of the store is needed: names and pushes here, and what others say they need.

Invariant: whatever is reachable from any root is needed; each content counts under the first reason
in the order of `Why`. What refers to needed content is needed, and what is below that.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from champ_offline.oci import media_types
from champ_offline.oci.descriptor import Descriptor
from champ_offline.oci.digest import Digest
from champ_offline.store.links import Links
from champ_offline.store.reach import Reach
from champ_offline.store.refs import Refs


class Why(StrEnum):
    """Why content stays, the strongest reason first; the last two are not in the store yet."""

    TAGGED = "tagged"
    HELD = "held by a bundle"
    REFERRING = "refers to what stays"
    PUSHED = "pushed by clients"
    REVISION = "a release may return to it"
    OPERATION = "an operation under way"
    WAITING = "an unfinished import"
    UPLOAD = "being pushed"


@dataclass(frozen=True)
class Root:
    """Content that is needed by something outside the tables of names; `who` says by what."""

    why: Why
    digest: Digest
    who: str

    @property
    def descriptor(self) -> Descriptor:
        """What to follow: any manifest or index; its size is not known here."""
        return Descriptor(media_types.IMAGE_MANIFEST, self.digest, 0)


class Needs:
    """What one zone's store must keep, as it is at this moment."""

    def __init__(self, refs: Refs, links: Links, reach: Reach) -> None:
        self._refs, self._links, self._reach = refs, links, reach

    def of(self, roots: Iterable[Root] = ()) -> dict[Digest, Why]:
        """Everything needed, and why; raises ManifestUnreadable where that cannot be told.

        Below what clients pushed nothing is missing that they did not delete: each blob has a link
        of its own. So a pushed manifest that is damaged keeps nobody from telling.
        """
        found: dict[Digest, Why] = {}
        self._add(found, Why.TAGGED, self._refs.tagged_anywhere())
        self._add(found, Why.HELD, self._refs.manifests_anywhere())
        self._add(found, Why.REFERRING, self._referring(found))
        linked = [link.descriptor for link in self._links]
        pushed = (*linked, *self._refs.pushed_anywhere())
        self._add(found, Why.PUSHED, pushed, whole=False)
        for root in roots:
            self._add(found, root.why, [root.descriptor], whole=False)
        return found

    def _add(
        self,
        found: dict[Digest, Why],
        why: Why,
        roots: Iterable[Descriptor],
        *,
        whole: bool = True,
    ) -> None:
        for one in self._reach.below(roots, whole=whole):
            found.setdefault(one.digest, why)

    def _referring(self, found: dict[Digest, Why]) -> Iterator[Descriptor]:
        """The referrers of what was found, and those of theirs."""
        reached, left = set(found), self._refs.all_referrers()
        while left:
            now = [one for one in left if one.subject in reached]
            if not now:
                return
            left = [one for one in left if one.subject not in reached]
            for one in self._reach.below([one.descriptor for one in now]):
                reached.add(one.digest)
            yield from (one.descriptor for one in now)
