"""The running server on loopback: TLS, files sent by the server, ranges, its end."""

from __future__ import annotations

import asyncio
import http.client
import json
import logging
import random
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from champ_offline.clock import now_utc
from champ_offline.oci import media_types
from champ_offline.oci.descriptor import Descriptor
from champ_offline.oci.digest import Digest
from champ_offline.registry.access import Open
from champ_offline.registry.answers import FilePart
from champ_offline.registry.asgi import RegistryApp, registry
from champ_offline.registry.listening import CannotListen
from champ_offline.registry.pki import Certificates, ensure_certificates
from champ_offline.registry.server import Listen, run
from champ_offline.store.links import Kind, Link
from tests.contracts.distribution.client import Registry, free_port
from tests.unit.registry.conftest import LAYER, NAME, Zone


@dataclass
class Running:
    port: int
    certificates: Certificates

    def get(
        self, path: str, headers: dict[str, str] | None = None, method: str = "GET"
    ) -> tuple[http.client.HTTPResponse, bytes]:
        context = ssl.create_default_context(cafile=str(self.certificates.authority))
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, context=context, timeout=9)
        try:
            connection.request(method, path, headers=headers or {})
            response = connection.getresponse()
            return response, response.read()
        finally:
            connection.close()


@contextmanager
def serving(zone: Zone, directory: Path) -> Iterator[Running]:
    certificates = ensure_certificates(directory / "pki", ["127.0.0.1"], datetime.now(UTC))
    port, ready, stops = free_port(), threading.Event(), []

    async def main() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        stops.append(lambda: loop.call_soon_threadsafe(stop.set))
        await run(zone.app, Listen("127.0.0.1", port, certificates), stop, ready.set)

    thread = threading.Thread(target=asyncio.run, args=(main(),))
    thread.start()
    try:
        assert ready.wait(10)
        yield Running(port, certificates)
    finally:
        stops[0]()
        thread.join(15)
        zone.database.close()
    assert not thread.is_alive()


@pytest.fixture
def running(zone: Zone, tmp_path: Path) -> Iterator[Running]:
    with serving(zone, tmp_path) as server:
        yield server


def test_ping_and_headers(running: Running) -> None:
    response, body = running.get("/v2/")
    assert (response.status, json.loads(body)) == (200, {})
    assert response.headers["docker-distribution-api-version"] == "registry/2.0"


def test_a_blob_whole_in_part_and_as_head(running: Running, zone: Zone) -> None:
    path = f"/v2/library/web/blobs/{zone.layer.digest}?ns=docker.io"
    response, body = running.get(path)
    assert (response.status, response.headers["content-length"]) == (200, str(len(LAYER)))
    assert Digest.of(body) == zone.layer.digest
    response, body = running.get(path, {"Range": "bytes=1000-2000"})
    assert (response.status, body) == (206, LAYER[1000:2001])
    response, body = running.get(path, {"Range": "bytes=1-"})
    assert (response.status, body) == (206, LAYER[1:])
    response, body = running.get(path, method="HEAD")
    assert (response.status, response.headers["content-length"], body) == (
        200,
        str(len(LAYER)),
        b"",
    )
    response, body = running.get(path, {"If-None-Match": f'"{zone.layer.digest}"'})
    assert (response.status, body) == (304, b"")


def test_a_ref_imported_meanwhile_is_served(running: Running, zone: Zone) -> None:
    assert running.get(f"/v2/{NAME}/manifests/9")[0].status == 404
    zone.tag(NAME, "9", zone.image)
    response, body = running.get(f"/v2/{NAME}/manifests/9")
    assert (response.status, Digest.of(body)) == (200, zone.image.digest)


@pytest.mark.parametrize(
    "path",
    [
        "/v2/../../etc/passwd",
        "/v2/x/blobs/sha256:..%2f..%2fzone.db",
        "/v2/%FF/manifests/1",
        "/v2/x/manifests/1?ns=%00",
    ],
)
def test_hostile_paths(running: Running, path: str) -> None:
    response, body = running.get(path)
    assert response.status in {400, 404}
    assert json.loads(body)["errors"][0]["code"]


def test_writes_are_refused(running: Running) -> None:
    for method in ("PUT", "POST", "PATCH", "DELETE"):
        response, body = running.get(f"/v2/{NAME}/manifests/1", method=method)
        assert (response.status, json.loads(body)["errors"][0]["code"]) == (405, "UNSUPPORTED")


