"""What the registry tells the audit chain; what it does when that cannot be written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from champ_offline.durable.database import Database, DatabaseFull
from champ_offline.journal.audit import Audit, Entry
from champ_offline.registry.deeds import Kind, Refusals
from champ_offline.registry.limits import Limits
from tests.contracts.distribution.client import IMAGE, descriptor, digest_of
from tests.simulators.asgi import End, ask
from tests.unit.registry.conftest import NAME, Zone
from tests.unit.registry.desk import DATA, DIGEST, Desk, Teams, gone, send

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
AS_A = {"x-team": "a"}
APP = "/v2/a/app"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with closing(Database.create(tmp_path / "champ.db")) as database:
        yield database


@pytest.fixture
def desk(tmp_path: Path, database: Database) -> Desk:
    return Desk(tmp_path, database, gatekeeper=Teams())


def told(database: Database) -> list[tuple[str, str, str]]:
    rows = Audit(database, lambda: NOW).rows()
    return [(row.actor, row.act.removeprefix("registry."), row.subject) for row in rows]


def image(tag: str) -> bytes:
    document = {
        "schemaVersion": 2,
        "mediaType": IMAGE,
        "config": descriptor(DATA, "application/x-config"),
        "layers": [],
        "annotations": {"tag": tag},
    }
    return json.dumps(document).encode()


class Broken(Audit):
    """An audit on a disk that is full."""

    def append(self, *_: object) -> None:
        raise DatabaseFull(path=self._database.path)


def test_every_change_is_told(desk: Desk) -> None:
    app, database = desk.restarted(), desk.database
    where = ask(app, "POST", f"{APP}/blobs/uploads/", headers=AS_A).location
    ask(app, "PATCH", where, DATA[:100], AS_A)
    ask(app, "PUT", f"{where}?digest={DIGEST}", DATA[100:], AS_A)
    ask(app, "POST", f"/v2/a/two/blobs/uploads/?mount={DIGEST}&from=a/app", headers=AS_A)
    other = ask(app, "POST", f"{APP}/blobs/uploads/", headers=AS_A).location
    ask(app, "DELETE", other, headers=AS_A)
    ask(app, "PUT", f"{APP}/manifests/1", image("1"), AS_A)
    ask(app, "DELETE", f"{APP}/manifests/1", headers=AS_A)
    found = ask(app, "DELETE", f"{APP}/blobs/{DIGEST}", headers=AS_A)
    assert told(database) == [
        ("a", "upload.begin", "a/app"),
        ("a", "upload.chunk", "a/app"),
        ("a", "blob.push", "a/app"),
        ("a", "blob.mount", "a/two"),
        ("a", "upload.begin", "a/app"),
        ("a", "upload.cancel", "a/app"),
        ("a", "manifest.push", "a/app"),
        ("a", "manifest.delete", "a/app"),
        ("a", "blob.delete", "a/app"),
    ]
    rows = Audit(database, lambda: NOW).rows()
    details = [json.loads(row.detail) for row in rows]
    assert details[2]["digest"] == DIGEST
    assert (details[6]["digest"], details[6]["tags"]) == (digest_of(image("1")), ["1"])
    assert details[7]["tag"] == "1"
    assert details[8]["request"] == found.headers["x-request-id"]
    assert len({one["request"] for one in details}) == 9


def test_what_was_not_done_is_not_told_as_done(desk: Desk) -> None:
    app = desk.restarted()
    wrong = digest_of(b"other")
    assert ask(app, "POST", f"{APP}/blobs/uploads/?digest={wrong}", DATA, AS_A).status == 400
    assert ask(app, "PUT", f"{APP}/manifests/1", image("1"), AS_A).status == 400
    assert ask(app, "DELETE", f"{APP}/manifests/1", headers=AS_A).status == 404
    assert told(desk.database) == [("a", "upload.begin", "a/app")]


def test_reading_is_not_told(zone: Zone) -> None:
    for path in ("/v2/", "/v2/_catalog", f"/v2/{NAME}/manifests/1", f"/v2/{NAME}/manifests/no"):
        ask(zone.app, "GET", path)
    zone.app.refusals.write()
    assert told(zone.database) == []


def test_what_is_refused_is_told(desk: Desk) -> None:
    desk.limits = Limits(body=1000, uploads_per_client=1, spare=9)
    app = desk.restarted()
    ask(app, "POST", "/v2/b/app/blobs/uploads/", headers=AS_A)
    ask(app, "GET", "/v2/b/app/manifests/1", headers=AS_A)
    ask(app, "POST", f"{APP}/blobs/uploads/")
    ask(app, "PUT", "/v2/", headers=AS_A)
    where = ask(app, "POST", f"{APP}/blobs/uploads/", headers=AS_A).location
    ask(app, "PATCH", where, DATA[:1001], AS_A)
    ask(app, "POST", f"{APP}/blobs/uploads/", headers=AS_A)
    app.refusals.write()
    rows = Audit(desk.database, lambda: NOW).rows()
    refused = [
        (row.actor, detail["action"], row.subject, detail["status"])
        for row in rows
        if row.act == "registry.refused"
        for detail in [json.loads(row.detail)]
    ]
    assert refused == [
        ("a", "push", "b/app", 403),
        ("a", "pull", "b/app", 403),
        ("", "push", "a/app", 401),
        ("", "PUT", "", 405),
        ("a", "push", "a/app", 413),
        ("a", "push", "a/app", 429),
    ]


def test_a_bundles_repository_refuses_and_tells(zone: Zone) -> None:
    assert ask(zone.app, "PUT", f"/v2/{NAME}/manifests/1", b"{}").status == 405
    zone.app.refusals.write()
    assert told(zone.database) == [("", "refused", NAME)]


@pytest.mark.parametrize("act", ["begin", "chunk", "finish", "mount", "cancel", "put", "delete"])
def test_what_cannot_be_told_is_not_done(desk: Desk, act: str) -> None:
    app = desk.restarted()
    ask(app, "POST", f"{APP}/blobs/uploads/?digest={DIGEST}", DATA, AS_A)
    ask(app, "PUT", f"{APP}/manifests/1", image("1"), AS_A)
    where = ask(app, "POST", f"{APP}/blobs/uploads/", headers=AS_A).location
    ask(app, "PATCH", where, b"half", AS_A)

    def seen() -> list[list[tuple[object, ...]]]:
        every = ("SELECT * FROM refs", "SELECT * FROM links", "SELECT * FROM uploads")
        found = [desk.database.query(sql) for sql in (*every, "SELECT * FROM audit")]
        return [[tuple(row) for row in rows] for rows in found]

    before, sizes = seen(), [file.stat().st_size for file in desk.uploads()]
    app.push._audit = app._publish._audit = Broken(desk.database, lambda: NOW)
    whole = digest_of(b"half")
    requests: dict[str, tuple[str, str, bytes]] = {
        "begin": ("POST", f"{APP}/blobs/uploads/", b""),
        "chunk": ("PATCH", where, b"more"),
        "finish": ("PUT", f"{where}?digest={whole}", b""),
        "mount": ("POST", f"/v2/a/two/blobs/uploads/?mount={DIGEST}", b""),
        "cancel": ("DELETE", where, b""),
        "put": ("PUT", f"{APP}/manifests/2", image("2")),
        "delete": ("DELETE", f"{APP}/manifests/1", b""),
    }
    found = ask(app, *requests[act], AS_A)
    assert (found.status, found.codes) == (507, ["UNAVAILABLE"])
    assert seen() == before
    assert [file.stat().st_size for file in desk.uploads()] == sizes
    assert ask(app, "GET", f"{APP}/manifests/1", headers=AS_A).status == 200


def test_what_came_of_a_broken_chunk_is_told_or_let_go(desk: Desk) -> None:
    app = desk.restarted()
    where = ask(app, "POST", f"{APP}/blobs/uploads/", headers=AS_A).location
    gone(app, where, DATA[:100], **AS_A)
    chunk = json.loads(Audit(desk.database, lambda: NOW).rows()[-1].detail)
    assert (chunk["start"], chunk["size"]) == (0, 100)
    app.push._audit = Broken(desk.database, lambda: NOW)
    send(app, "PATCH", where, [DATA[100:300], End.GONE], **AS_A)
    assert [file.stat().st_size for file in desk.uploads()] == [100]
    app = desk.restarted()
    found = ask(app, "PUT", f"{where}?digest={DIGEST}", DATA[100:], AS_A)
    assert found.status == 201


def kind(client: str = "ci", repository: str = "team/app", address: str = "10.0.0.7") -> Kind:
    return Kind(client, address, "push", repository, 403)


def test_equal_refusals_are_one_row(database: Database) -> None:
    times = iter(NOW.replace(second=second) for second in range(60))
    audit = Audit(database, lambda: NOW)
    refusals = Refusals(audit, lambda: next(times))
    for number in range(20):
        refusals.note(kind(), f"id{number}")
    refusals.note(kind(repository="team/two"), "last")
    refusals.write()
    rows = audit.rows()
    assert [json.loads(row.detail)["count"] for row in rows] == [20, 1]
    first = json.loads(rows[0].detail)
    assert (first["request"], first["first"][-8:-6], first["last"][-8:-6]) == ("id0", "00", "19")
    refusals.write()
    assert len(audit.rows()) == 2


def test_a_flood_fills_neither_memory_nor_disk(database: Database) -> None:
    audit = Audit(database, lambda: NOW)
    refusals = Refusals(audit, lambda: NOW)
    for number in range(10_000):
        refusals.note(kind(repository=f"made/up{number}"), "x")
    assert len(refusals._counts) == 33
    refusals.write()
    counts = [json.loads(row.detail)["count"] for row in audit.rows()]
    assert (len(counts), sum(counts)) == (33, 10_000)
    assert json.loads(audit.rows()[-1].detail)["action"] == "other"


def test_what_cannot_be_written_now_is_kept_and_stays_bounded(database: Database) -> None:
    audit = Audit(database, lambda: NOW)
    refusals = Refusals(Broken(database, lambda: NOW), lambda: NOW)
    for minute in range(5):
        for number in range(40):
            refusals.note(kind(repository=f"a{minute}-{number}"), "x")
        refusals.note(kind(), "x")
        with pytest.raises(DatabaseFull):
            refusals.write()
        assert len(refusals._counts) == 33
    refusals._audit = audit
    refusals.write()
    assert sum(json.loads(row.detail)["count"] for row in audit.rows()) == 205


def test_a_minute_has_one_row_of_a_kind(database: Database) -> None:
    audit, now = Audit(database, lambda: NOW), [NOW]
    refusals = Refusals(audit, lambda: now[0])

    def counts() -> list[int]:
        return [json.loads(row.detail)["count"] for row in audit.rows()]

    for second in range(0, 180, 5):
        now[0] = NOW + timedelta(seconds=second)
        for number in range(100):
            refusals.note(kind(repository=f"team/{number}"), f"{second}-{number}")
        refusals.write()
    assert len(counts()) == 3 * 33
    assert json.loads(audit.rows()[33].detail)["request"] == "5-0"
    refusals.write(every=True)
    assert sum(counts()) == 36 * 100
    now[0] -= timedelta(days=1)
    refusals.note(kind(), "x")
    refusals.write()
    assert counts()[-1] == 1


def test_where_nothing_is_due_there_is_no_transaction(database: Database) -> None:
    asked: list[str] = []
    refusals = Refusals(Audit(database, lambda: NOW), lambda: NOW)
    refusals.note(kind(), "x")
    refusals.write()
    database._connection().set_trace_callback(asked.append)
    refusals.write()
    refusals.note(kind(), "y")
    refusals.write()
    assert asked == []


def test_what_comes_while_writing_fails_is_one_with_the_rest(database: Database) -> None:
    class Busy(Broken):
        def record(self, *entries: Entry) -> None:
            refusals.note(kind(), "later")
            super().record(*entries)

    refusals = Refusals(Busy(database, lambda: NOW), lambda: NOW)
    refusals.note(kind(), "first")
    with pytest.raises(DatabaseFull):
        refusals.write()
    refusals._audit = audit = Audit(database, lambda: NOW)
    refusals.write()
    [row] = audit.rows()
    detail = json.loads(row.detail)
    assert (detail["count"], detail["request"]) == (2, "first")
