"""The audit chain: what it keeps, and that no row is edited, removed or moved unseen."""

from __future__ import annotations

import hashlib
import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from champ_offline.durable.database import Database, DatabaseFull, DatabaseUnusable
from champ_offline.journal.audit import (
    BEFORE_THE_FIRST,
    Audit,
    AuditBroken,
    AuditTruncated,
    Entry,
    Head,
    HeadInvalid,
)
from tests.architecture.source import ROOT

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
KEEP = "DROP TRIGGER audit_stays; DROP TRIGGER audit_is_kept;"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with closing(Database.create(tmp_path / "champ.db")) as database:
        yield database


@pytest.fixture
def audit(database: Database) -> Audit:
    audit = Audit(database, lambda: NOW)
    for number in range(1, 6):
        audit.record(Entry("ci", "registry.blob.push", f"team/app{number}", {"size": number}))
    return audit


def tamper(audit: Audit, script: str) -> None:
    """As somebody would who can write to the file."""
    with closing(sqlite3.connect(audit._database.path)) as connection:
        connection.executescript(KEEP + script)


def rehash(audit: Audit, seq: int) -> str:
    """The statement that gives a row the hash that fits what it says now."""
    row = next(row for row in audit.rows() if row.seq == seq)
    return f"UPDATE audit SET hash = '{row.hashed()}' WHERE seq = {seq};"  # noqa: S608


def test_rows_follow_each_other(audit: Audit) -> None:
    rows = audit.rows()
    assert [row.seq for row in rows] == [1, 2, 3, 4, 5]
    assert [row.previous for row in rows] == [BEFORE_THE_FIRST, *(row.hash for row in rows[:-1])]
    assert {row.time for row in rows} == {"2026-05-01T12:00:00+00:00"}
    assert audit.check() == audit.head() == Head(5, rows[-1].hash)


def test_an_empty_chain_stands(database: Database) -> None:
    audit = Audit(database, lambda: NOW)
    assert audit.check(audit.head()) == Head() == Head.parse(str(Head()))


@pytest.mark.parametrize("script", ["DELETE FROM audit", "DELETE FROM audit WHERE seq = 1"])
def test_a_chain_without_its_beginning_is_broken(audit: Audit, script: str) -> None:
    assert audit.check(first="registry.blob.push").seq == 5
    tamper(audit, script)
    with pytest.raises(AuditBroken) as caught:
        audit.check(first="registry.blob.push")
    assert caught.value.fields["seq"] == 1


def test_a_chain_that_begins_with_another_act_is_broken(audit: Audit) -> None:
    with pytest.raises(AuditBroken):
        audit.check(first="zone.init")


@pytest.mark.parametrize(
    "script",
    [
        "UPDATE audit SET subject = 'team/else' WHERE seq = 3",
        "UPDATE audit SET actor = 'other' WHERE seq = 3",
        "UPDATE audit SET act = 'registry.blob.mount' WHERE seq = 3",
        "UPDATE audit SET time = '2020-01-01T00:00:00+00:00' WHERE seq = 3",
        "UPDATE audit SET detail = '{\"size\":4}' WHERE seq = 3",
        "UPDATE audit SET detail = '{\"size\": 3}' WHERE seq = 3",
        "UPDATE audit SET subject = 'team/app3' || char(10) || 'x' WHERE seq = 3",
        "UPDATE audit SET hash = '00' || substr(hash, 3) WHERE seq = 3",
        "UPDATE audit SET previous = '00' || substr(previous, 3) WHERE seq = 3",
        "DELETE FROM audit WHERE seq = 3",
        "UPDATE audit SET seq = -seq; UPDATE audit SET seq = seq + 6",
        "UPDATE audit SET seq = 3 - seq WHERE seq > 2; UPDATE audit SET seq = 5 + seq WHERE seq<1",
    ],
)
def test_a_row_that_is_not_as_it_was(audit: Audit, script: str) -> None:
    tamper(audit, script)
    with pytest.raises(AuditBroken) as caught:
        audit.check()
    expected = 1 if "seq + 6" in script else 3
    assert caught.value.fields["seq"] == expected


def test_rows_removed_at_the_begin(audit: Audit) -> None:
    tamper(audit, "DELETE FROM audit WHERE seq < 3")
    with pytest.raises(AuditBroken):
        audit.check()


def test_a_row_before_the_first(audit: Audit) -> None:
    tamper(
        audit, "INSERT INTO audit SELECT 0, time, actor, act, 'x', '{}', '', '' FROM audit LIMIT 1"
    )
    with pytest.raises(AuditBroken):
        audit.check()


def test_an_edited_row_with_a_hash_that_fits(audit: Audit) -> None:
    """The row after it tells."""
    tamper(audit, "UPDATE audit SET actor = 'nobody' WHERE seq = 3")
    script = rehash(audit, 3)
    with closing(sqlite3.connect(audit._database.path)) as connection:
        connection.executescript(script)
    with pytest.raises(AuditBroken) as caught:
        audit.check()
    assert caught.value.fields["seq"] == 4


def test_rows_cut_off_at_the_end_are_missed_by_a_head(audit: Audit) -> None:
    noted = Head.parse(f" {audit.head()}\n")
    tamper(audit, "DELETE FROM audit WHERE seq > 3")
    assert audit.check().seq == 3
    with pytest.raises(AuditTruncated) as caught:
        audit.check(noted)
    assert str(noted) in str(caught.value)
    audit.record(Entry("ci", "x", "y", {}), Entry("ci", "x", "y", {}))
    with pytest.raises(AuditTruncated):
        audit.check(noted)


