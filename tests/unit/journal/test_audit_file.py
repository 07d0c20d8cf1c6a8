"""An exported chain: what it says, and that nothing in it is changed unseen."""

from __future__ import annotations

import base64
import hashlib
import hmac
import io
import json
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from champ_offline.durable.database import Database
from champ_offline.errors import ChampError
from champ_offline.journal import audit_file
from champ_offline.journal.audit import (
    Audit,
    AuditBroken,
    AuditTruncated,
    Entry,
    Head,
    Row,
    verify,
)
from champ_offline.journal.audit_file import (
    AuditFileBroken,
    AuditFileCut,
    AuditFileElsewhere,
    AuditFileForged,
    AuditFileUnreadable,
    Statement,
)
from champ_offline.oci.manifest import encode

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
ROWS = 6


def sign(payload: bytes) -> tuple[str, bytes]:
    """Stands for any signer: whoever has not the secret cannot make it."""
    return "key-1", hmac.digest(b"secret", payload, "sha256")


def believes(payload: bytes, signature: bytes) -> bool:
    return hmac.compare_digest(sign(payload)[1], signature)


@pytest.fixture
def audit(tmp_path: Path) -> Iterator[Audit]:
    with closing(Database.create(tmp_path / "champ.db")) as database:
        audit = Audit(database, lambda: NOW)
        for number in range(1, ROWS + 1):
            audit.record(Entry("ops", "release.apply", f"n/r{number}", {"plan": "sha256:x"}))
        yield audit


def written(audit: Audit, after: Head | None = None) -> bytes:
    data = bytearray()
    start = after or Head()
    audit_file.write(audit.following(start), start, "core", NOW.isoformat(), sign, data.extend)
    return bytes(data)


def read(data: bytes, known: Head | None = None) -> Statement:
    return audit_file.read(io.BytesIO(data), "audit.jsonl", believes, known)


def lines(data: bytes) -> list[bytes]:
    return data.splitlines(keepends=True)


def test_it_says_what_it_holds(audit: Audit) -> None:
    data = written(audit)
    found = read(data)
    assert (found.zone, found.rows, found.time) == ("core", ROWS, NOW.isoformat())
    assert (found.after, found.head) == (Head(), audit.head())
    rows = [json.loads(line) for line in lines(data)[:-1]]
    assert rows == [vars(row) for row in audit.rows()]


def test_an_export_follows_the_one_before(audit: Audit) -> None:
    first = read(written(audit))
    audit.record(Entry("ops", "x", "y", {}), Entry("ops", "x", "z", {}))
    second = read(written(audit, first.head))
    assert (second.after, second.rows, second.head) == (first.head, 2, audit.head())
    empty = read(written(audit, second.head))
    assert (empty.after, empty.head, empty.rows) == (second.head, second.head, 0)


def test_a_head_that_was_noted_before(audit: Audit) -> None:
    data = written(audit)
    noted = [Head(row.seq, row.hash) for row in audit.rows()]
    for head in (Head(), *noted):
        assert read(data, head).rows == ROWS
    with pytest.raises(AuditFileElsewhere):
        read(data, Head(3, "0" * 64))
    later = written(audit, noted[3])
    assert read(later, noted[3]).rows == 2
    with pytest.raises(AuditFileElsewhere):
        read(later, noted[1])


def test_it_begins_only_behind_a_row_of_the_chain(audit: Audit) -> None:
    with pytest.raises(AuditTruncated):
        written(audit, Head(2, "0" * 64))


def test_a_chain_that_is_broken_is_not_exported(audit: Audit) -> None:
    rows = list(audit.following(Head()))
    rows[2] = Row(**{**vars(rows[2]), "actor": "nobody"})
    with pytest.raises(AuditBroken):
        audit_file.write(rows, Head(), "core", "", sign, lambda _data: None)


def flipped(value: Any) -> Iterator[Any]:
    """Values beside one: another number, a text with one character more, fewer, or changed."""
    if isinstance(value, int):
        yield from (value + 1, value - 1, -value)
    else:
        yield value + "x"
        if value:
            yield value[:-1]
            yield chr(ord(value[0]) ^ 1) + value[1:]


@pytest.mark.parametrize("column", [field.name for field in fields(Row)])
def test_every_column_of_every_row_is_held_in_the_table(audit: Audit, column: str) -> None:
    rows = audit.rows()
    for number, row in enumerate(rows):
        for value in flipped(getattr(row, column)):
            changed = [*rows]
            changed[number] = Row(**{**vars(row), column: value})
            with pytest.raises(AuditBroken):
                verify(Head(), changed)


