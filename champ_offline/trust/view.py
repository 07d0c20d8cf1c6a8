"""Who must have signed what: a root and what was signed under it, as one value to be shown.

Pure. Invariant: a document is shown only with signatures that the root beside it knows; nothing
here decides whether a zone accepts it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from securesystemslib.signer import Key
from tuf.api.metadata import Metadata, Root, Snapshot, Targets, Timestamp

from champ_offline.oci.digest import Digest
from champ_offline.trust.dates import packing_time
from champ_offline.trust.documents import Documents
from champ_offline.trust.holders import holder_of
from champ_offline.trust.keys import ROLES, algorithm_of
from champ_offline.trust.roots import T, fingerprint, follow, read, read_draft, valid_signers
from champ_offline.trust.rotation import Tally
from champ_offline.trust.state import OverrideRecord
from champ_offline.trust.trusted import BUNDLE_ROLES, Accepted

SHORT = 8
NO_VERSIONS: Mapping[Digest, str] = {}


@dataclass(frozen=True)
class KeyView:
    """A key of a role: the beginning of its id, its algorithm, whose it is."""

    id: str
    algorithm: str
    holder: str


@dataclass(frozen=True)
class RoleView:
    """A role: how many of its keys must sign."""

    role: str
    threshold: int
    keys: tuple[KeyView, ...]


@dataclass(frozen=True)
class DocumentView:
    """A signed document beside a root: its version, its end, and the holders who signed it."""

    role: str
    version: int
    expires: datetime
    signers: tuple[str, ...]


@dataclass(frozen=True)
class AcceptedView:
    """A bundle state a zone accepted; `stands` unless only withdrawn keys vouched for it.

    `current` where it is the newest of its name that stands, the zone's floor. `version` is what
    its makers call it; empty where the zone does not know.
    """

    bundle: str
    version: str
    packed: datetime
    stands: bool
    current: bool


@dataclass(frozen=True)
class SigningKey:
    """A key by its whole id; `holder` as a root names whose it is, empty where none knows it.

    `trusted` where the newest root still gives it that role.
    """

    id: str
    holder: str
    trusted: bool


@dataclass(frozen=True)
class SignedRole:
    """A role of a bundle that was accepted, and the keys that signed for it then.

    `threshold` is how many keys the newest root wants of that role.
    """

    role: str
    threshold: int
    keys: tuple[SigningKey, ...]


@dataclass(frozen=True)
class TrustView:
    """A root and everything known about it where it lies (`source`).

    `unsigned` where it is itself the draft that waits for signatures.
    """

    source: str
    version: int
    expires: datetime
    fingerprint: str
    roles: tuple[RoleView, ...]
    documents: tuple[DocumentView, ...] = ()
    draft: tuple[Tally, ...] = ()
    accepted: tuple[AcceptedView, ...] = ()
    overrides: tuple[OverrideRecord, ...] = ()
    unsigned: bool = False


def view_root(
    data: bytes,
    source: str,
    *,
    documents: tuple[DocumentView, ...] = (),
    draft: tuple[Tally, ...] = (),
    accepted: Sequence[Accepted] = (),
    overrides: Sequence[OverrideRecord] = (),
    versions: Mapping[Digest, str] = NO_VERSIONS,
    unsigned: bool = False,
) -> TrustView:
    """The view of one sound root; that enough keys signed it was checked where it was read.

    `versions` are those of accepted bundles by the digest of bundle.json.
    Raises trust errors.
    """
    root = read_draft(data, source).signed
    floors = {one.bundle: one for one in accepted if one.stands(root)}
    return TrustView(
        source=source,
        version=root.version,
        expires=root.expires,
        fingerprint=fingerprint(data),
        roles=tuple(_role(root, role) for role in ROLES),
        documents=documents,
        draft=draft,
        accepted=tuple(
            AcceptedView(
                one.bundle,
                versions.get(one.digest, ""),
                packing_time(one.version),
                one.stands(root),
                floors.get(one.bundle) == one,
            )
            for one in accepted
        ),
        overrides=tuple(overrides),
        unsigned=unsigned,
    )


def view_documents(documents: Documents, source: str) -> TrustView:
    """The view of a bundle's documents under its own newest root; raises trust errors.

    It starts from the bundle's own first root, so it says who signed and not whether to trust them.
    """
    shelf = f"{source}/metadata"
    first = f"{shelf}/1.root.json"
    newest, root = follow(documents.roots[0], documents.roots[1:], first, folder=shelf, first=2)
    timestamp = read(Metadata[Timestamp].from_bytes, documents.timestamp, Timestamp.type, source)
    snapshot = read(Metadata[Snapshot].from_bytes, documents.snapshot, Snapshot.type, source)
    targets = read(Metadata[Targets].from_bytes, documents.targets, Targets.type, source)
    shown = (
        _document(targets, root, source),
        _document(snapshot, root, source),
        _document(timestamp, root, source),
    )
    return view_root(newest, source, documents=shown)


def signed_roles(
    accepted: Accepted, newest: bytes, roots: Sequence[bytes]
) -> tuple[SignedRole, ...] | None:
    """Who signed what a zone accepted, whose sound roots these are; None where nobody kept it.

    Raises trust errors.
    """
    if accepted.keys is None:
        return None
    root = read_draft(newest, "root").signed
    known = {
        id_: key for data in roots for id_, key in read_draft(data, "root").signed.keys.items()
    }
    return tuple(
        SignedRole(
            role,
            root.roles[role].threshold,
            tuple(_signing(id_, role, root, known) for id_ in accepted.keys.get(role, ())),
        )
        for role in BUNDLE_ROLES
    )


def _signing(id_: str, role: str, root: Root, known: Mapping[str, Key]) -> SigningKey:
    holder = holder_of(known[id_]) if id_ in known else ""
    return SigningKey(id_, holder, trusted=id_ in root.roles[role].keyids)


def _role(root: Root, name: str) -> RoleView:
    role = root.roles[name]
    found = [root.keys[keyid] for keyid in role.keyids]
    views = [KeyView(key.keyid[:SHORT], algorithm_of(key), holder_of(key)) for key in found]
    return RoleView(name, role.threshold, tuple(views))


def _document(metadata: Metadata[T], root: Root, where: str) -> DocumentView:
    signed = metadata.signed
    signers = valid_signers(metadata, signed.type, root, where)
    names = tuple(one.holder or one.key[:SHORT] for one in signers)
    return DocumentView(signed.type, signed.version, signed.expires, names)
