"""The rules by which documents from media become trusted (TUF specification 1.0, section 5).

Pure but for `read_root_file`: bytes, values and one `now` in; a `TrustedBundle` or an error out.

Invariant: nothing is returned unless root, timestamp, snapshot and targets each carry enough valid
signatures of keys the root gives that role, fit each other by hash and version, and are in date.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from tuf.api.exceptions import LengthOrHashMismatchError
from tuf.api.metadata import (
    Metadata,
    MetaFile,
    Root,
    Signed,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)
from tuf.api.serialization import DeserializationError

from champ_offline.oci.digest import Digest
from champ_offline.trust.documents import TARGET, Documents
from champ_offline.trust.errors import (
    DocumentAltered,
    DocumentUnreadable,
    Expired,
    OtherRoot,
    RootUnreadable,
    TooFewSignatures,
)
from champ_offline.trust.keys import HOLDER

T = TypeVar("T", Root, Timestamp, Snapshot, Targets)
E = TypeVar("E")

LONGEST = 1024 * 1024


@dataclass(frozen=True)
class Signer:
    """One valid signature: for which role, by which key (TUF key id), held by whom."""

    role: str
    key: str
    holder: str


@dataclass(frozen=True)
class TrustedBundle:
    """What the signatures say: the bytes named bundle.json have this size and digest.

    `root` is the newest root of the chain and `root_version` its number; `version` is the number a
    zone's floor is compared with; `expires` the earliest end of all documents.
    """

    root: bytes
    root_version: int
    version: int
    expires: datetime
    size: int
    digest: Digest
    signers: tuple[Signer, ...]

    def confirm(self, bundle: bytes, where: str) -> None:
        """Hold bundle.json against the signatures; raises DocumentAltered."""
        if len(bundle) != self.size or Digest.of(bundle) != self.digest:
            raise DocumentAltered(where=where, role=TARGET, reason="its SHA-256 differs")


def fingerprint(root: bytes) -> str:
    """SHA-256 of a root document in eight groups of eight digits, for reading aloud."""
    text = Digest.of(root).hex
    return " ".join(text[start : start + 8] for start in range(0, len(text), 8))


def read_root_file(path: Path) -> bytes:
    """The bytes of a root document that is valid by its own keys; raises RootUnreadable."""
    try:
        with path.open("rb") as file:
            data = file.read(LONGEST + 1)
    except OSError as error:
        raise RootUnreadable(path=path, reason=error.strerror or str(error)) from error
    read_root(data, str(path))
    return data


def read_root(data: bytes, where: str) -> Root:
    """A root document that is valid by its own keys; raises a trust error."""
    metadata = _read(Metadata[Root].from_bytes, data, Root.type, where)
    _signers(metadata, Root.type, metadata.signed, where)
    return metadata.signed


def evaluate(pinned: bytes, documents: Documents, now: datetime, where: str) -> TrustedBundle:
    """Follow the chain from the pinned root to bundle.json; raises the errors of `trust.errors`.

    `where` names the media in those errors. `now` is timezone-aware.
    """
    root_bytes, root = _follow_roots(pinned, documents.roots, where)
    _check_date(root, now, where)
    chain = _Chain(root, now, where)
    timestamp = chain.accept(Metadata[Timestamp].from_bytes, documents.timestamp, Timestamp.type)
    snapshot = chain.accept(
        Metadata[Snapshot].from_bytes,
        documents.snapshot,
        Snapshot.type,
        timestamp.snapshot_meta,
    )
    targets = chain.accept(
        Metadata[Targets].from_bytes,
        documents.targets,
        Targets.type,
        _entry(snapshot.meta.get("targets.json"), "targets.json", Snapshot.type, where),
    )
    target = _entry(targets.targets.get(TARGET), TARGET, Targets.type, where)
    return TrustedBundle(
        root=root_bytes,
        root_version=root.version,
        version=timestamp.version,
        expires=min(root.expires, timestamp.expires, snapshot.expires, targets.expires),
        size=target.length,
        digest=_sha256(target, where),
        signers=tuple(chain.signers),
    )


class _Chain:
    """Documents accepted one after the other under one root; remembers who signed."""

    def __init__(self, root: Root, now: datetime, where: str) -> None:
        self._root, self._now, self._where = root, now, where
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
        metadata = _read(parse, data, role, self._where)
        self.signers += _signers(metadata, role, self._root, self._where)
        if announced is not None and metadata.signed.version != announced.version:
            reason = f"it has version {metadata.signed.version}, not {announced.version}"
            raise DocumentAltered(where=self._where, role=role, reason=reason)
        _check_date(metadata.signed, self._now, self._where)
        return metadata.signed


def _follow_roots(pinned: bytes, offered: tuple[bytes, ...], where: str) -> tuple[bytes, Root]:
    """The newest root reachable from the pinned one, each step signed by old and new keys.

    TUF specification 1.0, section 5.3: versions step by exactly one.
    """
    data, root = pinned, read_root(pinned, where)
    for candidate in offered:
        new = _read(Metadata[Root].from_bytes, candidate, Root.type, where)
        if new.signed.version == root.version + 1:
            _signers(new, Root.type, root, where)
            _signers(new, Root.type, new.signed, where)
            data, root = candidate, new.signed
    return data, root


def _read(parse: Callable[[bytes], Metadata[T]], data: bytes, role: str, where: str) -> Metadata[T]:
    if len(data) > LONGEST:
        raise DocumentUnreadable(where=where, role=role, reason="it is larger than 1 MiB")
    try:
        metadata = parse(data)
    except (DeserializationError, RecursionError) as error:
        raise DocumentUnreadable(where=where, role=role, reason="it cannot be parsed") from error
    if metadata.signed.type != role:
        reason = f"it is a {metadata.signed.type} document"
        raise DocumentUnreadable(where=where, role=role, reason=reason)
    return metadata


def _signers(metadata: Metadata[T], role: str, root: Root, where: str) -> list[Signer]:
    """The valid signatures of `role`, at least its threshold; tells strangers from changes."""
    result = root.get_verification_result(role, metadata.signed_bytes, metadata.signatures)
    if not result.verified:
        if not set(root.roles[role].keyids) & set(metadata.signatures):
            raise OtherRoot(where=where, role=role)
        if not result.signed:
            raise DocumentAltered(where=where, role=role, reason="its signature does not fit")
        raise TooFewSignatures(
            where=where, role=role, found=len(result.signed), needed=result.threshold
        )
    return [
        Signer(role, keyid, str(key.unrecognized_fields.get(HOLDER, "")))
        for keyid, key in sorted(result.signed.items())
    ]


def _check_bytes(announced: MetaFile, data: bytes, role: str, where: str) -> None:
    try:
        announced.verify_length_and_hashes(data)
    except LengthOrHashMismatchError as error:
        raise DocumentAltered(where=where, role=role, reason="its SHA-256 differs") from error
    _entry(announced.hashes, "a SHA-256", role, where)


def _check_date(signed: Signed, now: datetime, where: str) -> None:
    if signed.is_expired(now):
        raise Expired(
            where=where,
            role=signed.type,
            expires=signed.expires.date().isoformat(),
            now=now.astimezone(UTC).isoformat(timespec="minutes"),
        )


def _entry(value: E | None, name: str, role: str, where: str) -> E:
    if value is None:
        raise DocumentUnreadable(where=where, role=role, reason=f"it does not name {name}")
    return value


def _sha256(target: TargetFile, where: str) -> Digest:
    text = _entry(target.hashes.get("sha256"), "a SHA-256", Targets.type, where)
    return Digest.parse(f"sha256:{text}")
