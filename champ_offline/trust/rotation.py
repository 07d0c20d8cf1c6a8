"""Making roots: the first one, the next one, and who has yet to sign it.

Pure. TUF specification 1.0, section 6.1: a root is signed by enough keys of the root before it and
by enough of its own.

Invariant: what a draft says never changes while signatures are gathered; fields that this program
does not know are carried from root to root.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from securesystemslib.signer import Key, Signer
from tuf.api.metadata import Metadata, Role, Root
from tuf.api.serialization.json import JSONSerializer

from champ_offline.trust.documents import signed_bytes
from champ_offline.trust.holders import PublicKeys, holder_of
from champ_offline.trust.key_errors import KeyUnknown
from champ_offline.trust.keys import ROLES
from champ_offline.trust.roots import read_draft

ROOT_DAYS = 3650
_SHORTEST_ID = 8


@dataclass(frozen=True)
class Change:
    """What the next root does otherwise: `removed` names holders or begins key ids."""

    added: Sequence[PublicKeys] = ()
    removed: Sequence[str] = ()
    thresholds: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Tally:
    """Signatures of a draft by the keys of one root: how many are needed, and who gave them."""

    version: int
    needed: int
    signed: tuple[str, ...]
    missing: tuple[str, ...]

    @property
    def complete(self) -> bool:
        """Whether the threshold is reached."""
        return len(self.signed) >= self.needed


def draft_root(old: bytes | None, change: Change, now: datetime, where: str) -> bytes:
    """The next root (or, where `old` is None, the first), not yet signed by anybody.

    Raises KeyUnknown, KeyReused, KeyTwice, ThresholdImpossible.
    """
    root = _successor(old, where)
    root.expires = (now + timedelta(days=ROOT_DAYS)).replace(microsecond=0)
    for name in change.removed:
        _remove(root, name)
    for public in change.added:
        for role, key in public.keys.items():
            root.add_key(key, role)
    for role, threshold in change.thresholds.items():
        # tuf's Role refuses a threshold of zero only when it is made; read_draft names the defect.
        root.roles[role].threshold = threshold
    data = Metadata(root).to_bytes(JSONSerializer(compact=False, validate=False))
    read_draft(data, where)
    return data


def sign_draft(draft: bytes, signers: Sequence[Signer], where: str) -> bytes:
    """The draft with signatures added; raises what a signer raises."""
    return signed_bytes(read_draft(draft, where), signers)


def tally(draft: bytes, old: bytes | None, where: str) -> tuple[Tally, ...]:
    """How far the signatures are: by the keys of the root before it, if any, and by its own."""
    metadata = read_draft(draft, where)
    roots = [] if old is None else [read_draft(old, where).signed]
    return tuple(_tally(metadata, root) for root in (*roots, metadata.signed))


def asked(draft: bytes, old: bytes | None, where: str) -> dict[str, Key]:
    """The root keys that may sign the draft, by key id."""
    roots = [read_draft(data, where).signed for data in (old, draft) if data is not None]
    return {keyid: root.keys[keyid] for root in roots for keyid in root.roles[Root.type].keyids}


def _successor(old: bytes | None, where: str) -> Root:
    if old is None:
        roles = {role: Role([], 1) for role in ROLES}
        return Root(version=1, roles=roles, consistent_snapshot=False)
    root = read_draft(old, where).signed
    root.version += 1
    return root


def _remove(root: Root, name: str) -> None:
    found = [
        (role, keyid)
        for role in ROLES
        for keyid in root.roles[role].keyids
        if holder_of(root.keys[keyid]) == name
        or (len(name) >= _SHORTEST_ID and keyid.startswith(name.lower()))
    ]
    if not found:
        raise KeyUnknown(version=root.version - 1, key=name[:80])
    for role, keyid in found:
        root.revoke_key(keyid, role)


def _tally(draft: Metadata[Root], root: Root) -> Tally:
    result = root.get_verification_result(Root.type, draft.signed_bytes, draft.signatures)
    return Tally(
        version=root.version,
        needed=result.threshold,
        signed=tuple(sorted(holder_of(key) for key in result.signed.values())),
        missing=tuple(sorted(holder_of(key) for key in result.unsigned.values())),
    )
