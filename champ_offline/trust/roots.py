"""Root documents: reading, soundness, and following one to the next (TUF specification 1.0, 5.3).

Pure but for `read_root_file`, `read_file` and `root_files`.

Invariant: a root that is returned is signed by enough of its own keys, and every role in it has
keys of its own, at least as many as its threshold wants: no key speaks for two roles or counts
twice.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from securesystemslib.exceptions import UnverifiedSignatureError
from securesystemslib.signer import Key, Signature
from tuf.api.metadata import Metadata, Root, Snapshot, Targets, Timestamp
from tuf.api.serialization import DeserializationError, SerializationError
from tuf.api.serialization.json import JSONSerializer

from champ_offline.errors import ChampError, Phrase, system_said
from champ_offline.oci.digest import Digest
from champ_offline.trust import places
from champ_offline.trust.errors import (
    DocumentAltered,
    DocumentUnreadable,
    KeyReused,
    KeyTwice,
    OtherRoot,
    RolesUnknown,
    RootsGap,
    RootUnreadable,
    ThresholdImpossible,
    TooFewSignatures,
)
from champ_offline.trust.keys import ALGORITHMS, HOLDER, ROLES, algorithm_of, public_pem

T = TypeVar("T", Root, Timestamp, Snapshot, Targets)

LONGEST = 1024 * 1024
_GROUPS, _DIGITS = 12, 5
_MOST_ROOTS = 1024
_MOST_NAMES = 100_000
_NAME = re.compile(r"([1-9][0-9]{0,3})\.root\.json")
# As the names of root documents on media have it, and far below what SQLite can count.
LAST_VERSION = 9999
# The one form of a document's bytes: sorted keys, lines indented by one space a level.
_FORM = JSONSerializer(compact=False)
_HEX = re.compile(r"[0-9a-f]{2,1024}")


@dataclass(frozen=True)
class Signer:
    """One valid signature: for which role, by which key (TUF key id), held by whom."""

    role: str
    key: str
    holder: str


def fingerprint(root: bytes) -> str:
    """What a root says, as twelve groups of five decimal digits for reading aloud (199 bits).

    Taken over the signed part in canonical form: a draft has the fingerprint that the root will
    have, whoever signs it. Digits are read alike in every language. Raises DocumentUnreadable.
    """
    metadata = read(Metadata[Root].from_bytes, root, Root.type, "root")
    number = int(Digest.of(metadata.signed_bytes).hex, 16) % 10 ** (_GROUPS * _DIGITS)
    text = f"{number:0{_GROUPS * _DIGITS}}"
    return " ".join(text[start : start + _DIGITS] for start in range(0, len(text), _DIGITS))


def same_fingerprint(one: str, other: str) -> bool:
    """Whether two people read out the same: spaces and case are no matter."""
    return _bare(one) == _bare(other)


def _bare(text: str) -> str:
    return "".join(text.split()).lower().removeprefix("sha256:")


def read_root_file(path: Path) -> bytes:
    """The bytes of a root document that is valid by its own keys.

    Raises RootUnreadable, RootFileDamaged, RootUnsigned.
    """
    data = read_file(path)
    with places.root_file(path):
        read_root(data, str(path))
    return data


def read_file(path: Path) -> bytes:
    """The bytes of a root document's file, unchecked, bounded; raises RootUnreadable."""
    try:
        with path.open("rb") as file:
            return file.read(LONGEST + 1)
    except OSError as error:
        raise RootUnreadable(path=path, reason=system_said(error)) from error


def root_files(folder: Path) -> list[Path]:
    """The files `1.root.json`, `2.root.json` … of a folder, at most 1,024.

    Raises RootsGap where one is missing, or a link: a root behind it may withdraw keys.
    """
    found: list[Path] = []
    for version in range(1, _MOST_ROOTS + 1):
        path = folder / f"{version}.root.json"
        if not path.is_file() or path.is_symlink():
            break
        found.append(path)
    newest = max(_versions_in(folder), default=0)
    if newest > len(found):
        raise RootsGap(path=folder, missing=len(found) + 1, newest=newest)
    return found


def _versions_in(folder: Path) -> Iterator[int]:
    """Versions in the names of a folder's roots, as far as roots go."""
    try:
        for path in islice(folder.iterdir(), _MOST_NAMES):
            if name := _NAME.fullmatch(path.name):
                yield int(name[1])
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise RootUnreadable(path=folder, reason=system_said(error)) from error


def read_root(data: bytes, where: str) -> Root:
    """A root document that is sound and valid by its own keys; raises a trust error."""
    metadata = read_draft(data, where)
    valid_signers(metadata, Root.type, metadata.signed, where)
    return metadata.signed


def read_draft(data: bytes, where: str) -> Metadata[Root]:
    """A sound root document, whoever signed it; raises a trust error."""
    _check_roles(data, where)
    metadata = read(Metadata[Root].from_bytes, data, Root.type, where)
    if metadata.signed.version > LAST_VERSION:
        raise DocumentUnreadable(
            where=where, role=Root.type, reason=Phrase("its version is too high")
        )
    _check_keys(metadata.signed, where)
    return metadata


