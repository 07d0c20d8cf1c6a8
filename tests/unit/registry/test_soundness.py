"""What is sent is what was verified: a file that moved is hashed again before its first byte."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from champ_offline.events import Event, FaultFound
from champ_offline.journal.audit import Audit
from champ_offline.oci.digest import Digest
from champ_offline.registry.asgi import registry
from champ_offline.registry.soundness import Soundness
from champ_offline.store.blobs import BlobStore
from champ_offline.store.verified import Verified
from tests.simulators.asgi import ask
from tests.unit.registry.conftest import LAYER, NAME, Zone
from tests.unit.registry.desk import DATA, DIGEST, UPLOADS, Desk

NOW = datetime(2026, 5, 1, tzinfo=UTC)


class Counted(BlobStore):
    """Counts how often blobs are read whole."""

    reads = 0

    def examine(self, digest: Digest, read: Callable[[int], object] = lambda _: None) -> Any:
        self.reads += 1
        return super().examine(digest, read)


@contextmanager
def changed(path: Path) -> Iterator[bytearray]:
    """Change a file's bytes in its place."""
    data = bytearray(path.read_bytes())
    yield data
    path.chmod(0o644)
    path.write_bytes(data)


@pytest.fixture
def counted(zone: Zone) -> Counted:
    return Counted(zone.blobs.root)


def app_of(zone: Zone, blobs: BlobStore, told: list[Event] | None = None) -> Any:
    notify = told.append if told is not None else lambda _event: None
    uploads = zone.blobs.root / "uploads"
    return registry(zone.database, blobs, uploads, lambda: NOW, notify=notify)


def layer_of(zone: Zone) -> str:
    return f"/v2/{NAME}/blobs/{zone.layer.digest}"


def test_a_zone_made_before_gets_its_record_with_the_first_pull(
    zone: Zone, counted: Counted
) -> None:
    verified = Verified(zone.database)
    assert verified.of(zone.layer.digest) is None
    app = app_of(zone, counted)
    for _ in range(3):
        assert ask(app, "GET", layer_of(zone)).body == LAYER
    assert counted.reads == 1
    assert verified.of(zone.layer.digest) == counted.stamp(zone.layer.digest)
    assert ask(app_of(zone, counted), "GET", layer_of(zone)).body == LAYER
    assert counted.reads == 1


def test_nothing_is_asked_where_nothing_moved(zone: Zone, counted: Counted) -> None:
    soundness = Soundness(zone.database, counted, lambda: NOW)
    assert asyncio.run(soundness.holds(zone.layer.digest))
    found: list[str] = []
    for connection in zone.database._every:
        connection.set_trace_callback(found.append)
    assert asyncio.run(soundness.holds(zone.layer.digest))
    assert (found, counted.reads) == ([], 1)


def test_a_file_that_moved_and_is_right_is_served_and_remembered(
    zone: Zone, counted: Counted
) -> None:
    app = app_of(zone, counted)
    ask(app, "GET", layer_of(zone))
    os.utime(zone.blobs.path(zone.layer.digest), ns=(1, 1))
    assert ask(app, "GET", layer_of(zone)).body == LAYER
    assert ask(app, "GET", layer_of(zone)).body == LAYER
    assert counted.reads == 2
    found = Verified(zone.database).of(zone.layer.digest)
    assert found is not None
    assert found.mtime_ns == 1


def test_setting_the_time_back_hides_nothing(zone: Zone) -> None:
    app = app_of(zone, zone.blobs)
    assert ask(app, "GET", layer_of(zone)).status == 200
    path = zone.blobs.path(zone.layer.digest)
    before = path.stat()
    path.chmod(0o600)
    path.write_bytes(bytes(reversed(LAYER)))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert ask(app, "GET", layer_of(zone)).status == 404
    assert not zone.blobs.has(zone.layer.digest)


