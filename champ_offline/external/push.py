"""Bring what bundles brought to an external registry, and see that it is there.

Invariant: of each name blobs go first, then manifests, then referrers; all of it is read back by
digest; only then do tags lead to it and the zone remembers it as there. A run that ends at any
moment leaves nothing that another one does not complete, without sending what is there already.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from champ_offline.events import Progress, StepFinished, StepStarted, Subscriber
from champ_offline.external.documents import Documents
from champ_offline.external.endpoint import Endpoint
from champ_offline.external.selection import Consignment, Selection
from champ_offline.external.upload import Upload, Way
from champ_offline.oci.descriptor import Descriptor
from champ_offline.oci.digest import Digest
from champ_offline.store.blobs import BlobStore

PUSH = "push"


@dataclass(frozen=True)
class PutBack:
    """A tag that somebody let lead elsewhere at the target: to what it led, and leads again."""

    tag: str
    was: Digest
    now: Digest


@dataclass(frozen=True)
class PushedName:
    """What one name took: counts of manifests and blobs, and bytes that were sent of blobs.

    All of it was found at the target afterwards. `put` are the manifests it had not, `put_back` the
    tags that led where this zone had not let them lead.
    """

    name: str
    repository: str
    tags: tuple[str, ...]
    manifests: int
    put: int
    blobs: int
    sent: int
    mounted: int
    size: int
    put_back: tuple[PutBack, ...] = ()


class Ledger(Protocol):
    """What is known to be at the target, from one push to the next."""

    def left(self, name: str) -> Mapping[str, Digest]:
        """To what the last push of a name let its tags lead."""

    def tell(self, name: str, moved: PutBack) -> None:
        """Write down that a tag is about to be put back."""

    def keep(self, one: Consignment) -> None:
        """Remember that all of a name is there, and that its tags lead there."""


@dataclass(frozen=True)
class Pushed:
    """A whole run."""

    target: str
    names: tuple[PushedName, ...]

    @property
    def size(self) -> int:
        """Bytes of the blobs that were sent."""
        return sum(one.size for one in self.names)

    @property
    def sent(self) -> int:
        """How many blobs were sent."""
        return sum(one.sent for one in self.names)

    @property
    def put_back(self) -> int:
        """How many tags were."""
        return sum(len(one.put_back) for one in self.names)


class Pushing:
    """One run, which `ledger` hears of name by name."""

    def __init__(
        self,
        endpoint: Endpoint,
        selection: Selection,
        blobs: BlobStore,
        ledger: Ledger,
        notify: Subscriber,
    ) -> None:
        self._endpoint, self._selection, self._blobs = endpoint, selection, blobs
        self._ledger, self._notify = ledger, notify
        self._origins: dict[Digest, str] = {}

    def knows(self, consignment: Consignment) -> None:
        """Take blobs of a name that is there from its repository, where another one wants them."""
        repository = self._endpoint.target.repository(consignment.name)
        for digest in consignment.blobs:
            self._origins.setdefault(digest, repository)

    def run(self, consignments: Iterable[Consignment]) -> Iterator[PushedName]:
        """Push one name after the other; raises what `Endpoint.ask` and `Upload.put` raise."""
        for one in consignments:
            self._notify(StepStarted(PUSH, one.name))
            yield self._name(one)
            self._notify(StepFinished(PUSH, one.name))

    def _name(self, one: Consignment) -> PushedName:
        repository = self._endpoint.target.repository(one.name)
        ways = self._send(one, repository)
        documents = Documents(self._endpoint, repository)
        put = sum(self._put(documents, one, digest) for digest in one.manifests)
        self._verify(documents, one, repository, ways)
        put_back = tuple(self._tag_all(documents, one))
        self._ledger.keep(one)
        self.knows(one)
        sent = [blob for blob in one.blobs.values() if ways[blob.digest] is Way.SENT]
        return PushedName(
            name=one.name,
            repository=f"{self._endpoint.target.host}/{repository}",
            tags=tuple(one.tags),
            manifests=len(one.manifests),
            put=put,
            blobs=len(one.blobs),
            sent=len(sent),
            mounted=sum(way is Way.MOUNTED for way in ways.values()),
            size=sum(blob.size for blob in sent),
            put_back=put_back,
        )

    def _send(self, one: Consignment, repository: str) -> dict[Digest, Way]:
        ways: dict[Digest, Way] = {}
        before = 0

        def tell(done: int) -> None:
            self._notify(Progress(PUSH, before + done, one.size, subject=one.name))

        upload = Upload(self._endpoint, repository, self._blobs, tell)
        for blob in one.blobs.values():
            origin = self._origins.get(blob.digest)
            ways[blob.digest] = upload.put(blob, None if origin == repository else origin)
            before += blob.size
            tell(0)
        return ways

    def _put(self, documents: Documents, one: Consignment, digest: Digest) -> bool:
        """Have a manifest there, and found as a referrer if it is one; whether it was put."""
        entry, counted = one.manifests[digest], False
        missing = not documents.has(digest)
        if missing:
            data = self._selection.read(digest)
            counted = documents.put(data, entry.descriptor.media_type, str(digest))
        if entry.subject is not None and entry.referrer is not None:
            documents.list_referrer(entry.subject, entry.referrer, counted=counted)
        return missing

    def _verify(
        self, documents: Documents, one: Consignment, repository: str, ways: dict[Digest, Way]
    ) -> None:
        """Ask for everything that was sent by its digest; raises TargetDiffers."""
        upload = Upload(self._endpoint, repository, self._blobs, lambda _done: None)
        for blob in one.blobs.values():
            if ways[blob.digest] is not Way.THERE and not upload.has(blob):
                raise documents.differs(blob.digest)
        for digest in one.manifests:
            if not documents.has(digest):
                raise documents.differs(digest)

    def _tag_all(self, documents: Documents, one: Consignment) -> Iterator[PutBack]:
        """Let tags lead to what they mean in the zone; gives those that others had moved."""
        left = self._ledger.left(one.name)
        for tag, at in one.tags.items():
            was = documents.at(tag)
            if was == at.digest:
                continue
            if was is not None and was != left.get(tag):
                moved = PutBack(tag, was, at.digest)
                self._ledger.tell(one.name, moved)
                yield moved
            self._tag(documents, tag, at)

    def _tag(self, documents: Documents, tag: str, at: Descriptor) -> None:
        """Let a tag lead there, and see that it does."""
        documents.put(self._selection.read(at.digest), at.media_type, tag)
        if documents.at(tag) != at.digest:
            raise documents.differs(at.digest)
