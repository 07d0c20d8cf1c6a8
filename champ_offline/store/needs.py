"""Why content of the store is needed: names and pushes here, and what others say they need.

Invariant: whatever is reachable from any root is needed; each content counts under the first reason
in the order of `Why`. What refers to needed content is needed, and what is below that. A blob that
was pushed is a root for `UNUSED_AFTER`, and afterwards while a manifest of its repository leads to
it, or one of them cannot be read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from itertools import groupby

from champ_offline.oci import media_types
from champ_offline.oci.descriptor import Descriptor
from champ_offline.oci.digest import Digest
from champ_offline.store.links import Kind, Link, Links
from champ_offline.store.reach import Reach
from champ_offline.store.refs import Refs

# A client pushes an image's blobs first: for so long its manifest may still come.
UNUSED_AFTER = timedelta(days=1)


class Why(StrEnum):
    """Why content stays, the strongest reason first; the last two are not in the store yet."""

    TAGGED = "tagged"
    HELD = "held by a bundle"
    REFERRING = "refers to what stays"
    PUSHED = "pushed by clients"
    REVISION = "a release may return to it"
    BACKUP = "data saved of releases"
    OPERATION = "an operation under way"
    READ = "under way"
    WAITING = "an unfinished import"
    UPLOAD = "being pushed"


@dataclass(frozen=True)
class Root:
    """Content that is needed by something outside the tables of names; `who` says by what."""

    why: Why
    digest: Digest
    who: str
    media_type: str = media_types.IMAGE_MANIFEST

    @property
    def descriptor(self) -> Descriptor:
        """What to follow, any manifest or index unless said otherwise; its size is not known."""
        return Descriptor(self.media_type, self.digest, 0)


class Needs:
    """What one zone's store must keep, as it is at this moment."""

    def __init__(self, refs: Refs, links: Links, reach: Reach) -> None:
        self._refs, self._links, self._reach = refs, links, reach

    def unused(self, before: str) -> list[Link]:
        """Blobs pushed or mounted before that time to which no manifest of their repository leads.

        In order of name and digest; `before` is ISO 8601, UTC.
        """
        every = groupby(self._links, key=lambda link: link.name)
        return [one for _, links in every for one in self._unused(list(links), before)]

    def _unused(self, links: list[Link], before: str) -> Iterator[Link]:
        """Of one repository; nothing where a manifest there cannot be followed."""
        manifests = [link.descriptor for link in links if link.kind is Kind.MANIFEST]
        old = [link for link in links if link.kind is Kind.BLOB and link.pushed < before]
        if old and all(map(self._reach.follows, manifests)):
            used = {one.digest for one in self._reach.below(manifests, whole=False)}
            yield from (link for link in old if link.descriptor.digest not in used)

    def of(
        self, roots: Iterable[Root] = (), before: str = "", read: Iterable[Digest] = ()
    ) -> dict[Digest, Why]:
        """Everything needed, and why; raises ManifestUnreadable where that cannot be told.

        What is `unused` since `before` does not count; an empty one lets every push count. `read`
        is what runs under way hold: just that, whatever it leads to. Below
        what clients pushed nothing is missing that they did not delete: each blob has a link of its
        own. So a pushed manifest that is damaged keeps nobody from telling.
        """
        found: dict[Digest, Why] = {}
        self._add(found, Why.TAGGED, self._refs.tagged_anywhere())
        self._add(found, Why.HELD, self._refs.manifests_anywhere())
        self._add(found, Why.REFERRING, self._referring(found))
        unused = {(link.name, link.descriptor.digest) for link in self.unused(before)}
        linked = [
            link.descriptor
            for link in self._links
            if link.kind is Kind.MANIFEST or (link.name, link.descriptor.digest) not in unused
        ]
        pushed = (*linked, *self._refs.pushed_anywhere())
        self._add(found, Why.PUSHED, pushed, whole=False)
        for root in roots:
            self._add(found, root.why, [root.descriptor], whole=False)
        for digest in read:
            found.setdefault(digest, Why.READ)
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
