"""Pushes as the store sees them: owners, restarts, broken connections, full disks."""

from __future__ import annotations

import asyncio
import errno
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from champ_offline.durable.write import GrowingFile
from champ_offline.oci.digest import Digest
from champ_offline.registry.access import Open
from champ_offline.registry.asgi import registry
from champ_offline.store.uploads import Reception
from tests.contracts.distribution.client import (
    CONFIG,
    IMAGE,
    LAYER,
    Response,
    descriptor,
    digest_of,
)
from tests.simulators.asgi import End, ask, exchange, framed
from tests.unit.registry.conftest import NAME, Zone
from tests.unit.registry.desk import (
    DATA,
    DIGEST,
    MORE,
    NOW,
    UPLOADS,
    Desk,
    Teams,
    begun,
    gone,
)


def test_what_a_bundle_brought_is_not_written(zone: Zone, tmp_path: Path) -> None:
    app = registry(zone.database, zone.blobs, tmp_path / "up", lambda: NOW, Open())
    digest = zone.image.digest
    for method, rest in (
        ("POST", "blobs/uploads/"),
        ("POST", f"blobs/uploads/?mount={zone.layer.digest}"),
        ("PUT", "manifests/1"),
        ("DELETE", "manifests/1"),
        ("DELETE", f"manifests/{digest}"),
        ("DELETE", f"blobs/{zone.layer.digest}"),
    ):
        found = ask(app, method, f"/v2/{NAME}/{rest}", zone.blobs.read(digest))
        assert (found.status, found.codes) == (403, ["DENIED"])
        assert "bundle" in found.json["errors"][0]["message"]
    assert ask(app, "GET", f"/v2/{NAME}/manifests/1").body == zone.blobs.read(digest)


def test_a_name_that_is_taken_over_while_it_is_pushed_to(zone: Zone, tmp_path: Path) -> None:
    app = registry(zone.database, zone.blobs, tmp_path / "up", lambda: NOW, Open())
    where = begun(app)
    inner = app.push._store

    def import_first(*arguments: object) -> object:
        zone.tag("team/app", "1", zone.image)
        return inner(*arguments)  # type: ignore[arg-type]

    app.push._store = import_first  # type: ignore[method-assign, assignment]
    found = ask(app, "PUT", f"{where}?digest={DIGEST}", DATA)
    assert (found.status, found.codes) == (403, ["DENIED"])
    assert not zone.blobs.has(Digest.of(DATA))
    assert zone.content.links.of("team/app") == []


def test_bundles_content_can_be_mounted(zone: Zone, tmp_path: Path) -> None:
    app = registry(zone.database, zone.blobs, tmp_path / "up", lambda: NOW, Open())
    for source in (f"&from={NAME}", ""):
        path = f"/v2/team/app{len(source)}/blobs/uploads/?mount={zone.layer.digest}{source}"
        found = ask(app, "POST", path)
        assert found.status == 201
        assert ask(app, "HEAD", found.location).status == 200


def test_what_lies_in_the_store_without_a_name_is_not_mounted(zone: Zone, tmp_path: Path) -> None:
    app = registry(zone.database, zone.blobs, tmp_path / "up", lambda: NOW, Open())
    stray = Digest.of(b"in the store, but of no repository")
    assert zone.blobs.has(stray)
    assert ask(app, "POST", f"{UPLOADS}?mount={stray}").status == 202


def test_a_client_sees_what_it_may(desk: Desk) -> None:
    desk.gatekeeper = Teams()
    app = desk.restarted()
    found = ask(app, "GET", "/v2/")
    assert (found.status, found.codes, found.headers["www-authenticate"]) == (
        401,
        ["UNAUTHORIZED"],
        "Team",
    )
    for team in ("a", "b"):
        path = f"/v2/{team}/app/blobs/uploads/?digest={DIGEST}"
        assert ask(app, "POST", path, DATA, {"x-team": team}).status == 201
    as_a = {"x-team": "a"}
    assert ask(app, "GET", f"/v2/b/app/blobs/{DIGEST}", headers=as_a).codes == ["DENIED"]
    catalog = ask(app, "GET", "/v2/_catalog", headers=as_a)
    assert catalog.json == {"repositories": ["a/app"]}
    secret = b"of team b alone"
    path = f"/v2/b/app/blobs/uploads/?digest={digest_of(secret)}"
    ask(app, "POST", path, secret, {"x-team": "b"})
    for source in ("&from=b/app", ""):
        path = f"/v2/a/app/blobs/uploads/?mount={digest_of(secret)}{source}"
        assert ask(app, "POST", path, headers=as_a).status == 202


def test_a_refused_client_sends_no_body(desk: Desk) -> None:
    desk.gatekeeper = Teams()
    assert ask(desk.restarted(), "POST", f"{UPLOADS}?digest={DIGEST}", DATA).status == 401
    assert desk.uploads() == []


def test_an_upload_goes_on_after_a_restart(desk: Desk) -> None:
    where = begun(desk.restarted())
    assert ask(desk.restarted(), "PATCH", where, DATA[:2000]).headers["range"] == "0-1999"
    assert ask(desk.restarted(), "PATCH", where, DATA[2000:3000]).headers["range"] == "0-2999"
    found = ask(desk.restarted(), "PUT", f"{where}?digest={DIGEST}", DATA[3000:])
    assert found.status == 201
    assert desk.blobs.read(Digest.of(DATA)) == DATA
    assert desk.uploads() == []


def test_a_connection_that_breaks_leaves_what_came(desk: Desk) -> None:
    app = desk.restarted()
    where = begun(app)
    gone(app, where, DATA[:3300])
    assert ask(app, "GET", where).headers["range"] == "0-3299"
    assert ask(app, "PUT", f"{where}?digest={DIGEST}", DATA[3300:]).status == 201


