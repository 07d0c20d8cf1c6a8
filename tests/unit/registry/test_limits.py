"""What one client, or all of them, may take of the machine, and what happens beyond."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from datetime import timedelta

from champ_offline.registry.limits import Limits
from tests.architecture.source import ROOT
from tests.contracts.distribution.client import Response
from tests.simulators.asgi import End, ask, exchange, framed
from tests.unit.registry.desk import DATA, MORE, UPLOADS, Desk, Teams, begun, send


def test_a_body_that_goes_silent_is_cut_off(desk: Desk) -> None:
    desk.limits = replace(MORE, silence=0.05)
    app = desk.restarted()
    where = begun(app)
    found = send(app, "PATCH", where, [DATA[:2500], End.SILENT])
    assert found is not None
    assert (found.status, found.codes) == (408, ["BLOB_UPLOAD_INVALID"])
    assert ask(app, "GET", where).headers["range"] == "0-2499"
    found = send(app, "PUT", "/v2/team/app/manifests/1", [b"{", End.SILENT])
    assert found is not None
    assert found.status == 408


def test_a_body_that_trickles_is_cut_off(desk: Desk) -> None:
    desk.limits = replace(MORE, patience=0.0, slowest=10**9)
    app = desk.restarted()
    found = send(app, "PATCH", begun(app), [DATA[:10], End.SILENT])
    assert found is not None
    assert found.status == 408


def test_a_body_that_is_too_large(desk: Desk) -> None:
    desk.limits = replace(MORE, body=2000)
    app = desk.restarted()
    where = begun(app)
    assert ask(app, "PATCH", where, DATA[:1500]).status == 202
    for body in (DATA[:2001], [DATA[:1200], DATA[:1200]]):
        found = ask(app, "PATCH", where, body)
        assert (found.status, found.codes) == (413, ["SIZE_INVALID"])
        assert ask(app, "GET", where).headers["range"] == "0-1499"


def test_headers_that_are_too_large(desk: Desk) -> None:
    app = desk.restarted()
    found = ask(app, "GET", "/v2/", headers={"x": "y" * 40_000})
    assert (found.status, found.codes) == (431, ["UNSUPPORTED"])
    assert ask(app, "GET", f"/v2/{'a/' * 5000}manifests/1").status == 414


def test_too_many_uploads_of_a_client(desk: Desk) -> None:
    desk.limits = replace(MORE, uploads_per_client=2)
    desk.gatekeeper = Teams()
    app = desk.restarted()

    def begin(team: str) -> Response:
        return ask(app, "POST", f"/v2/{team}/x/blobs/uploads/", headers={"x-team": team})

    assert [begin("a").status for _ in range(3)] == [202, 202, 429]
    found = begin("a")
    assert (found.codes, found.headers["retry-after"]) == (["TOOMANYREQUESTS"], "30")
    where = begin("b").location
    assert ask(app, "DELETE", where, headers={"x-team": "b"}).status == 204
    assert begin("b").status == 202


def test_too_many_uploads_of_all(desk: Desk) -> None:
    desk.limits = replace(MORE, uploads=3)
    app = desk.restarted()
    assert [ask(app, "POST", UPLOADS).status for _ in range(4)] == [202, 202, 202, 429]


def test_too_many_bodies_at_once(desk: Desk) -> None:
    desk.limits = replace(MORE, bodies=1, silence=0.2)
    app = desk.restarted()
    where = begun(app)

    async def both() -> tuple[Response | None, Response | None]:
        slow = exchange(app, "PATCH", where, *framed([b"x", End.SILENT], {}))
        other = exchange(app, "POST", UPLOADS, *framed(b"", {}))
        first, second = await asyncio.gather(slow, other)
        return first, second

    first, second = asyncio.run(both())
    assert first is not None
    assert second is not None
    assert (first.status, second.status, second.codes) == (408, 429, ["TOOMANYREQUESTS"])


def test_a_client_with_too_many_gives_up_its_oldest(desk: Desk) -> None:
    desk.limits = replace(MORE, uploads_per_client=2)
    app = desk.restarted()
    first = begun(app)
    desk.now += timedelta(seconds=30)
    second = begun(app)
    assert ask(app, "POST", UPLOADS).status == 429
    desk.now += timedelta(seconds=50)
    third = begun(app)
    assert ask(app, "GET", first).codes == ["BLOB_UPLOAD_UNKNOWN"]
    assert ask(app, "GET", second).status == ask(app, "GET", third).status == 204
    assert len(desk.uploads()) == 2


def test_one_client_does_not_take_all_places_of_bodies(desk: Desk) -> None:
    desk.limits = replace(MORE, bodies=2, bodies_per_client=1, silence=0.3)
    desk.gatekeeper = Teams()
    app = desk.restarted()
    where = ask(app, "POST", "/v2/a/x/blobs/uploads/", headers={"x-team": "a"}).location

    async def three() -> list[int]:
        slow = exchange(app, "PATCH", where, *framed([b"x", End.SILENT], {"x-team": "a"}))
        others = [
            exchange(app, "POST", f"/v2/{team}/y/blobs/uploads/", *framed(b"", {"x-team": team}))
            for team in ("a", "b")
        ]
        return [found.status for found in await asyncio.gather(slow, *others) if found]

    assert asyncio.run(three()) == [408, 429, 202]


def test_forms_do_not_take_the_places_of_pushes(desk: Desk) -> None:
    """Whoever has no name can send forms for tokens as slowly as the limits allow; pushes go on."""
    desk.limits = replace(MORE, bodies=1, forms=1, silence=0.3)
    app = desk.restarted()

    async def three() -> list[int]:
        slow = exchange(app, "POST", "/v2/token", *framed([b"grant", End.SILENT], {}))
        again = exchange(app, "POST", "/v2/token", *framed(b"", {}))
        push = exchange(app, "POST", UPLOADS, *framed(b"", {}))
        return [found.status for found in await asyncio.gather(slow, again, push) if found]

    assert asyncio.run(three()) == [408, 429, 202]


def test_the_page_says_what_the_limits_are() -> None:
    page = (ROOT / "docs" / "registry-limits.md").read_text(encoding="utf-8")
    told = dict(re.findall(r"^\| `([a-z_]+)` \| ([0-9.]+) \|", page, re.MULTILINE))
    assert told == {name: str(value) for name, value in vars(Limits()).items()}
