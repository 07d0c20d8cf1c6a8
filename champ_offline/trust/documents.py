"""Makes the signed documents of a bundle (TUF specification 1.0, section 4, "Document formats").

Invariant: every document is signed by every signer given for its role and names its successor in
the chain by length and SHA-256; what a bundle contains is named by one target, `bundle.json`, and
the installer that travels with it by another, `champ.sh`; the snapshot says under which root all
this was signed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from securesystemslib.signer import Signer
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

from champ_offline.oci.digest import Digest

TARGET = "bundle.json"
INSTALLER = "champ.sh"
ROOT = "root.json"
BUNDLE_DAYS = 365

Signers = Mapping[str, Sequence[Signer]]
"""Who signs, by role; a role's signers in the order of their signatures."""


@dataclass(frozen=True)
class SignedFile:
    """A file as a signed document names it: its size in bytes and its SHA-256."""

    size: int
    digest: Digest


@dataclass(frozen=True)
class Documents:
    """The signed documents as they lie on media; `roots` in ascending version order."""

    roots: tuple[bytes, ...]
    timestamp: bytes
    snapshot: bytes
    targets: bytes


def make_documents(
    roots: tuple[bytes, ...],
    signers: Signers,
    bundle: bytes,
    version: int,
    now: datetime,
    installer: SignedFile | None = None,
) -> Documents:
    """Sign that `bundle` (the bytes of bundle.json) is the bundle's state number `version`.

    The last of `roots` is the one that the signers' keys stand in; `installer` is the champ.sh that
    goes onto each of its media.
    """
    expires = now + timedelta(days=BUNDLE_DAYS)
    named = {TARGET: TargetFile.from_data(TARGET, bundle, ["sha256"])}
    if installer is not None:
        hashes = {"sha256": installer.digest.hex}
        named[INSTALLER] = TargetFile(installer.size, hashes, INSTALLER)
    targets = signed_bytes(
        Metadata(Targets(version=version, expires=expires, targets=named)),
        signers["targets"],
    )
    # As in early versions of the specification: the newest root must not get lost on the way.
    root = MetaFile(Metadata[Root].from_bytes(roots[-1]).signed.version)
    meta = {ROOT: root, "targets.json": _meta(version, targets)}
    snapshot = signed_bytes(
        Metadata(Snapshot(version=version, expires=expires, meta=meta)), signers["snapshot"]
    )
    timestamp = signed_bytes(
        Metadata(
            Timestamp(version=version, expires=expires, snapshot_meta=_meta(version, snapshot))
        ),
        signers["timestamp"],
    )
    return Documents(roots, timestamp, snapshot, targets)


def signed_bytes(
    metadata: Metadata[Root] | Metadata[Targets] | Metadata[Snapshot] | Metadata[Timestamp],
    signers: Sequence[Signer],
) -> bytes:
    """The document with the signers' signatures added, as bytes; raises what a signer raises."""
    # Metadata.sign would put its own error around those of a signer, which name what went wrong.
    payload = metadata.signed_bytes
    for signer in signers:
        signature = signer.sign(payload)
        metadata.signatures[signature.keyid] = signature
    return metadata.to_bytes(JSONSerializer(compact=False))


def _meta(version: int, document: bytes) -> MetaFile:
    return MetaFile.from_data(version, document, ["sha256"])