def test_one_post_that_breaks_leaves_nothing(desk: Desk) -> None:
    app = desk.restarted()
    gone(app, f"{UPLOADS}?digest={DIGEST}", DATA[:3300], "POST")
    assert desk.uploads() == []
    assert desk.database.query("SELECT * FROM uploads") == []


def test_two_writers_of_one_upload(desk: Desk) -> None:
    desk.limits = replace(MORE, silence=0.2)
    app = desk.restarted()
    where = begun(app)

    async def both() -> list[Response | None]:
        slow = exchange(app, "PATCH", where, *framed([DATA[:2000], End.SILENT], {}))
        task = asyncio.create_task(slow)
        await asyncio.sleep(0.1)
        second = await exchange(app, "PATCH", where, *framed(DATA, {}))
        third = await exchange(app, "DELETE", where, *framed(b"", {}))
        return [second, third, await task]

    second, third, first = asyncio.run(both())
    assert [found.status for found in (first, second, third) if found] == [408, 409, 409]
    assert ask(app, "GET", where).headers["range"] == "0-1999"


def test_nothing_is_written_into_a_blob(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second connection that goes on with an upload while the first ends it comes too late."""
    app, late = desk.restarted(), desk.restarted()
    where = begun(app)
    ask(app, "PATCH", where, DATA)
    tried: list[int] = []
    inner = Reception.verify

    def between(reception: Reception, digest: Digest) -> None:
        inner(reception, digest)
        tried.append(asyncio.run(second()).status)

    async def second() -> Response:
        found = await exchange(late, "PATCH", where, *framed(b"more", {}))
        assert found is not None
        return found

    with monkeypatch.context() as patch:
        patch.setattr(Reception, "verify", between)
        assert ask(app, "PUT", f"{where}?digest={DIGEST}").status == 201
    assert tried == [409]
    assert ask(late, "PATCH", where, b"more").status == 404
    assert desk.blobs.read(Digest.of(DATA)) == DATA


def test_uploads_that_nobody_goes_on_with(desk: Desk) -> None:
    app = desk.restarted()
    old, kept = begun(app), begun(app)
    ask(app, "PATCH", old, DATA)
    desk.now += timedelta(minutes=50)
    ask(app, "PATCH", kept, DATA)
    desk.now += timedelta(minutes=20)
    begun(app)
    assert ask(app, "GET", old).codes == ["BLOB_UPLOAD_UNKNOWN"]
    assert ask(app, "GET", kept).headers["range"] == f"0-{len(DATA) - 1}"
    assert len(desk.uploads()) == 2
    desk.now += timedelta(days=1)
    assert app.push.expire() == 2
    assert desk.uploads() == []


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
def test_a_disk_that_takes_no_more(desk: Desk, code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    app = desk.restarted()
    where = begun(app)
    assert ask(app, "PATCH", where, DATA[:1000]).status == 202
    write: Callable[[GrowingFile, bytes], None] = GrowingFile.write

    def half(file: GrowingFile, data: bytes) -> None:
        write(file, data[: len(data) // 2])
        raise OSError(code, "the disk says so")

    with monkeypatch.context() as patch:
        patch.setattr(GrowingFile, "write", half)
        found = ask(app, "PATCH", where, DATA[1000:])
    assert (found.status, found.codes) == (503 if code == errno.EIO else 507, ["UNAVAILABLE"])
    assert ask(app, "GET", where).headers["range"] == "0-999"
    assert ask(app, "PUT", f"{where}?digest={DIGEST}", DATA[1000:]).status == 201


def test_a_blob_that_was_damaged_is_made_good_by_a_push(desk: Desk) -> None:
    app = desk.restarted()
    path = f"{UPLOADS}?digest={DIGEST}"
    assert ask(app, "POST", path, DATA).status == 201
    file = desk.blobs.path(Digest.of(DATA))
    file.unlink()
    file.write_bytes(DATA[:-1])
    assert ask(app, "GET", f"/v2/team/app/blobs/{DIGEST}").status == 404
    assert ask(app, "POST", path, DATA).status == 201
    assert ask(app, "HEAD", f"/v2/team/app/blobs/{DIGEST}").status == 200
    assert file.stat().st_mode & 0o777 == 0o444


def test_a_damaged_blob_is_not_mounted(desk: Desk) -> None:
    app = desk.restarted()
    ask(app, "POST", f"{UPLOADS}?digest={DIGEST}", DATA)
    file = desk.blobs.path(Digest.of(DATA))
    file.unlink()
    file.write_bytes(DATA[:-1])
    assert ask(app, "POST", f"/v2/other/blobs/uploads/?mount={DIGEST}").status == 202


def test_who_pushed_what_is_kept(desk: Desk) -> None:
    desk.gatekeeper = Teams()
    app = desk.restarted()
    as_a = {"x-team": "a"}
    for data in (DATA, b"{}"):
        ask(app, "POST", f"/v2/a/app/blobs/uploads/?digest={digest_of(data)}", data, as_a)
    document = {
        "schemaVersion": 2,
        "mediaType": IMAGE,
        "config": descriptor(b"{}", CONFIG),
        "layers": [descriptor(DATA, LAYER)],
    }
    data = json.dumps(document).encode()
    assert ask(app, "PUT", "/v2/a/app/manifests/1", data, as_a).status == 201
    rows = desk.database.query("SELECT kind, client, pushed FROM links ORDER BY kind")
    assert [tuple(row) for row in rows] == [
        ("blob", "a", NOW.isoformat()),
        ("blob", "a", NOW.isoformat()),
        ("manifest", "a", NOW.isoformat()),
    ]
