"""Each finding of `champ registry doctor`, brought about by the real condition on loopback."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from champ_offline.findings import Finding, State
from champ_offline.node import wire
from champ_offline.node.address import Address
from champ_offline.node.authority import read_authority
from champ_offline.node.containerd import CERTS
from champ_offline.node.examine import Question, RegistryNotNamed, examine, taught
from champ_offline.node.root import NodeRoot
from champ_offline.node.trust import Trusted, carry_out, plan_trust
from champ_offline.oci import media_types
from champ_offline.oci.descriptor import Descriptor
from champ_offline.oci.digest import Digest
from champ_offline.oci.manifest import image_index, image_manifest
from tests.unit.node.authorities import NOW, YEAR, made
from tests.unit.node.servers import LOOPBACK, Page, Site, http, https, raw
from tests.unit.sources.archives import Sample, layer

SAMPLE = Sample([layer("base", 100_000), layer("app")])
KNOWN = "Basic bm9kZXM6UEFTU1dPUkQ="
STEPS = [
    "mirror file", "containerd", "proxy", "name", "port", "tls", "authority",
    "certificate's name", "certificate's dates", "registry", "clock", "image",
]  # fmt: skip


def registry(only: str = "") -> Site:
    """A registry with one image, `docker.io/library/web:1`."""
    digest = {"Docker-Content-Digest": str(SAMPLE.digest)}
    base = "/v2/library/web"
    pages = {
        "/v2/": Page(),
        "/v2/_catalog": Page(b'{"repositories": ["../bad", "docker.io/library/web"]}'),
        "/v2/docker.io/library/web/tags/list": Page(b'{"tags": ["1"]}'),
        f"{base}/manifests/1": Page(SAMPLE.manifest, headers=digest),
        f"{base}/manifests/{SAMPLE.digest}": Page(SAMPLE.manifest, headers=digest),
    }
    for data in (SAMPLE.config, *SAMPLE.layers):
        pages[f"{base}/blobs/{Digest.of(data)}"] = Page(data)
    for page in pages.values():
        page.only = only
    return Site(pages)


@pytest.fixture
def place(tmp_path: Path) -> Trusted:
    config = tmp_path / "node/etc/containerd/config.toml"
    config.parent.mkdir(parents=True)
    table = 'version = 2\n[plugins."io.containerd.grpc.v1.cri".registry]\n'
    config.write_text(f'{table}config_path = "{CERTS}"\n')
    return Trusted(NodeRoot(tmp_path / "node"))


def teach(place: Trusted, port: int, ca: Path, authorization: str = "") -> Address:
    address = Address(LOOPBACK, port)
    authority = read_authority(ca.read_bytes(), ca, NOW)
    carry_out(place, plan_trust(place, address, authority, authorization))
    return address


def look(
    place: Trusted, address: Address, image: str | None = None, now: datetime = NOW
) -> list[Finding]:
    return list(examine(Question(place, address, image=image), lambda: now))


def wrong(found: list[Finding]) -> list[tuple[str, str, str]]:
    return [(one.check, one.state.value, one.error.id) for one in found if one.error]


def unseen(found: list[Finding]) -> list[str]:
    return [one.check for one in found if one.state is State.UNSEEN]


@contextmanager
def taught_zone(
    place: Trusted, folder: Path, site: Site, authorization: str = ""
) -> Iterator[Address]:
    pki = made(folder / "pki")
    with https(site, pki) as port:
        yield teach(place, port, pki.authority, authorization)


def test_all_is_well(place: Trusted, tmp_path: Path) -> None:
    site = registry()
    with taught_zone(place, tmp_path, site) as address:
        found = look(place, address)
        assert wrong(found) == []
        assert [one.check for one in found] == STEPS
        assert found[-1].note == f"docker.io/library/web:1 {SAMPLE.digest}"
        assert taught(place) == address
        named = look(place, address, image="docker.io/library/web:1")
        assert wrong(named) == []
    assert ("HEAD", "/v2/library/web/manifests/1?ns=docker.io") in site.asked
    assert not [path for _, path in site.asked if "bad" in path]


def test_nothing_taught(place: Trusted) -> None:
    with pytest.raises(RegistryNotNamed):
        taught(place)
    found = look(place, Address("no-such-host.invalid", 5443))
    assert wrong(found) == [
        ("mirror file", "bad", "node.mirror-missing"),
        ("name", "bad", "node.name-unknown"),
    ]
    assert unseen(found) == STEPS[4:]


def test_an_authority_brought_along_asks_about_the_way_alone(
    place: Trusted, tmp_path: Path
) -> None:
    pki = made(tmp_path / "pki")
    with https(registry(), pki) as port:
        asked = Question(place, Address(LOOPBACK, port), pki.authority.read_text())
        found = list(examine(asked, lambda: NOW))
    assert wrong(found) == [("mirror file", "warn", "node.mirror-missing")]
    assert unseen(found) == ["containerd", "proxy"]


def test_a_closed_port(place: Trusted, tmp_path: Path) -> None:
    with socket.create_server((LOOPBACK, 0)) as server:
        port = server.getsockname()[1]
    address = teach(place, port, made(tmp_path / "pki").authority)
    found = look(place, address)
    assert wrong(found) == [("port", "bad", "node.port-closed")]
    assert unseen(found) == STEPS[5:]
    assert f"--port {port}" in found[4].error.advice if found[4].error else False


def test_a_port_that_says_nothing(
    place: Trusted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "_CONNECT_SECONDS", 0.3)
    ca = made(tmp_path / "pki").authority
    # A full queue lets further connections wait: what a firewall that drops does too.
    with socket.create_server((LOOPBACK, 0), backlog=0) as server, ExitStack() as held:
        address = teach(place, server.getsockname()[1], ca)
        for _ in range(4):
            waiting = held.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(server.getsockname())
        assert wrong(look(place, address)) == [("port", "bad", "node.port-silent")]
    with socket.create_server((LOOPBACK, 0)) as server:
        address = Address(LOOPBACK, server.getsockname()[1])
        carry = teach(place, address.port, ca)
        assert ("tls", "bad", "node.port-silent") in wrong(look(place, carry))


def test_a_server_without_tls(place: Trusted, tmp_path: Path) -> None:
    with http(registry()) as port:
        address = teach(place, port, made(tmp_path / "pki").authority)
        assert wrong(look(place, address)) == [("tls", "bad", "node.not-tls")]
    with raw(lambda connection: connection.sendall(b"\x00" * 4096)) as port:
        address = Address(LOOPBACK, port)
        assert ("tls", "bad", "node.not-tls") in wrong(look(place, address))


def test_a_server_with_old_tls(place: Trusted, tmp_path: Path) -> None:
    pki = made(tmp_path / "pki")
    with https(registry(), pki, ssl.TLSVersion.TLSv1_1) as port:
        address = teach(place, port, pki.authority)
        assert wrong(look(place, address)) == [("tls", "bad", "node.tls-too-old")]


def test_another_authority(place: Trusted, tmp_path: Path) -> None:
    with https(registry(), made(tmp_path / "theirs")) as port:
        address = teach(place, port, made(tmp_path / "ours").authority)
        found = look(place, address)
    assert wrong(found) == [("authority", "bad", "node.chain-unknown")]
    # What the certificate says is told all the same; nothing was asked.
    assert unseen(found) == ["certificate's name", "registry", "clock", "image"]


def test_a_name_that_the_certificate_lacks(place: Trusted, tmp_path: Path) -> None:
    pki = made(tmp_path / "pki", "registry.zone", "10.0.0.5")
    site = registry()
    with https(site, pki) as port:
        found = look(place, teach(place, port, pki.authority))
    assert wrong(found) == [("certificate's name", "bad", "node.name-not-in-certificate")]
    (error,) = [one.error for one in found if one.error]
    assert "10.0.0.5, registry.zone" in str(error)
    assert "--name 127.0.0.1" in error.advice
    assert site.asked == []


@pytest.mark.parametrize("when", [NOW - 2 * YEAR, NOW - timedelta(days=398)])
def test_an_expired_certificate(place: Trusted, tmp_path: Path, when: datetime) -> None:
    pki = made(tmp_path / "pki", when=when)
    with https(registry(), pki) as port:
        found = look(place, teach(place, port, pki.authority))
    assert wrong(found) == [("certificate's dates", "bad", "node.certificate-not-valid")]


def test_a_clock_that_is_years_behind(place: Trusted, tmp_path: Path) -> None:
    with taught_zone(place, tmp_path, registry()) as address:
        found = look(place, address, now=NOW - 3 * YEAR)
    assert wrong(found) == [
        ("certificate's dates", "bad", "node.certificate-not-valid"),
        ("clock", "warn", "node.clock-differs"),
    ]


@pytest.mark.parametrize(("date", "told"), [(7, True), (3, False), (-7, True)])
def test_a_clock_that_is_minutes_apart(
    place: Trusted, tmp_path: Path, date: int, told: bool
) -> None:
    site = registry()
    site.date = format_datetime(NOW + timedelta(minutes=date), usegmt=True)
    with taught_zone(place, tmp_path, site) as address:
        found = wrong(look(place, address))
    assert found == ([("clock", "warn", "node.clock-differs")] if told else [])


def test_a_date_that_is_none_says_nothing(place: Trusted, tmp_path: Path) -> None:
    site = registry()
    for site.date in ("yesterday", "Mon, 99 Foo 99999 00:00:00 GMT", ""):
        with taught_zone(place, tmp_path, site) as address:
            assert wrong(look(place, address)) == []


@pytest.mark.parametrize(
    "page",
    [
        Page(b"<html>welcome</html>"),
        Page(b"[]"),
        Page(b"{}", 404),
        Page(b"{}", 301, {"Location": "https://elsewhere/"}),
        Page(b"{}", 401),
        Page(b"\xff" * 200_000),
    ],
)
def test_a_server_that_is_no_registry(place: Trusted, tmp_path: Path, page: Page) -> None:
    with taught_zone(place, tmp_path, Site({"/v2/": page})) as address:
        found = look(place, address)
    assert wrong(found) == [("registry", "bad", "node.not-a-registry")]
    assert unseen(found)[-1] == "image"


def test_credentials(place: Trusted, tmp_path: Path) -> None:
    site = registry(only=KNOWN)
    with taught_zone(place, tmp_path, site) as address:
        assert wrong(look(place, address)) == [("image", "bad", "node.credentials-missing")]
    with taught_zone(place, tmp_path, site, "Basic wrong") as address:
        assert wrong(look(place, address)) == [("registry", "bad", "node.credentials-refused")]
    with taught_zone(place, tmp_path, site, KNOWN) as address:
        found = look(place, address)
        assert wrong(found) == []
        assert KNOWN not in repr(found)
        place.node.at(place.path).chmod(0o644)
        assert wrong(look(place, address)) == [("mirror file", "warn", "node.secret-open")]


def test_a_client_that_may_pull_something_else(place: Trusted, tmp_path: Path) -> None:
    site = registry(only=KNOWN)
    manifests = [path for path in site.pages if "/manifests/" in path]
    site.pages.update(dict.fromkeys(manifests, Page(b"{}", 403)))
    with taught_zone(place, tmp_path, site, KNOWN) as address:
        assert wrong(look(place, address)) == [("image", "bad", "node.pull-forbidden")]


def test_images_that_are_not_there_or_not_whole(place: Trusted, tmp_path: Path) -> None:
    site = registry()
    path = f"/v2/library/web/blobs/{Digest.of(SAMPLE.config)}"
    manifest = f"/v2/library/web/manifests/{SAMPLE.digest}"
    with taught_zone(place, tmp_path, site) as address:
        missing = wrong(look(place, address, image="docker.io/library/none:1"))
        assert missing == [("image", "bad", "node.image-missing")]
        for spoilt in (path, manifest):
            kept = site.pages[spoilt]
            site.pages[spoilt] = Page(kept.body[:-1] + b"x", headers=kept.headers)
            assert wrong(look(place, address)) == [("image", "bad", "node.content-differs")]
            site.pages[spoilt] = Page(b"", 500, {"X-Request-Id": "abc-1"})
            (error,) = [one.error for one in look(place, address) if one.error]
            assert (error.id, error.fields["request"]) == ("node.read-failed", "abc-1")
            site.pages[spoilt] = kept
        site.pages["/v2/_catalog"] = Page(b'{"repositories": []}')
        assert wrong(look(place, address)) == [("image", "warn", "node.nothing-served")]


def serve_manifest(site: Site, name: str, tag: str, data: bytes) -> None:
    digest = Digest.of(data)
    for mark in (tag, digest):
        headers = {"Docker-Content-Digest": str(digest)}
        site.pages[f"/v2/{name}/manifests/{mark}"] = Page(data, headers=headers)


def test_an_image_is_read_and_not_what_lies_beside_it(place: Trusted, tmp_path: Path) -> None:
    """Charts come before it, signatures have the first tags, and one platform of it was left."""
    site, chart = registry(), Sample([layer("chart")])
    signature = f"sha256-{SAMPLE.digest.hex}.sig"
    config = Descriptor(media_types.HELM_CONFIG, Digest.of(chart.config), len(chart.config))
    serve_manifest(site, "charts/web", "1", image_manifest(config, []))
    site.pages[f"/v2/charts/web/blobs/{config.digest}"] = Page(chart.config)
    absent = Descriptor(media_types.IMAGE_MANIFEST, Digest.of(b"arm64"), 5)
    there = Descriptor(media_types.IMAGE_MANIFEST, SAMPLE.digest, len(SAMPLE.manifest))
    serve_manifest(site, "library/web", "v1", index := image_index([absent, there]))
    serve_manifest(site, "library/web", signature, chart.manifest)
    names = b'{"repositories": ["charts/web", "docker.io/library/web"]}'
    site.pages["/v2/_catalog"] = Page(names)
    site.pages["/v2/charts/web/tags/list"] = Page(b'{"tags": ["1"]}')
    tags = f'{{"tags": ["{signature}", "v1"]}}'
    site.pages["/v2/docker.io/library/web/tags/list"] = Page(tags.encode())
    with taught_zone(place, tmp_path, site) as address:
        found = look(place, address)
        assert wrong(found) == []
        assert found[-1].note == f"docker.io/library/web:v1 {Digest.of(index)}"
        # A zone that has charts alone is read all the same.
        site.pages["/v2/_catalog"] = Page(b'{"repositories": ["charts/web"]}')
        found = look(place, address)
        assert wrong(found) == []
        assert found[-1].note.startswith("charts/web:1 ")
        site.pages["/v2/_catalog"] = Page(names)
        site.pages["/v2/library/web/manifests/v1"] = Page(b"", 500)
        assert wrong(look(place, address)) == [("image", "bad", "node.read-failed")]


@pytest.mark.parametrize("pause", [0.0, 0.02])
def test_answers_without_an_end(
    place: Trusted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pause: float
) -> None:
    monkeypatch.setattr(wire, "_DEADLINE_SECONDS", 0.5)
    pki = made(tmp_path / "pki")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pki.certificate, pki.key)

    def drip(connection: socket.socket) -> None:
        try:
            with context.wrap_socket(connection, server_side=True) as secured:
                if secured.recv(4096):
                    secured.sendall(b"HTTP/1.1 200 OK\r\nX: ")
                    while True:
                        secured.sendall(b"x")
                        time.sleep(pause)
        except OSError:
            return

    with raw(drip) as port:
        found = wrong(look(place, teach(place, port, pki.authority)))
    assert found == [("registry", "bad", "node.answer-unreadable")]
