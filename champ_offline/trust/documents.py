"""Makes the trust documents of a bundle (TUF specification 1.0, section 4, "Document formats").

Invariant: every document is signed by exactly the role's key and names its successor in the chain
by length and SHA-256; what a bundle contains is named by one target, `bundle.json`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import (
    Metadata,
    MetaFile,
    Root,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)
from tuf.api.serialization.json import JSONSerializer

from champ_offline.trust.keys import ROLES

TARGET = "bundle.json"
ROOT_DAYS = 3650
BUNDLE_DAYS = 365


@dataclass(frozen=True)
class Documents:
    """The signed documents as they lie on media; `roots` in ascending version order."""

    roots: tuple[bytes, ...]
    timestamp: bytes
    snapshot: bytes
    targets: bytes


def make_root(signers: Mapping[str, CryptoSigner], now: datetime) -> bytes:
    """Version 1 of a root that gives each role one key, signed by the root key."""
    root = Root(version=1, expires=now + timedelta(days=ROOT_DAYS), consistent_snapshot=False)
    for role in ROLES:
        root.add_key(signers[role].public_key, role)
    return _signed(Metadata(root), signers["root"])


def make_documents(
    roots: tuple[bytes, ...],
    signers: Mapping[str, CryptoSigner],
    bundle: bytes,
    version: int,
    now: datetime,
) -> Documents:
    """Sign that `bundle` (the bytes of bundle.json) is the bundle's state number `version`."""
    expires = now + timedelta(days=BUNDLE_DAYS)
    target = TargetFile.from_data(TARGET, bundle, ["sha256"])
    targets = _signed(
        Metadata(Targets(version=version, expires=expires, targets={TARGET: target})),
        signers["targets"],
    )
    snapshot = _signed(
        Metadata(
            Snapshot(
                version=version, expires=expires, meta={"targets.json": _meta(version, targets)}
            )
        ),
        signers["snapshot"],
    )
    timestamp = _signed(
        Metadata(
            Timestamp(version=version, expires=expires, snapshot_meta=_meta(version, snapshot))
        ),
        signers["timestamp"],
    )
    return Documents(roots, timestamp, snapshot, targets)


def _meta(version: int, document: bytes) -> MetaFile:
    return MetaFile.from_data(version, document, ["sha256"])


def _signed(
    metadata: Metadata[Root] | Metadata[Targets] | Metadata[Snapshot] | Metadata[Timestamp],
    signer: CryptoSigner,
) -> bytes:
    metadata.sign(signer)
    return metadata.to_bytes(JSONSerializer(compact=False))