def test_a_head_noted_earlier_is_still_in_a_longer_chain(audit: Audit) -> None:
    noted = audit.head()
    audit.record(Entry("ci", "x", "y", {}))
    assert audit.check(noted).seq == 6
    with pytest.raises(AuditTruncated):
        audit.check(Head(noted.seq - 1, noted.hash))


@pytest.mark.parametrize("text", ["", "5", "5:abc", f"-1:{'0' * 64}", f"5:{'g' * 64}"])
def test_what_is_no_head(text: str) -> None:
    with pytest.raises(HeadInvalid):
        Head.parse(text)


def test_a_long_chain_is_read_in_pieces(database: Database) -> None:
    audit = Audit(database, lambda: NOW)
    audit.record(*(Entry("ci", "x", str(number), {}) for number in range(2500)))
    assert audit.check(Head(1200, audit.rows()[1199].hash)).seq == 2500


def test_the_table_refuses_to_forget(audit: Audit) -> None:
    for statement in ("DELETE FROM audit", "UPDATE audit SET actor = ''"):
        with pytest.raises(DatabaseUnusable, match="appended"):
            with audit._database.transaction() as connection:
                connection.execute(statement)
    assert audit.check().seq == 5


def test_a_transaction_that_fails_leaves_no_row(audit: Audit) -> None:
    with pytest.raises(KeyError), audit._database.transaction() as connection:
        audit.append(connection, Entry("ci", "x", "y", {}))
        raise KeyError
    assert audit.head().seq == 5


def test_a_full_disk_is_told(audit: Audit, database: Database) -> None:
    pages = database.query("PRAGMA page_count")[0][0]
    database.query(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(DatabaseFull):
        audit.record(*(Entry("ci", "x", "y" * 400, {}) for _ in range(1000)))
    assert audit.check().seq == 5


def test_what_clients_make_up_stays_on_one_line(audit: Audit) -> None:
    audit.record(Entry("a\nb", "x", "é\x00\u2028" + "z" * 1000, {"tag": "1\n2", "o": "é"}))
    row = audit.rows()[-1]
    assert (row.actor, row.detail) == ("a\\nb", '{"o":"\\u00e9","tag":"1\\n2"}')
    assert row.subject.isascii()
    assert row.subject.isprintable()
    assert len(row.subject) < 600
    assert json.loads(row.detail) == {"tag": "1\n2", "o": "é"}
    assert audit.check().seq == 6


def test_since_and_newest(database: Database) -> None:
    times = iter(datetime(2026, 5, day, tzinfo=UTC) for day in range(1, 9))
    audit = Audit(database, lambda: next(times))
    audit.record(*(Entry("ci", "x", str(day), {}) for day in range(1, 9)))
    assert [row.subject for row in audit.rows(since="2026-05-06T00:00:00")] == ["6", "7", "8"]
    assert [row.subject for row in audit.rows(most=2)] == ["7", "8"]


def test_the_newest_row_of_an_act(audit: Audit) -> None:
    for number in range(3):
        audit.record(Entry("bo", "a.thing", f"{number}", {}), Entry("bo", "b.thing", "x", {}))
    last = audit.last("a.thing")
    assert last is not None
    assert last.subject == "2"
    assert audit.last("c.thing") is None


def test_the_format_says_how_to_check_a_row_by_hand(audit: Audit) -> None:
    """The statement of FORMAT.md, and SHA-256 over the line it prints."""
    text = (ROOT / "champ_offline/journal/FORMAT.md").read_text(encoding="utf-8")
    found = re.search(r'sqlite3 champ.db "(SELECT .*?)" \| sha256sum', text, re.DOTALL)
    assert found is not None
    statement = found[1].replace("\\\n", "")
    rows = audit.rows()
    for row in rows:
        with closing(sqlite3.connect(audit._database.path)) as connection:
            printed = connection.execute(statement.replace("SEQ", str(row.seq))).fetchone()[0]
        assert hashlib.sha256(f"{printed}\n".encode()).hexdigest() == row.hash


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("", [5, 4, 3, 2, 1]), ("APP3", [3]), ("team/app", [5, 4, 3, 2, 1]), ('"size":2', [2]),
        ("2026-05-01", [5, 4, 3, 2, 1]), ("%", []), ("app_", []), ("!", []), ("nowhere", []),
    ],
)  # fmt: skip
def test_rows_are_found_by_a_text_in_any_field(audit: Audit, text: str, numbers: list[int]) -> None:
    assert audit.numbers(text) == numbers
    assert [row.seq for row in audit.numbered(numbers)] == numbers


def test_rows_are_found_by_a_text_that_is_kept_escaped(audit: Audit) -> None:
    audit.record(Entry("陈", "bundle.import", "影像", {"reason": "夜班"}))
    assert audit.numbers("影像") == audit.numbers("夜班") == audit.numbers("陈") == [6]


def test_numbers_without_a_row_are_left_out(audit: Audit) -> None:
    assert [row.seq for row in audit.numbered([9, 2, 7, 1])] == [2, 1]
    assert audit.numbered([]) == []