def test_headers_that_are_too_large(running: Running) -> None:
    response, body = running.get("/v2/", {"x": "y" * 40_000})
    assert (response.status, json.loads(body)["errors"][0]["code"]) == (431, "UNSUPPORTED")


def test_a_push_over_tls(zone: Zone, tmp_path: Path) -> None:
    uploads = tmp_path / "pushed"
    zone.app = registry(zone.database, zone.blobs, uploads, now_utc, Open())
    with serving(zone, tmp_path) as server:
        repository = Registry(server.port, server.certificates).repository()
        data = LAYER[:3_000_000] * 2
        digest = repository.blob(data)
        assert repository.send("GET", f"blobs/{digest}").body == data
        image = repository.image("1")
        assert Digest.of(repository.send("GET", "manifests/1").body) == Digest.parse(image)


def test_another_authority_is_not_trusted(running: Running, tmp_path: Path) -> None:
    other = ensure_certificates(tmp_path / "other", ["127.0.0.1"], datetime.now(UTC))
    with pytest.raises(ssl.SSLCertVerificationError):
        Running(running.port, other).get("/v2/")


def test_old_tls_is_refused(running: Running) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(running.certificates.authority)
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    with (
        socket.create_connection(("127.0.0.1", running.port), timeout=5) as raw,
        pytest.raises(OSError, match=r"(?i)alert|reset|protocol|eof"),
    ):
        context.wrap_socket(raw, server_hostname="127.0.0.1").close()


def test_access_log(running: Running, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "champ.registry.access"):
        running.get("/v2/no%0Asuch/manifests/1", {"Authorization": "Basic c2VjcmV0"})
    line = json.loads(caplog.records[-1].getMessage())
    assert (line["method"], line["status"], line["client"]) == ("GET", 404, "127.0.0.1")
    assert "\n" not in caplog.text.strip()
    assert "c2VjcmV0" not in caplog.text


def test_it_ends_while_a_client_keeps_its_connection(zone: Zone, tmp_path: Path) -> None:
    with serving(zone, tmp_path) as server:
        context = ssl.create_default_context(cafile=str(server.certificates.authority))
        kept = http.client.HTTPSConnection("127.0.0.1", server.port, context=context, timeout=9)
        kept.request("GET", "/v2/")
        kept.getresponse().read()
    kept.close()


def test_a_pull_goes_on_while_its_blob_is_collected(zone: Zone, tmp_path: Path) -> None:
    data = random.Random(3).randbytes(48 * 1024 * 1024)
    big = Descriptor(media_types.LAYER_TAR, zone.blobs.add(data), len(data))
    with zone.database.transaction() as connection:
        link = Link("team/app", Kind.BLOB, big, "2026-05-01", "ci")
        zone.content.links.put(connection, link)
    with serving(zone, tmp_path) as server:
        context = ssl.create_default_context(cafile=str(server.certificates.authority))
        pull = http.client.HTTPSConnection("127.0.0.1", server.port, context=context, timeout=9)
        pull.request("GET", f"/v2/team/app/blobs/{big.digest}")
        response = pull.getresponse()
        first = response.read(1000)
        zone.blobs.remove(big.digest)
        assert Digest.of(first + response.read()) == big.digest
        pull.close()
        assert server.get(f"/v2/team/app/blobs/{big.digest}")[0].status == 404


def test_a_blob_collected_right_before_the_server_opens_it(zone: Zone, tmp_path: Path) -> None:
    class Collecting(RegistryApp):
        async def _send(self, found: Any, visit: Any, send: Any) -> None:
            if isinstance(found.body, FilePart):
                found.body.path.unlink()
            await super()._send(found, visit, send)

    zone.app.__class__ = Collecting
    with serving(zone, tmp_path) as server:
        response, body = server.get(f"/v2/{NAME}/blobs/{zone.layer.digest}")
        assert (response.status, LAYER in body) == (404, False)


def test_a_port_in_use(zone: Zone, tmp_path: Path) -> None:
    with serving(zone, tmp_path) as server:
        listen = Listen("127.0.0.1", server.port, server.certificates)
        with pytest.raises(CannotListen) as caught:
            asyncio.run(run(zone.app, listen, asyncio.Event()))
    assert caught.value.fields["port"] == server.port


def test_an_address_of_another_machine(zone: Zone) -> None:
    with pytest.raises(CannotListen):
        asyncio.run(run(zone.app, Listen("192.0.2.1", 5000, None), asyncio.Event()))
