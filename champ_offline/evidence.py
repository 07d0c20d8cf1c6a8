"""The audit chain for those who look from outside: the key, the signed file, the check of it.

Composition root beside `appliance`: it joins the chain with a signing folder and decides nothing.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from champ_offline.durable.write import DurableFile
from champ_offline.errors import ChampError, ExitCode, system_said
from champ_offline.journal import audit_file
from champ_offline.journal.acts import Act, done
from champ_offline.journal.audit import Audit, Head
from champ_offline.journal.audit_file import Statement
from champ_offline.trust import keys
from champ_offline.trust.folder import SigningFolder


class EvidenceNotRead(ChampError):
    """A file that should be an exported chain cannot be opened."""

    id = "audit.file-not-read"
    exit_code = ExitCode.NOT_FOUND
    message = "{file} cannot be read: {reason}."
    remedy = "Name the file that `champ audit export` wrote."


class EvidenceNotWritten(ChampError):
    """The file of an export cannot be written."""

    id = "audit.file-not-written"
    exit_code = ExitCode.PREFLIGHT
    message = "{file} cannot be written: {reason}."
    remedy = "Name a file in a folder that is there, with room, where you may write."


class EvidenceThere(ChampError):
    """An export would overwrite something."""

    id = "audit.file-there"
    exit_code = ExitCode.USAGE
    message = "{file} is there already, and an export overwrites nothing."
    remedy = "Name a file that is not there yet."


@dataclass(frozen=True)
class AuditKey:
    """A new key: its public half to hand over, and its id."""

    public: Path
    key: str


@dataclass(frozen=True)
class Evidence:
    """An exported chain: `rows` rows of `zone` behind `after` up to `head`, signed by `key`."""

    file: Path
    zone: str
    rows: int
    after: str
    head: str
    time: str
    key: str


def new_key(folder: Path, algorithm: str, lock: keys.Lock) -> AuditKey:
    """A key for exported chains in `folder`; raises KeysExist."""
    signing = SigningFolder(folder)
    signing.make_audit_key(algorithm, lock)
    return AuditKey(signing.audit_file, keys.read_public(signing.audit_file).keyid)


def export(
    audit: Audit,
    zone: str,
    file: Path,
    signing: Path,
    unlock: keys.Unlock,
    after: Head,
    now: Callable[[], datetime],
) -> Evidence:
    """Write the rows behind `after`, signed, to `file`, and record that in the chain.

    Raises EvidenceThere, AuditBroken, AuditTruncated, EvidenceNotWritten, AuditKeyMissing, and as
    `keys.load`; nothing is written then.
    """
    if os.path.lexists(file):
        raise EvidenceThere(file=file)
    audit.begins(Act.INIT)
    signer = SigningFolder(signing).audit_signer(unlock)

    def sign(payload: bytes) -> tuple[str, bytes]:
        signature = signer.sign(payload)
        return signature.keyid, bytes.fromhex(signature.signature)

    time = now().isoformat(timespec="seconds")
    rows = audit.following(after)
    try:
        with DurableFile(file.parent) as made:
            statement = audit_file.write(rows, after, zone, time, sign, made.write)
            made.commit_new(file)
    except FileExistsError as error:
        raise EvidenceThere(file=file) from error
    except OSError as error:
        raise EvidenceNotWritten(file=file, reason=system_said(error)) from error
    key = signer.public_key.keyid
    audit.record(done(Act.AUDIT, zone, rows=statement.rows, head=str(statement.head), key=key))
    return _evidence(file, statement, key)


def verify(file: Path, key: Path, known: Head | None = None) -> Evidence:
    """Check an exported chain with nothing but the public key; `known` is a head noted before.

    Raises EvidenceNotRead, PublicKeyUnreadable, and as `audit_file.read`.
    """
    public = keys.read_public(key)

    def believes(payload: bytes, signature: bytes) -> bool:
        return keys.signed_by(public, signature, payload)

    try:
        with file.open("rb") as opened:
            statement = audit_file.read(opened, str(file), believes, known)
    except OSError as error:
        raise EvidenceNotRead(file=file, reason=system_said(error)) from error
    return _evidence(file, statement, public.keyid)


def _evidence(file: Path, found: Statement, key: str) -> Evidence:
    heads = (str(found.after), str(found.head))
    return Evidence(file, found.zone, found.rows, *heads, found.time, key)