def test_an_unmounted_store_is_no_missing_content(zone: Zone) -> None:
    app = app_of(zone, zone.blobs)
    paths = [layer_of(zone), f"/v2/{NAME}/manifests/1"]
    away = zone.blobs.root.rename(zone.blobs.root.with_name("away"))
    for path in paths:
        refused = ask(app, "GET", path)
        assert (refused.status, refused.codes) == (503, ["UNAVAILABLE"])
    away.rename(zone.blobs.root)
    assert [ask(app, "GET", path).status for path in paths] == [200, 200]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_changed_bytes_are_never_served(
    zone: Zone, method: str, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[Event] = []
    app = app_of(zone, zone.blobs, told)
    assert ask(app, "GET", layer_of(zone)).status == 200
    path = zone.blobs.path(zone.layer.digest)
    with changed(path) as data:
        data[-1] ^= 1
    with caplog.at_level(logging.ERROR, "champ.registry.access"):
        refused = ask(app, method, layer_of(zone))
    assert refused.status == 404
    assert refused.headers["content-type"] == "application/json"
    assert method == "HEAD" or refused.codes == ["BLOB_UNKNOWN"]
    blob = str(zone.layer.digest)
    assert told == [FaultFound("store.blob-damaged", str(path), blob, -1)]
    assert blob in caplog.text
    assert not zone.blobs.has(zone.layer.digest)
    assert zone.blobs.aside() == {zone.layer.digest: len(LAYER)}
    [row] = Audit(zone.database, lambda: NOW).rows()
    assert (row.act, row.subject) == ("store.check", blob)
    ranged = ask(app, "GET", layer_of(zone), headers={"range": "bytes=0-9"})
    assert ranged.status == 404


def test_a_damaged_manifest_is_set_aside_and_told_too(zone: Zone) -> None:
    told: list[Event] = []
    app = app_of(zone, zone.blobs, told)
    data = zone.blobs.read(zone.image.digest)
    with changed(zone.blobs.path(zone.image.digest)) as changing:
        changing.pop()
    for _ in range(2):
        refused = ask(app, "GET", f"/v2/{NAME}/manifests/1")
        assert (refused.status, refused.codes) == (404, ["MANIFEST_UNKNOWN"])
    assert [event.blob for event in told if isinstance(event, FaultFound)] == [
        str(zone.image.digest)
    ]
    assert zone.image.digest in zone.blobs.aside()
    zone.blobs.add(data)
    assert ask(app, "GET", f"/v2/{NAME}/manifests/1").body == data


def gone(_path: Path) -> None:
    """Nothing is in its place."""


def linked(path: Path) -> None:
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize("put", [gone, linked, Path.mkdir, os.mkfifo])
@pytest.mark.parametrize("what", ["layer", "image"])
def test_what_is_gone_is_told_once_and_again_when_it_vanishes_anew(
    zone: Zone, what: str, put: Callable[[Path], None]
) -> None:
    told: list[Event] = []
    app = app_of(zone, zone.blobs, told)
    asked = layer_of(zone) if what == "layer" else f"/v2/{NAME}/manifests/1"
    wanted = zone.layer if what == "layer" else zone.image
    path = zone.blobs.path(wanted.digest)
    fault = "store.blob-missing" if put is gone else "store.obstructed"
    away = path.with_name("away")
    for times in (1, 2):
        path.rename(away)
        put(path)
        for method in ("GET", "HEAD", "GET"):
            assert ask(app, method, asked).status == 404
        assert told == [FaultFound(fault, str(path), str(wanted.digest), -1)] * times
        if path.is_dir() and not path.is_symlink():
            path.rmdir()
        away.replace(path)
        assert ask(app, "GET", asked).status == 200
    assert (app.monitor.metrics.missing, app.monitor.metrics.damaged) == (2, 0)


def test_what_was_damaged_and_given_back_is_told_of_when_it_is_gone(zone: Zone) -> None:
    told: list[Event] = []
    app = app_of(zone, zone.blobs, told)
    manifest = zone.blobs.read(zone.image.digest)
    with changed(zone.blobs.path(zone.image.digest)) as data:
        data[0] ^= 1
    for method in ("GET", "HEAD"):
        assert ask(app, method, f"/v2/{NAME}/manifests/1").status == 404
    zone.blobs.add(manifest)
    assert ask(app, "GET", f"/v2/{NAME}/manifests/1").body == manifest
    zone.blobs.remove(zone.image.digest)
    for _ in range(2):
        assert ask(app, "GET", f"/v2/{NAME}/manifests/1").status == 404
    faults = [event.fault for event in told if isinstance(event, FaultFound)]
    assert faults == ["store.blob-damaged", "store.blob-missing"]
    assert (app.monitor.metrics.missing, app.monitor.metrics.damaged) == (1, 1)


@pytest.mark.parametrize("asked", ["manifests/{image}", "blobs/{layer}", "manifests/unknown"])
def test_an_index_that_is_gone_is_told_to_who_asks_for_what_is_below(
    zone: Zone, asked: str
) -> None:
    told: list[Event] = []
    app, name = app_of(zone, zone.blobs, told), "docker.io/library/all"
    zone.tag(name, "1", zone.index)
    what = asked.format(image=zone.image.digest, layer=zone.layer.digest)
    zone.blobs.path(zone.index.digest).rename(zone.blobs.root / "away")
    for _ in range(2):
        assert ask(app, "GET", f"/v2/{name}/{what}").status == 404
    path = str(zone.blobs.path(zone.index.digest))
    assert told == [FaultFound("store.blob-missing", path, str(zone.index.digest), -1)]


def test_a_blob_that_was_cut_off_is_told_once(zone: Zone) -> None:
    told: list[Event] = []
    app = app_of(zone, zone.blobs, told)
    with changed(zone.blobs.path(zone.layer.digest)) as data:
        del data[100:]
    for method in ("HEAD", "GET"):
        assert ask(app, method, layer_of(zone)).status == 404
    assert [event.fault for event in told if isinstance(event, FaultFound)] == [
        "store.blob-damaged"
    ]


def test_one_that_is_given_back_is_served_again(zone: Zone) -> None:
    app = app_of(zone, zone.blobs)
    with changed(zone.blobs.path(zone.layer.digest)) as data:
        data[0] ^= 1
    assert ask(app, "GET", layer_of(zone)).status == 404
    zone.blobs.add(LAYER)
    assert ask(app, "GET", layer_of(zone)).body == LAYER


def test_many_who_wait_have_it_hashed_once(zone: Zone, counted: Counted) -> None:
    soundness = Soundness(zone.database, counted, lambda: NOW)

    async def pull() -> list[bool]:
        waiting = [soundness.holds(zone.layer.digest) for _ in range(60)]
        first = asyncio.ensure_future(soundness.holds(zone.layer.digest))
        await asyncio.sleep(0)
        first.cancel()  # a client that goes away takes nothing from the others
        return list(await asyncio.gather(*waiting))

    assert asyncio.run(pull()) == [True] * 60
    assert counted.reads == 1


def test_a_disk_that_does_not_give_the_bytes(zone: Zone) -> None:
    class Broken(BlobStore):
        def examine(self, digest: Digest, read: Callable[[int], object] = lambda _: None) -> Any:
            raise OSError(5, "Input/output error")

    app = app_of(zone, Broken(zone.blobs.root))
    refused = ask(app, "GET", layer_of(zone))
    assert (refused.status, refused.codes) == (503, ["UNAVAILABLE"])
    assert ask(app_of(zone, zone.blobs), "GET", layer_of(zone)).status == 200


def test_what_cannot_be_written_down_is_judged_all_the_same(zone: Zone, counted: Counted) -> None:
    """On a disk that takes nothing more a damaged blob stays where it is, and is not sent."""
    app = app_of(zone, counted)
    with changed(counted.path(zone.layer.digest)) as data:
        data[7] ^= 1
    (counted.root / "damaged").write_bytes(b"")  # no folder can be made here
    for _ in range(3):
        assert ask(app, "GET", layer_of(zone)).status == 404
    assert counted.reads == 1


@pytest.mark.parametrize("headers", [{}, {"range": "bytes=5-"}])
def test_a_blob_that_is_collected_before_its_first_byte(
    zone: Zone, headers: dict[str, str]
) -> None:
    class Collected(Soundness):
        async def holds(self, digest: Digest) -> bool:
            found = await super().holds(digest)
            zone.blobs.remove(digest)
            return found

    app = app_of(zone, zone.blobs)
    app._soundness = Collected(zone.database, zone.blobs, lambda: NOW)
    refused = ask(app, "GET", layer_of(zone), headers=headers)
    assert (refused.status, refused.codes) == (404, ["BLOB_UNKNOWN"])


def test_a_push_writes_down_what_it_verified(desk: Desk) -> None:
    app = desk.restarted()
    assert ask(app, "POST", f"{UPLOADS}?digest={DIGEST}", DATA).status == 201
    digest = Digest.parse(DIGEST)
    assert Verified(desk.database).of(digest) == desk.blobs.stamp(digest)


def test_a_push_names_the_folder_that_stands_in_its_blobs_place(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    app, path = desk.restarted(), desk.blobs.path(Digest.parse(DIGEST))
    path.mkdir()
    with caplog.at_level(logging.ERROR, "champ.registry.access"):
        refused = ask(app, "POST", f"{UPLOADS}?digest={DIGEST}", DATA)
    assert (refused.status, refused.codes) == (503, ["UNAVAILABLE"])
    assert f"store.obstructed: {path} " in caplog.text
    path.rmdir()
    assert ask(app, "POST", f"{UPLOADS}?digest={DIGEST}", DATA).status == 201