def follow(
    pinned: bytes, offered: Iterable[bytes], where: str, *, folder: str = "", first: int = 1
) -> tuple[bytes, Root]:
    """The newest root reachable from the pinned one, each step signed by old and new keys.

    TUF specification 1.0, section 5.3: versions step by exactly one; dates of roots on the way do
    not matter. `offered` are the roots of a medium in order, from any version on. Errors name the
    file where they lie as `<first>.root.json` and so on in `folder`, and `where` for the rest.
    """
    data, newest = pinned, read_draft(pinned, where)
    valid_signers(newest, Root.type, newest.signed, where)
    before: Metadata[Root] | None = None
    for number, candidate in enumerate(offered, start=first):
        where = f"{folder}/{number}.root.json" if folder else where
        found = read_draft(candidate, where)
        step = found.signed.version - newest.signed.version
        if step == 1:
            valid_signers(found, Root.type, newest.signed, where)
            before = newest
        _check_offered(candidate, found, before, where)
        if step == 0 and found.signed != newest.signed:
            raise OtherRoot(where=where, role=Root.type)
        data, newest = (candidate, found) if step == 1 else (data, newest)
        before = found
    return data, newest.signed


def _check_offered(
    data: bytes, found: Metadata[Root], before: Metadata[Root] | None, where: str
) -> None:
    """An offered root follows on the one before it and is signed by its own keys, and theirs.

    Roots that a zone has long passed are held to that as well: no byte on a medium goes unchecked.
    """
    root = found.signed
    if before is not None and root.version != before.signed.version + 1:
        reason = Phrase(
            "version {version} follows {before}", version=root.version, before=before.signed.version
        )
        raise DocumentUnreadable(where=where, role=Root.type, reason=reason)
    roots = [root] if before is None else [before.signed, root]
    refuse_unsigned(data, found, roots, where)
    valid_signers(found, Root.type, root, where)


def read(parse: Callable[[bytes], Metadata[T]], data: bytes, role: str, where: str) -> Metadata[T]:
    """A document of `role`, its signatures not yet checked; raises DocumentUnreadable."""
    if len(data) > LONGEST:
        raise DocumentUnreadable(where=where, role=role, reason=Phrase("it is larger than 1 MiB"))
    try:
        metadata = parse(data)
        metadata.to_bytes(_FORM), metadata.signed_bytes
    except (DeserializationError, SerializationError, RecursionError) as error:
        raise DocumentUnreadable(
            where=where, role=role, reason=Phrase("it cannot be parsed")
        ) from error
    # tuf takes any JSON value for a signature, and for the key it is by.
    found = ((key, one.signature) for key, one in metadata.signatures.items())
    if not all(isinstance(text, str) for pair in found for text in pair):
        raise DocumentUnreadable(where=where, role=role, reason=Phrase("a signature is no text"))
    if metadata.signed.type != role:
        reason = Phrase("it is a {kind} document", kind=metadata.signed.type)
        raise DocumentUnreadable(where=where, role=role, reason=reason)
    return metadata


def valid_signers(metadata: Metadata[T], role: str, root: Root, where: str) -> list[Signer]:
    """The valid signatures of `role`, at least its threshold; tells strangers from changes.

    Raises OtherRoot, DocumentAltered, TooFewSignatures.
    """
    result = root.get_verification_result(role, metadata.signed_bytes, metadata.signatures)
    if not result.verified:
        if not set(root.roles[role].keyids) & set(metadata.signatures):
            raise OtherRoot(where=where, role=role)
        if not result.signed:
            raise DocumentAltered(
                where=where, role=role, reason=Phrase("its signature does not fit")
            )
        raise TooFewSignatures(
            where=where, role=role, found=len(result.signed), needed=result.threshold
        )
    return [
        Signer(role, keyid, str(key.unrecognized_fields.get(HOLDER, "")))
        for keyid, key in sorted(result.signed.items())
    ]


def refuse_unsigned(data: bytes, metadata: Metadata[T], roots: Sequence[Root], where: str) -> None:
    """No byte of a document from media goes unchecked; raises DocumentAltered.

    Beyond TUF, which passes over what it does not know: `data` is the one form of its contents, and
    every signature in it is valid, by a key that one of `roots` gives the role.
    """
    role, signed = metadata.signed.type, metadata.signed_bytes
    if metadata.to_bytes(_FORM) != data or metadata.unrecognized_fields:
        reason = Phrase("it is not written as it was signed")
        raise DocumentAltered(where=where, role=role, reason=reason)
    for keyid, signature in metadata.signatures.items():
        keys = [root.keys[keyid] for root in roots if keyid in root.roles[role].keyids]
        plain = _HEX.fullmatch(signature.signature) and not signature.unrecognized_fields
        if not plain or not any(_fits(key, signature, signed) for key in keys):
            reason = Phrase("the signature of key {key} does not fit", key=keyid[:16])
            raise DocumentAltered(where=where, role=role, reason=reason)


