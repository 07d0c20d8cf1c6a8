"""The rules by which documents from media become trusted (TUF specification 1.0, section 5).

Pure: bytes, values and one `now` in; a `TrustedBundle` or an error out.

Invariant: nothing is returned unless root, timestamp, snapshot and targets each carry enough valid
signatures of keys the root gives that role and fit each other by hash and version. Only dates can
be overridden, and what was overridden stands in the result.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from tuf.api.exceptions import LengthOrHashMismatchError
from tuf.api.metadata import (
    Metadata,
    MetaFile,
    Root,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)

from champ_offline.errors import Phrase
from champ_offline.oci.digest import Digest
from champ_offline.trust.dates import Dates
from champ_offline.trust.documents import INSTALLER, ROOT, TARGET, Documents, SignedFile
from champ_offline.trust.errors import (
    DocumentAltered,
    DocumentUnreadable,
    OtherRoot,
    RevokedKey,
    RootMissing,
)
from champ_offline.trust.overrides import NO_OVERRIDES, Overridden, Overrides
from champ_offline.trust.roots import (
    LAST_VERSION,
    Signer,
    follow,
    kin,
    read,
    refuse_unsigned,
    valid_signers,
)

T = TypeVar("T", Root, Timestamp, Snapshot, Targets)
E = TypeVar("E")

BUNDLE_ROLES = ("targets", "snapshot", "timestamp")


@dataclass(frozen=True)
class TrustedBundle:
    """What the signatures say: the bytes named bundle.json have this size and digest.

    `root` is the newest root of the chain and `root_version` its number; `announced` the version of
    the root it was signed under, 0 where it does not say; `version` is the number a zone's floor is
    compared with; `expires` the earliest end of all documents; `installer` is the champ.sh that
    travels with it, if any.
    """

    root: bytes
    root_version: int
    announced: int
    version: int
    expires: datetime
    size: int
    digest: Digest
    signers: tuple[Signer, ...]
    overridden: tuple[Overridden, ...] = ()
    installer: SignedFile | None = None

    def confirm(self, bundle: bytes, where: str) -> None:
        """Hold bundle.json against the signatures; raises DocumentAltered."""
        if len(bundle) != self.size or Digest.of(bundle) != self.digest:
            raise DocumentAltered(where=where, role=TARGET, reason=Phrase("its SHA-256 differs"))


@dataclass(frozen=True)
class Accepted:
    """A bundle state that a zone accepted: its version and the keys that signed it, by role.

    `keys` is None for a record from before the keys were kept.
    """

    bundle: str
    version: int
    digest: Digest
    keys: Mapping[str, Sequence[str]] | None

    def stands(self, root: Root) -> bool:
        """Whether every document is still vouched for by a key that `root` gives its role.

        Where not, only withdrawn keys said so: such a state must not hold the zone's floor up, or a
        thief could lock out all bundles to come by packing one with a huge version.
        """
        if self.keys is None:
            return True
        return all(
            set(self.keys.get(role, ())) & set(root.roles[role].keyids) for role in BUNDLE_ROLES
        )


def evaluate(
    pinned: bytes,
    documents: Documents,
    now: datetime,
    where: str,
    overrides: Overrides = NO_OVERRIDES,
    accepted: Sequence[Accepted] = (),
) -> TrustedBundle:
    """Follow the chain from the pinned root to bundle.json; raises the errors of `trust.errors`.

    `where` names the media in those errors. `now` is timezone-aware; `accepted` is what the zone
    accepted before, of any bundle.
    """
    root_bytes, root = follow(pinned, documents.roots, where, folder=f"{where}/metadata")
    announced = _refuse_missing(root, documents, where)
    dates = Dates(now, overrides, where)
    dates.not_before([one for one in accepted if one.stands(root)])
    dates.check(root)
    chain = _Chain(root_bytes, root, documents.roots, dates, where)
    timestamp = chain.accept(Metadata[Timestamp].from_bytes, documents.timestamp, Timestamp.type)
    snapshot = chain.accept(
        Metadata[Snapshot].from_bytes, documents.snapshot, Snapshot.type, timestamp.snapshot_meta
    )
    targets = chain.accept(
        Metadata[Targets].from_bytes,
        documents.targets,
        Targets.type,
        _entry(snapshot.meta.get("targets.json"), "targets.json", Snapshot.type, where),
    )
    dates.packed(timestamp.version)
    target = _entry(targets.targets.get(TARGET), TARGET, Targets.type, where)
    return TrustedBundle(
        root=root_bytes,
        root_version=root.version,
        announced=announced,
        version=timestamp.version,
        expires=min(root.expires, timestamp.expires, snapshot.expires, targets.expires),
        size=target.length,
        digest=_sha256(target, where),
        signers=tuple(chain.signers),
        overridden=dates.overridden(),
        installer=_installer(targets, where),
    )


def _refuse_missing(root: Root, documents: Documents, where: str) -> int:
    """The root that the snapshot announces; raises RootMissing where `root` is an older one.

    Looked at before the signatures, which may be by keys that only the missing root knows.
    Documents that do not fit each other announce nothing here: they are refused further on.
    """
    timestamp = read(Metadata[Timestamp].from_bytes, documents.timestamp, Timestamp.type, where)
    try:
        timestamp.signed.snapshot_meta.verify_length_and_hashes(documents.snapshot)
    except LengthOrHashMismatchError:
        return 0
    snapshot = read(Metadata[Snapshot].from_bytes, documents.snapshot, Snapshot.type, where)
    entry = snapshot.signed.meta.get(ROOT)
    if entry is None:
        return 0
    if entry.version > root.version:
        missing, announced = root.version + 1, min(entry.version, LAST_VERSION)
        raise RootMissing(where=where, missing=missing, announced=announced)
    return entry.version


class _Chain:
    """Documents accepted one after the other under one root; remembers who signed."""

    def __init__(
        self, newest: bytes, root: Root, offered: Sequence[bytes], dates: Dates, where: str
    ) -> None:
        self._newest, self._root, self._dates, self._where = newest, root, dates, where
        # `follow` held them to their own keys; what they say of ours is not verified.
        self._offered = [Metadata[Root].from_bytes(data) for data in offered]
        self._older = [offer.signed for offer in self._offered]
        self.signers: list[Signer] = []

    def accept(
        self,
        parse: Callable[[bytes], Metadata[T]],
        data: bytes,
        role: str,
        announced: MetaFile | None = None,
    ) -> T:
        """The document of `role`, once its hash, signatures, version and date have been checked."""
        if announced is not None:
            _check_bytes(announced, data, role, self._where)
        metadata = read(parse, data, role, self._where)
        self.signers += self._signers(metadata, role)
        refuse_unsigned(data, metadata, [self._root, *self._older], self._where)
        if announced is not None and metadata.signed.version != announced.version:
            reason = Phrase(
                "it has version {version}, not {announced}",
                version=metadata.signed.version,
                announced=announced.version,
            )
            raise DocumentAltered(where=self._where, role=role, reason=reason)
        self._dates.check(metadata.signed)
        return metadata.signed

    def _signers(self, metadata: Metadata[T], role: str) -> list[Signer]:
        try:
            return valid_signers(metadata, role, self._root, self._where)
        except OtherRoot as stranger:
            if not set(metadata.signatures) & self._before(role):
                raise
            raise RevokedKey(where=self._where, role=role, version=self._root.version) from stranger

    def _before(self, role: str) -> set[str]:
        """Key ids that older roots of ours on the medium give a role: they decide on words only."""
        line = [Metadata[Root].from_bytes(self._newest)]
        for older in reversed(self._offered):
            if older.signed.version < self._root.version and kin(older, line[-1]):
                line.append(older)
        return {keyid for older in line[1:] for keyid in older.signed.roles[role].keyids}


def _check_bytes(announced: MetaFile, data: bytes, role: str, where: str) -> None:
    try:
        announced.verify_length_and_hashes(data)
    except LengthOrHashMismatchError as error:
        raise DocumentAltered(
            where=where, role=role, reason=Phrase("its SHA-256 differs")
        ) from error
    _entry(announced.hashes, "a SHA-256", role, where)


def _entry(value: E | None, name: str, role: str, where: str) -> E:
    if value is None:
        raise DocumentUnreadable(
            where=where, role=role, reason=Phrase("it does not name {name}", name=name)
        )
    return value


def _installer(targets: Targets, where: str) -> SignedFile | None:
    target = targets.targets.get(INSTALLER)
    return None if target is None else SignedFile(target.length, _sha256(target, where))


def _sha256(target: TargetFile, where: str) -> Digest:
    text = _entry(target.hashes.get("sha256"), "a SHA-256", Targets.type, where)
    return Digest.parse(f"sha256:{text}")
