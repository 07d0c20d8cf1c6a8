"""Killed before every durable step of pushes and deletes: nothing half is seen, and on it goes."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from champ_offline.durable.database import Database
from champ_offline.journal.audit import Audit
from champ_offline.oci.digest import Digest
from champ_offline.registry.access import Open
from champ_offline.registry.asgi import RegistryApp, registry
from champ_offline.registry.content import Content
from champ_offline.store.blobs import BlobStore
from champ_offline.store.links import Kind
from tests.contracts.distribution.client import (
    CONFIG,
    IMAGE,
    LAYER,
    Response,
    descriptor,
    digest_of,
)
from tests.crash import kills
from tests.crash.counts import check_count
from tests.simulators.asgi import ask

NOW = datetime(2026, 5, 1, tzinfo=UTC)
LATER = NOW + timedelta(days=1)
NAME = "/v2/team/app"
LAYERS = (bytes(range(256)) * 40, b"another layer", b"a third one")
Ask = Callable[..., Response]
Act = Callable[[Ask], object]


@contextmanager
def open_zone(zone: Path, now: datetime = NOW) -> Iterator[RegistryApp]:
    with closing(Database.create(zone / "champ.db")) as database:
        blobs = BlobStore(zone / "store")
        yield registry(database, blobs, zone / "uploads", lambda: now, Open())


def served(zone: Path, act: Act) -> None:
    with open_zone(zone) as app:
        act(partial(ask, app))


def expect(status: int, found: Response) -> Response:
    assert found.status == status, found
    return found


def push_in_chunks(send: Ask, data: bytes, algorithm: str = "sha256") -> None:
    where, half = expect(202, send("POST", f"{NAME}/blobs/uploads/")).location, len(data) // 2
    ranged = {"content-range": f"0-{half - 1}"}
    expect(202, send("PATCH", where, data[:half], ranged))
    digest = digest_of(data, algorithm)
    expect(201, send("PUT", f"{where}?digest={digest}", data[half:]))


def push_at_once(send: Ask, data: bytes) -> None:
    expect(201, send("POST", f"{NAME}/blobs/uploads/?digest={digest_of(data)}", data))


def manifest(layer: bytes) -> bytes:
    layers = [descriptor(layer, LAYER)]
    document = {"schemaVersion": 2, "mediaType": IMAGE, "config": descriptor(b"{}", CONFIG)}
    return json.dumps({**document, "layers": layers}).encode()


def put(send: Ask, layer: bytes, reference: str) -> None:
    expect(201, send("PUT", f"{NAME}/manifests/{reference}", manifest(layer)))


def images(send: Ask) -> None:
    """Two images, the second in the place of the first, a third under two tags."""
    push_in_chunks(send, LAYERS[0])
    push_at_once(send, b"{}")
    put(send, LAYERS[0], "1")
    push_in_chunks(send, LAYERS[1], "sha512")
    push_at_once(send, LAYERS[1])
    put(send, LAYERS[1], "1")
    expect(202, send("POST", f"{NAME}/blobs/uploads/"))
    third = digest_of(manifest(LAYERS[0]))
    put(send, LAYERS[0], f"{third}?tag=2&tag=3")


def deletes(send: Ask) -> None:
    """What is gone already is no matter: the run before was killed."""
    for rest in (
        "manifests/2",
        f"manifests/{digest_of(manifest(LAYERS[0]))}",
        f"blobs/{digest_of(LAYERS[0])}",
    ):
        assert send("DELETE", f"{NAME}/{rest}").status in {202, 404}
    where = expect(202, send("POST", f"{NAME}/blobs/uploads/")).location
    expect(202, send("PATCH", where, b"never finished"))
    expect(204, send("DELETE", where))


def consistent(database: Database, content: Content) -> None:
    """Raises AssertionError where anything that can be pulled is not what it says it is."""
    assert database.damage() == []
    for digest in content.blobs:
        data = content.blobs.path(digest).read_bytes()
        assert hashlib.new(digest.algorithm, data).hexdigest() == digest.hex
    for link in content.links:
        assert content.blobs.size(link.descriptor.digest) == link.descriptor.size
    for name in content.names():
        held = content.of(name)
        assert all(held.manifests[one.digest] == one for one in held.tags.values())


def seen(zone: Path) -> tuple[str, ...]:
    """All that can be pulled, checked whole."""
    with closing(Database.create(zone / "champ.db")) as database:
        content = Content(database, BlobStore(zone / "store"))
        consistent(database, content)
        tags = content.of("team/app").tags
        return (
            *(f"{tag} {descriptor.digest}" for tag, descriptor in tags.items()),
            *(f"{link.kind} {link.descriptor.digest}" for link in content.links),
        )


def told_of(database: Database) -> set[tuple[str, str]]:
    """What the audit chain, which must stand, says was pushed: repositories and digests."""
    audit = Audit(database, lambda: NOW)
    audit.check()
    acts = {"registry.blob.push", "registry.blob.mount", "registry.manifest.push"}
    rows = [row for row in audit.rows() if row.act in acts]
    return {(row.subject, json.loads(row.detail)["digest"]) for row in rows}


def wholes(zone: Path, act: Act) -> list[tuple[str, ...]]:
    """What can be pulled after each request of `act`, and before the first."""
    found = [seen(zone)]
    with open_zone(zone) as app:

        def observed(*arguments: Any) -> Response:
            answer = ask(app, *arguments)
            found.append(seen(zone))
            return answer

        act(observed)
    return found


@pytest.mark.parametrize(("what", "act"), [("images", images), ("deletes", deletes)])
def test_a_push(what: str, act: Act, tmp_path: Path) -> None:
    template = tmp_path / "template"
    template.mkdir()
    served(template, images if act is deletes else lambda _send: None)
    whole = Path(shutil.copytree(template, tmp_path / "whole"))
    allowed = wholes(Path(shutil.copytree(template, tmp_path / "watched")), act)
    steps = kills.run(lambda: served(whole, act)).steps
    after = seen(whole)
    assert after == allowed[-1] != allowed[0]
    for last in range(1, steps + 1):
        zone = Path(shutil.copytree(template, tmp_path / "zone"))
        assert kills.run(lambda: served(zone, act), last).killed  # noqa: B023
        assert seen(zone) in allowed, last
        served(zone, act)
        assert seen(zone) == after
        with open_zone(zone, LATER) as app:
            app.push.expire()
        assert not list((zone / "uploads").iterdir()), last
        shutil.rmtree(zone)
    check_count(f"push: {what}", steps)


def test_what_was_sent_before_a_kill_is_not_sent_again(tmp_path: Path) -> None:
    where: list[str] = []
    data = LAYERS[0]

    served(tmp_path, lambda send: where.append(send("POST", f"{NAME}/blobs/uploads/").location))
    kills.run(lambda: served(tmp_path, lambda send: send("PATCH", where[0], data[:700])))

    def go_on(send: Ask) -> None:
        assert expect(204, send("GET", where[0])).headers["range"] == "0-699"
        expect(201, send("PUT", f"{where[0]}?digest={digest_of(data)}", data[700:]))

    served(tmp_path, go_on)
    with closing(Database(tmp_path / "champ.db")) as database:
        digest = Digest.of(data)
        content = Content(database, BlobStore(tmp_path / "store"))
        assert content.links.one("team/app", Kind.BLOB, digest) is not None
        assert content.blobs.read(digest) == data
