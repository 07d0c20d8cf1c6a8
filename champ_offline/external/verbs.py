"""The verbs about an external registry: name it, push to it, hold plans to what is there.

Composition: it joins the zone's settings, names and store with one target. Nothing is remembered of
the target that was not read back from it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

from champ_offline.durable.database import Database
from champ_offline.durable.lock import FileLock
from champ_offline.errors import ChampError
from champ_offline.events import Subscriber
from champ_offline.external.documents import Documents
from champ_offline.external.endpoint import Endpoint
from champ_offline.external.errors import ImagesNotPushed, NotExternal, NothingToPush
from champ_offline.external.push import Pushed, PushedName, Pushing, PutBack
from champ_offline.external.selection import Consignment, Selection
from champ_offline.external.settings import Settings
from champ_offline.external.target import Target
from champ_offline.oci.digest import Digest, InvalidDigest
from champ_offline.oci.reference import InvalidReference, Reference
from champ_offline.paths import ZonePaths
from champ_offline.store.blobs import BlobMissing, BlobStore
from champ_offline.store.readings import Reader, Readings
from champ_offline.store.refs import Refs

_LISTED = 20


@dataclass(frozen=True)
class ExternalView:
    """The external registry as it is shown: never with its password.

    `authority` is the digest of the PEM file, empty for the system's authorities. `pushed` and
    `waiting` count names of the zone whose every manifest was read back there when it was pushed,
    last at `last_push` (ISO 8601, UTC; empty before the first), and the others. What became of it
    there since is not looked at here.
    """

    address: str
    username: str
    authority: str
    token_server: str
    plain_http: bool
    pushed: int
    waiting: int
    last_push: str


class External:
    """Of one zone; `bundles` gives the digests of those called by a name."""

    def __init__(
        self,
        database: Database,
        blobs: BlobStore,
        refs: Refs,
        paths: ZonePaths,
        bundles: Callable[[str], Collection[str]],
        clock: Callable[[], datetime],
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._settings = Settings(database, clock)
        self._database, self._blobs, self._refs, self._bundles = database, blobs, refs, bundles
        self._lock, self._readings = paths.push_lock, Readings(database, paths.readings)
        self._clock, self._sleep = clock, sleep

    @property
    def address(self) -> str:
        """What references of plans begin with; empty where nodes have a mirror of the zone's own
        registry.
        """
        target = self._settings.target()
        return target.address if target else ""

    def use(self, target: Target, by: str) -> ExternalView:
        """Let nodes pull from `target` from now on; raises as `Target.check`."""
        self._settings.use(target, by)
        return self.view()

    def remove(self, by: str) -> str:
        """Let nodes pull from the zone's own registry again; raises NotExternal."""
        return self._settings.remove(by)

    def view(self) -> ExternalView:
        """What is set, without the password; raises NotExternal."""
        target = self._target()
        waiting = len(self._waiting(target))
        return ExternalView(
            address=target.address,
            username=target.username,
            authority=str(Digest.of(target.ca.encode())) if target.ca else "",
            token_server=target.token_server,
            plain_http=target.plain_http,
            pushed=len(self._refs.names()) - waiting,
            waiting=waiting,
            last_push=max((one.verified for one in self._settings.pushed(target)), default=""),
        )

    def push(self, wanted: Sequence[str], by: str, notify: Subscriber) -> Pushed:
        """Push what the bundles and names `wanted` have, or everything; what is there is not sent.

        What is retired meanwhile goes there all the same: no collection takes it from under a push.
        The run is in the audit chain when it begins, and when it ends with how. Raises NotExternal,
        NothingToPush, Locked and what the package `external` names.
        """
        target = self._target()
        names = self._names(wanted)
        with FileLock(self._lock):
            self._settings.record("external.push.begin", by, target, names=len(names))
            done: list[PushedName] = []
            how = "interrupted"
            try:
                self._push(target, by, names, notify, done)
                how = "done"
            except ChampError as error:
                how = error.id
                raise
            finally:
                self._ended(by, target, done, how)
        return Pushed(target.address, tuple(done))

    def missing(self, images: Mapping[str, Digest]) -> tuple[str, ...]:
        """The images, by name, that the target is not known to have.

        It has what was read back after a push, and what it still says it has. Raises
        TargetUnreachable and its like where it cannot be asked.
        """
        target = self._target()
        known = {(one.name, one.digest) for one in self._settings.pushed(target)}
        found: list[str] = []
        with Endpoint(target, self._sleep, look=True) as endpoint:
            for image, digest in sorted(images.items()):
                name = Reference.parse(image).name
                documents = Documents(endpoint, target.repository(name))
                if (name, digest) not in known or not documents.answers(digest):
                    found.append(image)
        return tuple(found)

    def refuse_missing(self, images: Mapping[str, Digest]) -> None:
        """Raise ImagesNotPushed unless all of a plan's images are at the target; see `missing`."""
        missing = self.missing(images)
        if missing:
            listed = ", ".join(missing[:_LISTED]) + (", …" if len(missing) > _LISTED else "")
            where = self._target().address
            raise ImagesNotPushed(count=len(missing), where=where, images=listed)

    def look(self) -> int | None:
        """How many names wait to be pushed; None where the zone's own registry is used.

        Raises what stands in the way of the next push.
        """
        target = self._settings.target()
        if target is None:
            return None
        with Endpoint(target, self._sleep, look=True) as endpoint:
            endpoint.check()
        return len(self._waiting(target))

    def _push(
        self,
        target: Target,
        by: str,
        names: Collection[str],
        notify: Subscriber,
        done: list[PushedName],
    ) -> None:
        selection = Selection(self._refs, self._blobs)
        ledger = _Ledger(self._settings, target, by)
        with (
            Endpoint(target, self._sleep) as endpoint,
            self._readings.begin(Reader.PUSH, self._clock) as place,
        ):
            endpoint.check()
            pushing = Pushing(endpoint, selection, self._blobs, ledger, notify)
            # Twice: a slow disk is read before others wait for the transaction to end.
            with suppress(BlobMissing):
                self._choose(selection, target, names)
            with self._database.transaction() as connection:
                known, chosen = self._choose(selection, target, names)
                place.hold(connection, chain.from_iterable(one.content for one in chosen))
            for one in known:
                pushing.knows(one)
            for pushed in pushing.run(chosen):
                done.append(pushed)

    def _choose(
        self, selection: Selection, target: Target, names: Collection[str]
    ) -> tuple[list[Consignment], list[Consignment]]:
        """What is known to be there, and what belongs to `names`."""
        pushed = {one.name for one in self._settings.pushed(target)} & set(self._refs.names())
        return selection.of(pushed - self._waiting(target)), selection.of(names)

    def _ended(self, by: str, target: Target, done: Sequence[PushedName], how: str) -> None:
        told = Pushed(target.address, tuple(done))
        detail = {"names": len(done), "blobs": told.sent, "bytes": told.size, "ended": how}
        detail |= {"put_back": told.put_back}
        self._settings.record("external.push.end", by, target, **detail)

    def _target(self) -> Target:
        target = self._settings.target()
        if target is None:
            raise NotExternal
        return target

    def _waiting(self, target: Target) -> set[str]:
        """The names of which not every manifest is known to be there."""
        known = {(one.name, one.digest) for one in self._settings.pushed(target)}
        return {
            name
            for name in self._refs.names()
            if any((name, one.digest) not in known for one in self._refs.manifests(name))
        }

    def _names(self, wanted: Sequence[str]) -> set[str]:
        """The names that arguments mean, all of them without any; raises NothingToPush."""
        every = set(self._refs.names())
        found = set() if wanted else every
        for text in wanted:
            meant = self._meant(text) & every
            if not meant:
                raise NothingToPush(name=text[:300])
            found |= meant
        return found

    def _meant(self, text: str) -> set[str]:
        digests = self._bundles(text)
        if digests:
            return {name for name, _ in self._refs.brought.given(digests)}
        try:
            return {text, Reference.parse(text).name}
        except (InvalidReference, InvalidDigest):
            return set()


class _Ledger:
    """What the zone remembers of one target, and tells of pushes to it by somebody."""

    def __init__(self, settings: Settings, target: Target, by: str) -> None:
        self._settings, self._target, self._by = settings, target, by

    def left(self, name: str) -> Mapping[str, Digest]:
        return self._settings.tagged(self._target, name)

    def tell(self, name: str, moved: PutBack) -> None:
        detail = {"name": f"{name}:{moved.tag}", "was": str(moved.was), "now": str(moved.now)}
        self._settings.record("external.tag.put-back", self._by, self._target, **detail)

    def keep(self, one: Consignment) -> None:
        tags = {tag: at.digest for tag, at in one.tags.items()}
        self._settings.keep(self._target, one.name, one.manifests, tags)
