"""Garbage collection as a plan: what stays and why, what goes, why, and what it was.

Invariant: pure; the plan is a value that is shown, confirmed and carried out as it is. Nothing that
is needed is in it, and carrying it out looks again before anything goes (`sweep`).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from champ_offline.oci.digest import Digest
from champ_offline.oci.manifest import encode
from champ_offline.store.needs import Why
from champ_offline.store.readings import Reading, UnderWay


class Cause(StrEnum):
    """Why content goes."""

    RETIRED = "its bundle was retired"
    UNNAMED = "nothing leads to it"
    UNUSED = "pushed, but in no image"
    UPLOAD = "a push that was given up"
    DAMAGED = "damaged and set aside"
    PARTIAL = "left by a writer that was killed"
    BACKUP = "of backups that are kept no more"
    RECORD = "of revisions and plans that are kept no more"


@dataclass(frozen=True)
class Staying:
    """How many blobs stay for one reason, and their bytes on the disk.

    `runs` are those that are under way, where these are the reason.
    """

    why: Why
    blobs: int
    size: int
    runs: tuple[UnderWay, ...] = ()


@dataclass(frozen=True)
class Going:
    """A blob that goes; `was` are the names it once had, `repository:tag`, sorted."""

    digest: Digest
    size: int
    why: Cause
    was: tuple[str, ...] = ()


@dataclass(frozen=True)
class Unused:
    """A blob that repository `name` was given, and that no manifest there leads to."""

    name: str
    digest: Digest


@dataclass(frozen=True)
class CollectionPlan:
    """What a collection in zone `zone` would do; sizes in bytes.

    `partials` are half-written files and their bytes, `uploads` likewise those of pushes that came
    to no end. `unused` goes from its repositories, whether or not its bytes are needed elsewhere.
    `records` are contents that the database lets go of; their bytes are free in it, not on disk.
    """

    zone: str
    staying: tuple[Staying, ...]
    going: tuple[Going, ...]
    partials: tuple[int, int] = (0, 0)
    uploads: tuple[int, int] = (0, 0)
    unused: tuple[Unused, ...] = ()
    records: tuple[Going, ...] = ()

    @property
    def has_changes(self) -> bool:
        """Whether anything would go."""
        files = self.going or self.partials[0] or self.uploads[0]
        return bool(files or self.unused or self.records)

    @property
    def size(self) -> int:
        """Bytes that go from the disk."""
        return sum(one.size for one in self.going) + self.partials[1] + self.uploads[1]

    @property
    def causes(self) -> tuple[tuple[Cause, int, int], ...]:
        """For each cause: how many files, how many bytes."""
        count: Counter[Cause] = Counter(one.why for one in self.going)
        size: Counter[Cause] = Counter()
        for one in self.going:
            size[one.why] += one.size
        count[Cause.RECORD] = len(self.records)
        size[Cause.RECORD] = sum(one.size for one in self.records)
        count[Cause.PARTIAL], size[Cause.PARTIAL] = self.partials
        count[Cause.UPLOAD], size[Cause.UPLOAD] = self.uploads
        goes = {why for why in Cause if count[why]} | {Cause.UNUSED for _ in self.unused[:1]}
        return tuple((why, count[why], size[why]) for why in Cause if why in goes)

    def was(self, why: Cause) -> list[str]:
        """The names, of tags or of repositories, of what goes for that cause, sorted."""
        names = {name for one in self.going if one.why is why for name in one.was}
        if why is Cause.UNUSED:
            names.update(one.name for one in self.unused)
        return sorted(names)

    @property
    def digest(self) -> Digest:
        """Names the plan: equal plans have equal digests."""
        going = [[str(one.digest), one.size, one.why.value] for one in self.going]
        unused = [[one.name, str(one.digest)] for one in self.unused]
        files: dict[str, Any] = {"partials": self.partials[0], "uploads": self.uploads[0]}
        files |= {"records": [str(one.digest) for one in self.records]} if self.records else {}
        return Digest.of(encode({"zone": self.zone, "going": going, "unused": unused, **files}))


@dataclass(frozen=True)
class Present:
    """What is on the disk: blobs with their sizes, set aside ones, half-written files.

    `waiting` and `uploads` are how many blobs an unfinished import and pushes have brought so far,
    and the bytes of these; `idle` are the pushes among them to which nobody wrote for long.
    """

    blobs: Mapping[Digest, int]
    aside: Mapping[Digest, int]
    partials: tuple[int, int] = (0, 0)
    waiting: tuple[int, int] = (0, 0)
    uploads: tuple[int, int] = (0, 0)
    idle: tuple[int, int] = (0, 0)


def plan_collection(
    zone: str,
    present: Present,
    needed: Mapping[Digest, Why],
    was: Mapping[Digest, Iterable[str]],
    unused: Iterable[Unused] = (),
    readings: Iterable[Reading] = (),
    records: Mapping[Digest, int] = MappingProxyType({}),
    backups: Mapping[Digest, Collection[str]] = MappingProxyType({}),
) -> CollectionPlan:
    """What of `present` goes, given what is `needed`; `was` tells what retired bundles brought.

    `unused` are blobs that repositories let go of; none is needed for that repository's sake.
    `readings` are of the runs under way, of which those are told that keep something. `records` are
    what the database lets go of, with bytes; `backups` names those that content was of.
    Content comes before the manifests that name it, so that a collection which is ended half way
    can still say what the rest was.
    """
    left: defaultdict[Digest, list[str]] = defaultdict(list)
    for blob in unused:
        left[blob.digest].append(blob.name)
    counts: defaultdict[Why, list[int]] = defaultdict(lambda: [0, 0])
    going = [Going(digest, size, Cause.DAMAGED) for digest, size in sorted(present.aside.items())]
    unneeded: list[Going] = []
    for digest, size in sorted(present.blobs.items()):
        why = needed.get(digest)
        if why is None:
            unneeded.append(_unneeded(digest, size, left, was, backups))
        else:
            counts[why][0] += 1
            counts[why][1] += size
    counts[Why.WAITING] = list(present.waiting)
    going_on = zip(present.uploads, present.idle, strict=True)
    counts[Why.UPLOAD] = [every - idle for every, idle in going_on]
    kept = {digest for digest, why in needed.items() if why is Why.READ} & present.blobs.keys()
    runs = {Why.READ: tuple(sorted(one.run for one in readings if one.content & kept))}
    staying = (
        Staying(why, blobs, size, runs.get(why, ()))
        for why in Why
        for blobs, size in (counts[why],)
        if blobs
    )
    return CollectionPlan(
        zone=zone,
        staying=tuple(staying),
        going=(*going, *unneeded),
        partials=present.partials,
        uploads=present.idle,
        unused=tuple(Unused(name, digest) for digest in sorted(left) for name in left[digest]),
        records=tuple(Going(digest, size, Cause.RECORD) for digest, size in records.items()),
    )


def _unneeded(
    digest: Digest,
    size: int,
    left: Mapping[Digest, Collection[str]],
    was: Mapping[Digest, Iterable[str]],
    backups: Mapping[Digest, Collection[str]],
) -> Going:
    if digest in left:
        return Going(digest, size, Cause.UNUSED, tuple(sorted(left[digest])))
    if digest in backups:
        return Going(digest, size, Cause.BACKUP, tuple(sorted(backups[digest])))
    names = tuple(sorted(was.get(digest, ())))
    return Going(digest, size, Cause.RETIRED if names else Cause.UNNAMED, names)
