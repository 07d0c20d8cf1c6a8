"""The audit chain, or a range of it, as a file that proves itself away from the zone.

Invariant: pure; whatever was changed, left out, added or cut off in such a file is found by whoever
has the public key alone (FORMAT.md, "An exported chain").
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, Self, TypeAlias

from champ_offline.errors import ChampError, ExitCode, Phrase, Unfit
from champ_offline.journal.audit import AuditBroken, Head, HeadInvalid, Row, verify
from champ_offline.oci.manifest import encode
from champ_offline.oci.strict_json import canonical, wrong_in

# Signs a payload: the id of the key, and the raw signature.
Sign: TypeAlias = Callable[[bytes], tuple[str, bytes]]
# Whether a raw signature of a payload is by the one key that is believed.
Believes: TypeAlias = Callable[[bytes, bytes], bool]

PAYLOAD_TYPE = "application/vnd.champ.audit+json"
_FORMAT = 1
# A row holds a few hundred bytes; a detail that names many digests some tens of thousands.
_LONGEST = 4 * 1024 * 1024
_TEXTS = ("time", "actor", "act", "subject", "detail", "previous", "hash")


class AuditFileUnreadable(ChampError):
    """A file is no exported chain, or a line of it is not as it was written."""

    id = "journal.audit-file-unreadable"
    exit_code = ExitCode.CORRUPT
    message = "{file} is no exported audit chain: line {line}: {reason}."
    remedy = "Obtain the file again; `champ audit export` writes it in the zone."


class AuditFileCut(ChampError):
    """The last line, which carries the signature, is not there."""

    id = "journal.audit-file-cut"
    exit_code = ExitCode.TRUNCATED
    message = "{file} ends without its signature: lines are missing at its end."
    remedy = "Obtain the file again; `champ audit export` writes it in the zone."


class AuditFileBroken(ChampError):
    """A row in the file does not follow from the one before it: the file was changed."""

    id = "journal.audit-file-broken"
    exit_code = ExitCode.CORRUPT
    message = "{file} is not as it was exported: from row {seq} on it was edited or lacks rows."
    remedy = "Keep the file as evidence and ask for another; this says nothing about the zone."


class AuditFileElsewhere(ChampError):
    """The file does not reach, or does not contain, a head that was kept elsewhere."""

    id = "journal.audit-file-elsewhere"
    exit_code = ExitCode.TRUNCATED
    message = "{file} ends at {found} and does not contain {expected}."
    remedy = (
        "Ask for an export that reaches from there on; if the zone has none, rows were cut off or"
        " written anew there: `champ audit verify --head {expected}` in the zone tells."
    )


class AuditFileForged(ChampError):
    """The signature is not by the given key, or what was signed are other rows."""

    id = "journal.audit-file-forged"
    exit_code = ExitCode.DOCUMENT_ALTERED
    message = "{file} is not what was signed: {reason}."
    remedy = "Check that the key is the zone's; keep the file as evidence and ask for another one."


@dataclass(frozen=True)
class Statement:
    """What is signed: `rows` rows of `zone` follow from `after` and lead to `head`.

    `digest` is the SHA-256 of their lines, `time` when they were exported (ISO 8601).
    """

    zone: str
    after: Head
    head: Head
    rows: int
    digest: str
    time: str

    def to_bytes(self) -> bytes:
        """Canonical JSON."""
        return encode(
            {
                "format": _FORMAT,
                "zone": self.zone,
                "after": str(self.after),
                "head": str(self.head),
                "rows": self.rows,
                "sha256": self.digest,
                "time": self.time,
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Raises ValueError, KeyError, TypeError, HeadInvalid for anything else."""
        found = canonical(data)
        if found["format"] != _FORMAT:
            raise Unfit(Phrase("it has another format"))
        heads = Head.parse(found["after"]), Head.parse(found["head"])
        return cls(found["zone"], *heads, found["rows"], found["sha256"], found["time"])