@pytest.mark.parametrize("column", [field.name for field in fields(Row)])
def test_every_column_of_every_row_is_held_in_the_file(audit: Audit, column: str) -> None:
    every = lines(written(audit))
    for number in range(ROWS):
        row = json.loads(every[number])
        for value in flipped(row[column]):
            changed = [*every]
            changed[number] = encode({**row, column: value}) + b"\n"
            with pytest.raises(ChampError) as caught:
                read(b"".join(changed))
            assert caught.value.id.startswith("journal.audit-")


def test_a_row_that_was_written_anew_with_all_that_follow(audit: Audit) -> None:
    """Every hash fits: the signature alone tells."""
    every = lines(written(audit))
    head, forged = Head(), []
    for line in every[:-1]:
        given = {**json.loads(line), "actor": "nobody", "previous": head.hash, "hash": ""}
        row = Row(**{**given, "hash": Row(**given).hashed()})
        head = Head(row.seq, row.hash)
        forged.append(encode(vars(row)) + b"\n")
    with pytest.raises(AuditFileForged, match="rows are not those"):
        read(b"".join([*forged, every[-1]]))


@pytest.mark.parametrize("number", range(ROWS))
def test_a_row_is_left_out_put_twice_or_moved(audit: Audit, number: int) -> None:
    every = lines(written(audit))
    other = (number + 1) % ROWS
    moved = [*every]
    moved[number], moved[other] = moved[other], moved[number]
    for changed in (
        every[:number] + every[number + 1 :],
        [*every[: number + 1], *every[number:]],
        moved,
    ):
        with pytest.raises((AuditFileBroken, AuditFileForged)):
            read(b"".join(changed))


def test_it_is_cut_off_anywhere(audit: Audit) -> None:
    data = written(audit)
    for length in range(0, len(data), 7):
        with pytest.raises((AuditFileCut, AuditFileUnreadable)):
            read(data[:length])
    with pytest.raises(AuditFileCut):
        read(data[:-1])


def test_nothing_stands_behind_the_signature(audit: Audit) -> None:
    data = written(audit)
    for more in (b"\n", lines(data)[0], lines(data)[-1]):
        with pytest.raises((AuditFileUnreadable, AuditFileCut)):
            read(data + more)


def test_another_key(audit: Audit) -> None:
    data = written(audit)
    with pytest.raises(AuditFileForged, match="not by the given key"):
        audit_file.read(io.BytesIO(data), "audit.jsonl", lambda *_given: False)


def test_another_statement_under_the_same_signature(audit: Audit) -> None:
    *rows, last = lines(written(audit))
    envelope = json.loads(last)
    statement = json.loads(base64.b64decode(envelope["payload"]))
    for name, value in {"zone": "other", "rows": ROWS - 1, "time": "", "format": 2}.items():
        payload = base64.b64encode(encode({**statement, name: value})).decode()
        forged = encode({**envelope, "payload": payload}) + b"\n"
        with pytest.raises(AuditFileForged):
            read(b"".join([*rows, forged]))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda line: line.replace(b'{"act"', b'{ "act"'),
        lambda line: line.replace(b'"seq":1', b'"seq":1.0'),
        lambda line: line.replace(b'"seq":1', b'"seq":true'),
        lambda line: line.replace(b'{"act"', b'{"aaa":1,"act"'),
        lambda line: line.replace(b'"actor":"ops"', b'"actor":null'),
        lambda _line: b"[]\n",
        lambda _line: b"\xff\n",
        lambda _line: b"[" * 100 + b"\n",
    ],
)
def test_a_line_that_is_no_row(audit: Audit, spoil: Callable[[bytes], bytes]) -> None:
    first, *rest = lines(written(audit))
    with pytest.raises(AuditFileUnreadable, match="line 1"):
        read(b"".join([spoil(first), *rest]))


def test_a_line_without_end_is_not_taken_into_memory() -> None:
    with pytest.raises(AuditFileUnreadable, match="too long"):
        read(b"x" * (audit_file._LONGEST + 2))


def test_the_digest_is_that_of_the_rows(audit: Audit) -> None:
    """As the specification says: sha256sum of all lines but the last."""
    data = written(audit)
    assert hashlib.sha256(b"".join(lines(data)[:-1])).hexdigest() == read(data).digest
