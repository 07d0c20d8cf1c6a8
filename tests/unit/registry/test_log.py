"""Lines of the log: their form, their bounds, and that nobody waits for them."""

from __future__ import annotations

import json
import logging
import re
import sys
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any

import pytest

from champ_offline.registry.log import (
    ALWAYS,
    FIELDS,
    LOG,
    LONGEST,
    Event,
    Told,
    Writer,
    request_id,
    tell,
    written,
)
from tests.architecture.source import ROOT
from tests.contracts.distribution.client import Registry, serving
from tests.simulators.asgi import exchange
from tests.unit.registry.conftest import Zone

PAGE = (ROOT / "docs" / "registry-operations.md").read_text(encoding="utf-8")


class Kept:
    """Keeps what is written."""

    def __init__(self) -> None:
        self.data = b""

    def write(self, lines: bytes) -> None:
        self.data += lines

    def lines(self) -> list[dict[str, Any]]:
        assert self.data.endswith(b"\n")
        return [json.loads(line) for line in self.data.splitlines()]


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture
def running(zone: Zone) -> Iterator[Registry]:
    with serving(zone.app) as found:
        yield found
    zone.database.close()


def test_a_request(zone: Zone, kept: Kept) -> None:
    with written(kept.write), serving(zone.app) as running:
        target = f"/v2/no%0Asuch/tags/list?n=1&last={'y' * 2000}"
        headers = {"x-request-id": "from-the-client.1", "authorization": "Basic c2VjcmV0"}
        found = running.send("GET", target, headers=headers)
    zone.database.close()
    assert found.headers["x-request-id"] == "from-the-client.1"
    [line] = [one for one in kept.lines() if one["event"] == "request"]
    assert list(line) == [*ALWAYS, *FIELDS[Event.REQUEST]]
    assert (line["request"], line["level"]) == ("from-the-client.1", "info")
    assert (line["client"], line["name"], line["status"]) == ("127.0.0.1", "", found.status)
    assert line["path"] == "/v2/no\nsuch/tags/list"
    assert len(line["query"]) == LONGEST
    assert line["bytes"] == len(found.body)
    assert 0 <= line["milliseconds"] < 60_000
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"])
    assert b"c2VjcmV0" not in kept.data
    assert [one["event"] for one in kept.lines()] == ["started", "request", "stopping", "stopped"]


@pytest.mark.parametrize("given", ["", "a" * 65, "a b", 'a"b', "a\tb", "ä", "../../x", "{}", "a,b"])
def test_ids_that_are_not_taken_over(given: str) -> None:
    assert re.fullmatch(r"[0-9a-f]{16}", request_id({"x-request-id": given}))


def test_an_id_of_a_client_is_in_the_answer_too(running: Registry) -> None:
    uuid = "0b7e6f0e-9f6b-4c1c-8d0e-000000000001"
    found = running.send("GET", "/v2/", headers={"X-Request-Id": uuid})
    assert found.headers["x-request-id"] == uuid
    other = running.send("GET", "/v2/", headers={"X-Request-Id": "no good"})
    assert other.headers["x-request-id"] != "no good"


def test_other_words_are_faults(kept: Kept) -> None:
    with written(kept.write):
        LOG.error("%s: %s", "store.blob-damaged", "line\nbreak")
    [line] = kept.lines()
    assert (line["event"], line["level"]) == ("fault", "error")
    assert line["message"] == "store.blob-damaged: line\nbreak"
    assert list(line) == [*ALWAYS, *FIELDS[Event.FAULT]]


def test_lines_that_cannot_be_written_are_counted() -> None:
    def refuse(lines: bytes) -> None:
        raise OSError(28, "No space left on device")

    with written(refuse) as writer:
        for _ in range(7):
            tell(Event.STOPPED, 1, 0)
    assert writer.dropped() == 7


def test_a_reader_that_stands_still_keeps_nobody_waiting(kept: Kept) -> None:
    reading = threading.Event()

    def slow(lines: bytes) -> None:
        reading.wait(20)
        kept.write(lines)

    writer = Writer(slow, most=100)
    record = logging.LogRecord(LOG.name, logging.INFO, "", 0, Told(Event.STOPPED, 1, 0), None, None)
    for _ in range(1000):
        writer.handle(record)
    assert 890 <= writer.dropped() <= 900
    reading.set()
    writer.end()
    assert len(kept.lines()) == 1000 - writer.dropped()


def test_configuring_logging_anew_does_not_end_it(kept: Kept) -> None:
    with written(kept.write):
        logging.shutdown([lambda: LOG.handlers[-1]])
        tell(Event.STOPPED, 1, 0)
    assert len(kept.lines()) == 1


async def test_nothing_is_made_where_nobody_listens(zone: Zone, kept: Kept) -> None:
    called: set[str] = set()
    told = Told.__init__.__code__

    def note(frame: FrameType, _what: str, _argument: object) -> None:
        if frame.f_code is told:
            called.add("told")

    async def ask() -> set[str]:
        called.clear()
        sys.setprofile(note)
        try:
            found = await exchange(zone.app, "GET", "/v2/", [b""], [])
        finally:
            sys.setprofile(None)
        assert found is not None
        assert found.status == 200
        return set(called)

    assert await ask() == set()
    with written(kept.write):
        assert await ask() == {"told"}


def test_the_page_has_every_event_and_field() -> None:
    rows = re.findall(r"^\| `([a-z-]+)` \| ((?:`[a-z_]+`(?:, )?)+) \|", PAGE, re.MULTILINE)
    told = {event: tuple(re.findall(r"`([a-z_]+)`", fields)) for event, fields in rows}
    assert told == {str(event): fields for event, fields in FIELDS.items()}