def write(
    rows: Iterable[Row],
    after: Head,
    zone: str,
    time: str,
    sign: Sign,
    put: Callable[[bytes], None],
) -> Statement:
    """Give `put` the file piece by piece; `rows` follow from `after`.

    Raises AuditBroken, and what `sign` and `put` raise.
    """
    digest, head, count = hashlib.sha256(), after, 0
    for row in rows:
        head, count = verify(head, [row]), count + 1
        line = encode(vars(row)) + b"\n"
        digest.update(line)
        put(line)
    statement = Statement(zone, after, head, count, digest.hexdigest(), time)
    payload = statement.to_bytes()
    put(_envelope(payload, *sign(_authenticated(payload))))
    return statement


def read(file: BinaryIO, name: str, believes: Believes, known: Head | None = None) -> Statement:
    """Check a file to its end; what it states. `known` is a head that it must contain.

    Raises AuditFileUnreadable, AuditFileCut, AuditFileBroken, AuditFileForged,
    AuditFileElsewhere.
    """
    digest, count, last = hashlib.sha256(), 0, b""
    first: Head | None = None
    head, seen = Head(), known is None
    for number, line in enumerate(_lines(file, name), start=1):
        if last:
            row = _row(last, name, number - 1)
            if first is None:
                first = head = Head(row.seq - 1, row.previous)
            seen = seen or known == head
            head, count = _followed(head, row, name), count + 1
            digest.update(last)
        last = line
    statement = _stated(last, name, count + 1, believes)
    start = first or statement.after
    found = (start, head if first else start, count, digest.hexdigest())
    if found != (statement.after, statement.head, statement.rows, statement.digest):
        raise AuditFileForged(file=name, reason=Phrase("its rows are not those that were signed"))
    if not seen and known != statement.head:
        raise AuditFileElsewhere(file=name, found=statement.head, expected=known)
    return statement


def _followed(head: Head, row: Row, name: str) -> Head:
    try:
        return verify(head, [row])
    except AuditBroken as error:
        raise AuditFileBroken(file=name, seq=head.seq + 1) from error


def _lines(file: BinaryIO, name: str) -> Iterator[bytes]:
    number = 0
    while line := file.readline(_LONGEST + 1):
        number += 1
        if len(line) > _LONGEST:
            raise AuditFileUnreadable(file=name, line=number, reason=Phrase("it is too long"))
        if not line.endswith(b"\n"):
            raise AuditFileCut(file=name)
        yield line


def _row(line: bytes, name: str, number: int) -> Row:
    try:
        found: dict[str, Any] = canonical(line[:-1])
        kinds = {key: type(value) for key, value in found.items()}
    except (ValueError, AttributeError) as error:
        raise AuditFileUnreadable(file=name, line=number, reason=wrong_in(error)) from error
    if kinds != {"seq": int, **dict.fromkeys(_TEXTS, str)} or found["seq"] < 1:
        raise AuditFileUnreadable(file=name, line=number, reason=Phrase("it is not a row"))
    return Row(**found)


def _stated(line: bytes, name: str, number: int, believes: Believes) -> Statement:
    try:
        envelope: dict[str, Any] = canonical(line[:-1]) if line else {}
        if envelope.keys() != {"payload", "payloadType", "signatures"}:
            raise AuditFileCut(file=name)
        payload = base64.b64decode(envelope["payload"], validate=True)
        signatures = [base64.b64decode(one["sig"], validate=True) for one in envelope["signatures"]]
        if not any(believes(_authenticated(payload), one) for one in signatures):
            raise AuditFileForged(file=name, reason=Phrase("its signature is not by the given key"))
        return Statement.from_bytes(payload)
    except (ValueError, KeyError, TypeError, AttributeError, binascii.Error, HeadInvalid) as error:
        raise AuditFileUnreadable(file=name, line=number, reason=wrong_in(error)) from error


def _authenticated(payload: bytes) -> bytes:
    """The pre-authentication encoding of DSSE (secure-systems-lab/dsse, protocol.md)."""
    kind = PAYLOAD_TYPE.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def _envelope(payload: bytes, key: str, signature: bytes) -> bytes:
    signed = {"keyid": key, "sig": base64.b64encode(signature).decode()}
    return (
        encode(
            {
                "payload": base64.b64encode(payload).decode(),
                "payloadType": PAYLOAD_TYPE,
                "signatures": [signed],
            }
        )
        + b"\n"
    )
