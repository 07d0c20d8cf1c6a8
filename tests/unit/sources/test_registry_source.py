"""The registry source against a registry on loopback that misbehaves as told."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from champ_offline.bundle.sources.registry import RegistrySource
from champ_offline.bundle.sources.source import (
    LINUX_AMD64,
    Platform,
    PlatformMissing,
    ReferenceNotFound,
    SourceBlobDiffers,
    SourceFailed,
    SourceRefused,
    SourceUnreachable,
)
from champ_offline.events import Event, Progress, ignore
from champ_offline.oci import media_types
from champ_offline.oci.descriptor import Descriptor
from champ_offline.oci.digest import Digest
from champ_offline.oci.manifest import InvalidManifest, image_index
from champ_offline.oci.reference import Reference
from champ_offline.store.blobs import BlobStore
from tests.unit.sources.archives import Sample


@dataclass
class World:
    """What the registry holds (path below /v2/lab/web/ to type and bytes) and how it behaves."""

    content: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    token: str = ""
    login: str = ""
    broken: dict[str, int] = field(default_factory=dict)
    busy: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    address: str = ""

    def put(self, sample: Sample, tag: str = "") -> None:
        manifest = (media_types.IMAGE_MANIFEST, sample.manifest)
        self.content[f"manifests/{sample.digest}"] = manifest
        if tag:
            self.content[f"manifests/{tag}"] = manifest
        for data in (*sample.layers, sample.config):
            self.content[f"blobs/{Digest.of(data)}"] = ("application/octet-stream", data)


class Handler(BaseHTTPRequestHandler):
    """A small registry over a World."""

    world: World

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        self.world.asked.append(self.path)
        given = self.headers.get("Authorization", "")
        if self.path.startswith("/token"):
            ok = not self.world.login or given == f"Basic {self.world.login}"
            body = json.dumps({"token": self.world.token}).encode()
            self.answer(200 if ok else 401, body if ok else b"{}")
        elif self.world.token and given != f"Bearer {self.world.token}":
            realm = f'Bearer realm="http://{self.world.address}/token",service="lab",scope="pull"'
            self.answer(401, Www_Authenticate=realm)
        elif self.world.busy:
            self.world.busy -= 1
            self.answer(503)
        else:
            self.serve(self.path.removeprefix("/v2/lab/web/"))

    def serve(self, name: str) -> None:
        if name not in self.world.content:
            self.answer(404)
            return
        media_type, body = self.world.content[name]
        left = self.world.broken.get(name, 0)
        if left:
            self.world.broken[name] = left - 1
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: len(body) // 2])
            self.close_connection = True
            return
        self.answer(200, body, Content_Type=media_type, **self.world.headers)


@pytest.fixture
def world() -> Iterator[World]:
    world = World()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Serving", (Handler,), {"world": world}))
    world.address = f"127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield world
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def blobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> BlobStore:
    monkeypatch.setenv("HOME", str(tmp_path))
    return BlobStore(tmp_path / "blobs")


def source(
    world: World,
    *,
    platform: Platform = LINUX_AMD64,
    sleep: Callable[[float], None] = lambda _: None,
) -> RegistrySource:
    reference = Reference.parse(f"{world.address}/lab/web:1")
    return RegistrySource(reference, plain_http=True, platform=platform, sleep=sleep)


def test_pin_and_fetch(world: World, blobs: BlobStore) -> None:
    sample = Sample()
    world.put(sample, "1")
    pinned = source(world).pin(ignore)
    assert (pinned.digest, pinned.image_id) == (sample.digest, Digest.of(sample.config))
    events: list[Event] = []
    assert source(world).fetch(pinned.digest, blobs, events.append) == sample.descriptor
    assert len(list(blobs)) == 4
    last = events[-1]
    assert isinstance(last, Progress)
    assert last.done == last.total == pinned.size - len(sample.manifest)


def test_what_is_there_is_not_fetched_again(world: World, blobs: BlobStore) -> None:
    sample = Sample()
    world.put(sample, "1")
    source(world).fetch(sample.digest, blobs, ignore)
    world.asked.clear()
    source(world).fetch(sample.digest, blobs, ignore)
    assert world.asked == [f"/v2/lab/web/manifests/{sample.digest}"]


@pytest.mark.parametrize("login", ["", "dXNlcjpwYXNz"])
def test_tokens(login: str, world: World, blobs: BlobStore, tmp_path: Path) -> None:
    sample = Sample()
    world.put(sample, "1")
    world.token, world.login = "t0ken", login
    if login:
        with pytest.raises(SourceRefused):
            source(world).pin(ignore)
        (tmp_path / ".docker").mkdir()
        auths = {"auths": {world.address: {"auth": login}}}
        (tmp_path / ".docker/config.json").write_text(json.dumps(auths))
        assert base64.b64decode(login) == b"user:pass"
    one = source(world)
    one.fetch(one.pin(ignore).digest, blobs, ignore)
    world.token = "another, the first one ran out"
    assert one.pin(ignore).digest == sample.digest


def test_a_broken_connection_is_tried_again(world: World, blobs: BlobStore) -> None:
    sample = Sample()
    world.put(sample, "1")
    world.busy = 2
    world.broken[f"blobs/{Digest.of(sample.layers[0])}"] = 2
    waits: list[float] = []
    source(world, sleep=waits.append).fetch(sample.digest, blobs, ignore)
    assert waits == [0.5, 1.0, 0.5, 1.0]
    assert blobs.read(Digest.of(sample.layers[0])) == sample.layers[0]


def test_it_gives_up_in_the_end(world: World, blobs: BlobStore) -> None:
    sample = Sample()
    world.put(sample, "1")
    world.broken[f"blobs/{Digest.of(sample.layers[0])}"] = 99
    with pytest.raises(SourceUnreachable):
        source(world).fetch(sample.digest, blobs, ignore)
    assert not blobs.has(sample.digest)
    assert not list((blobs.path(sample.digest).parent).glob(".partial*"))
    world.busy = 99
    with pytest.raises(SourceUnreachable, match="503"):
        source(world).pin(ignore)


@pytest.mark.parametrize("change", [lambda d: d[:-1] + b"x", lambda d: d + b"x"])
def test_other_bytes_than_the_digest_says(
    change: Callable[[bytes], bytes], world: World, blobs: BlobStore
) -> None:
    sample = Sample()
    world.put(sample, "1")
    digest = Digest.of(sample.layers[1])
    altered = change(sample.layers[1])
    world.content[f"blobs/{digest}"] = ("application/octet-stream", altered)
    with pytest.raises(SourceBlobDiffers) as caught:
        source(world).fetch(sample.digest, blobs, ignore)
    assert caught.value.fields["digest"] == digest
    assert not blobs.has(Digest.of(altered))
    assert not blobs.has(sample.digest)


def test_another_manifest_than_asked_for(world: World, blobs: BlobStore) -> None:
    sample, other = Sample(), Sample(comment="other")
    world.put(sample, "1")
    world.put(other)
    other_manifest = world.content[f"manifests/{other.digest}"]
    world.content[f"manifests/{sample.digest}"] = other_manifest
    with pytest.raises(SourceBlobDiffers):
        source(world).fetch(sample.digest, blobs, ignore)
    assert not list(blobs)
    world.headers["Docker-Content-Digest"] = str(other.digest)
    with pytest.raises(SourceBlobDiffers):
        source(world).pin(ignore)


def test_platforms(world: World, blobs: BlobStore) -> None:
    one, two = Sample(), Sample(comment="arm")
    for sample in (one, two):
        world.put(sample)
    index = image_index(
        [
            Descriptor(d.media_type, d.digest, d.size, {}, "", {"os": "linux", "architecture": a})
            for d, a in ((two.descriptor, "arm64"), (one.descriptor, "amd64"))
        ]
    )
    world.content["manifests/1"] = (media_types.IMAGE_INDEX, index)
    world.content[f"manifests/{Digest.of(index)}"] = (media_types.IMAGE_INDEX, index)
    assert source(world).pin(ignore).digest == one.digest
    arm = source(world, platform=Platform.parse("linux/arm64"))
    assert arm.pin(ignore).digest == two.digest
    with pytest.raises(PlatformMissing):
        source(world, platform=Platform.parse("windows/amd64")).pin(ignore)
    whole = source(world).fetch(Digest.of(index), blobs, ignore)
    assert whole.media_type == media_types.IMAGE_INDEX
    assert blobs.has(one.digest)
    assert blobs.has(two.digest)


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"<html>", b'{"schemaVersion": 1}'])
def test_answers_that_are_no_manifests(body: bytes, world: World, blobs: BlobStore) -> None:
    world.content["manifests/1"] = ("text/html", body)
    with pytest.raises(InvalidManifest):
        source(world).pin(ignore)


def test_a_manifest_without_end(world: World, blobs: BlobStore) -> None:
    world.content["manifests/1"] = (media_types.IMAGE_MANIFEST, b" " * (5 * 1024 * 1024))
    with pytest.raises(SourceFailed, match="4194304"):
        source(world).pin(ignore)


def test_nothing_of_that_name(world: World, blobs: BlobStore) -> None:
    with pytest.raises(ReferenceNotFound, match="lab/web:1"):
        source(world).pin(ignore)
    with pytest.raises(ReferenceNotFound, match="lab/web@sha256"):
        source(world).fetch(Digest.of(b"x"), blobs, ignore)


def test_oras_says_nothing(
    world: World, blobs: BlobStore, capfd: pytest.CaptureFixture[str]
) -> None:
    world.token, world.login = "t", "eDp5"
    with pytest.raises(SourceRefused):
        source(world).pin(ignore)
    assert capfd.readouterr() == ("", "")