def kin(older: Metadata[Root], newer: Metadata[Root]) -> bool:
    """Whether a root key that signed `older` signed `newer` too, or is a root key there still.

    Nobody without that key can make a root of which this is said: ids of keys alone prove nothing.
    """
    payload = older.signed_bytes
    for keyid, signature in older.signatures.items():
        key, kept = older.signed.keys.get(keyid), newer.signed.keys.get(keyid)
        again = newer.signatures.get(keyid)
        stays = kept is not None and keyid in newer.signed.roles[Root.type].keyids
        if kept is not None and stays and _fits(kept, signature, payload):
            return True
        both = key is not None and again is not None and _fits(key, again, newer.signed_bytes)
        if key is not None and both and _fits(key, signature, payload):
            return True
    return False


def line_through(pinned: bytes, candidates: Iterable[bytes], where: str) -> tuple[bytes, ...]:
    """The longest line of roots, from 1 on, that leads through the pinned one.

    `candidates` are roots of several copies, in any order, whatever their state; those that do not
    follow are passed over. Empty where none leads to the pinned root.
    """
    wanted = read_draft(pinned, where).signed
    known: dict[int, list[bytes]] = {}
    for data in dict.fromkeys(candidates):
        with suppress(ChampError):
            known.setdefault(read_draft(data, where).signed.version, []).append(data)
    lines = [_line_from(first, known, wanted, where) for first in known.get(1, ())]
    return max((line for line in lines if len(line) >= wanted.version), key=len, default=())


def _line_from(
    first: bytes, known: dict[int, list[bytes]], wanted: Root, where: str
) -> tuple[bytes, ...]:
    line: list[bytes] = []
    following: Sequence[bytes] = [first]
    while following:
        sound = [data for data in following if _goes_on(line, data, wanted, where)]
        line += sound[:1]
        following = known.get(len(line) + 1, ()) if sound else ()
    return tuple(line)


def _goes_on(line: Sequence[bytes], data: bytes, wanted: Root, where: str) -> bool:
    try:
        _data, root = follow(line[-1] if line else data, [data], where)
    except ChampError:
        return False
    return root.version != wanted.version or root == wanted


def _fits(key: Key, signature: Signature, signed: bytes) -> bool:
    try:
        key.verify_signature(signature, signed)
    except UnverifiedSignatureError:
        return False
    return True


def _check_roles(data: bytes, where: str) -> None:
    """Roles and thresholds, before tuf reads them: it gives one error for all that is wrong."""
    roles = _roles(data, where)
    if roles is None:
        return
    if set(roles) != set(ROLES):
        raise RolesUnknown(where=where, found=", ".join(sorted(roles))[:200])
    for name in ROLES:
        role = roles[name] if isinstance(roles[name], dict) else {}
        keyids, threshold = role.get("keyids"), role.get("threshold")
        if not isinstance(keyids, list) or not isinstance(threshold, int):
            raise DocumentUnreadable(
                where=where,
                role=Root.type,
                reason=Phrase("its role {role} is malformed", role=name),
            )
        if not all(isinstance(keyid, str) for keyid in keyids):
            raise DocumentUnreadable(
                where=where,
                role=Root.type,
                reason=Phrase("its role {role} is malformed", role=name),
            )
        twice = [key for key, count in Counter(keyids).items() if count > 1]
        if twice:
            raise KeyTwice(where=where, key=twice[0][:16], roles=name)
        if not 1 <= threshold <= len(keyids):
            raise ThresholdImpossible(where=where, role=name, threshold=threshold, keys=len(keyids))


def _roles(data: bytes, where: str) -> dict[str, Any] | None:
    """The table of roles; None where tuf will refuse the document anyway."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        counted = Counter(key for key, _value in pairs)
        twice = next((key for key, count in counted.items() if count > 1), None)
        if twice is not None:
            raise DocumentUnreadable(
                where=where, role=Root.type, reason=Phrase("{name} is there twice", name=twice[:70])
            )
        return dict(pairs)

    if len(data) > LONGEST:
        return None
    try:
        document = json.loads(data, object_pairs_hook=once)
    except (ValueError, RecursionError):
        return None
    signed = document.get("signed") if isinstance(document, dict) else None
    roles = signed.get("roles") if isinstance(signed, dict) else None
    return roles if isinstance(roles, dict) else None


def _check_keys(root: Root, where: str) -> None:
    """No key stands in two roles, or twice in one under two names."""
    found: dict[bytes, str] = {}
    for role in ROLES:
        for keyid in root.roles[role].keyids:
            key = root.keys.get(keyid)
            if key is None or algorithm_of(key) not in ALGORITHMS:
                reason = Phrase(
                    "key {key} is missing, or neither Ed25519 nor P-256", key=keyid[:16]
                )
                raise DocumentUnreadable(where=where, role=Root.type, reason=reason)
            try:
                public = public_pem(key)
            except (ValueError, KeyError) as error:
                reason = Phrase("key {key} cannot be read", key=keyid[:16])
                raise DocumentUnreadable(where=where, role=Root.type, reason=reason) from error
            if public in found:
                kind = KeyTwice if found[public] == role else KeyReused
                raise kind(where=where, key=keyid[:16], roles=f"{found[public]}, {role}")
            found[public] = role
