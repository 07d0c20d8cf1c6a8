"""Images: the same bytes whatever the machine's mood, shared layers, and honest refusals."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from champ_offline.bundle.debian import DebianLock, build, compress, pool
from champ_offline.bundle.debian.description import ImageDescription
from champ_offline.bundle.debian.errors import (
    CompressorDiffers,
    DescriptionChanged,
    DescriptionFileMissing,
    MirrorFailed,
    PackageChanged,
    PackageNotOffered,
)
from champ_offline.bundle.debian.lock import LockedLayer, LockedPackage
from champ_offline.durable.typed_yaml import UnknownKey, WrongValue
from champ_offline.errors import Quoted
from champ_offline.events import Event, ignore
from champ_offline.oci.digest import Digest
from champ_offline.oci.manifest import Manifest
from champ_offline.store.blobs import BlobStore
from tests.unit.debian.packages import File, deb, directory, link, locked

Members = list[tarfile.TarInfo | File]
BASE = """\
format: 1
name: base
packages: [libc]
drop: [usr/share/doc/*]
keep: [usr/share/doc/*/copyright]
trust_store: etc/ssl/certs/ca-certificates.crt
applets: {of: usr/bin/busybox, names: [ls, cat]}
directories: [{path: tmp, mode: "01777"}]
links: [{path: bin, target: usr/bin}]
files:
  - {path: etc/passwd, from: passwd}
"""
APP = """\
format: 1
name: app
packages: [app, data]
remove: [etc/app/*]
directories: [{path: var/lib/app, mode: "0750", owner: "10001:10001"}]
"""
IMAGE = """\
format: 1
suite: bookworm
layers: [base.yaml, app.yaml]
config:
  user: "10001:10001"
  entrypoint: [/usr/bin/app]
  environment: {LANG: C.UTF-8}
  ports: [80/tcp]
"""
LIBC: Members = [
    directory("./lib"),
    File("./lib/libc.so", b"code" * 5000),
    File("./bin/busybox", b"box", mode=0o755),
    File("./bin/ls", b"a real ls", mode=0o755),
    File("./usr/share/doc/libc/copyright", b"free"),
    File("./usr/share/doc/libc/changelog", b"long"),
    File("./usr/share/ca-certificates/mozilla/b.crt", b"B"),
    File("./usr/share/ca-certificates/mozilla/a.crt", b"A\n"),
]
APP_FILES: Members = [
    directory("./etc/"),
    File("./etc/app/default.conf", b"open to all"),
    File("./usr/bin/app", b"program", mode=0o4755),
    link("./usr/bin/app-again", "./usr/bin/app", tarfile.LNKTYPE),
    link("./usr/bin/aaa", "./usr/bin/app", tarfile.LNKTYPE),
    link("./usr/share/doc/app", "libc"),
]
DATA_FILES: Members = [File("./usr/share/data/x", b"x"), File("./usr/share/data/empty")]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "description"
    found.mkdir()
    for name, text in (("base", BASE), ("app", APP), ("image", IMAGE)):
        (found / f"{name}.yaml").write_text(text)
    (found / "passwd").write_text("root:x:0:0::/root:/bin/sh\n")
    return found


@pytest.fixture
def restored() -> Iterator[None]:
    """Puts umask, folder and time zone back."""
    mask, place, zone = os.umask(0o022), Path.cwd(), os.environ.get("TZ")
    yield
    os.umask(mask)
    os.chdir(place)
    os.environ.pop("TZ", None)
    if zone is not None:
        os.environ["TZ"] = zone
    time.tzset()


def lock_of(description: Path, cache: Path) -> DebianLock:
    """A lock over packages put into the cache; no apt is asked."""
    layers: dict[str, list[LockedPackage]] = {"base": [], "app": []}
    for layer, name, members in (
        ("base", "libc", LIBC),
        ("app", "app", APP_FILES),
        ("app", "data", DATA_FILES),
    ):
        data = deb(name, members)
        layers[layer].append(locked(name, data))
        pool.Pool(cache).path(locked(name, data)).write_bytes(data)
    image = ImageDescription.from_file(description)
    return DebianLock(
        description=image.digest,
        suite="bookworm",
        epoch=1_700_000_000,
        compressor=compress.identity(),
        layers=tuple(LockedLayer(layer.name, tuple(layers[layer.name])) for layer in image.layers),
    )


def made(folder: Path, place: Path, image: str = "image.yaml") -> tuple[Digest, BlobStore]:
    blobs = BlobStore(place / "blobs")
    lock = lock_of(folder / image, place / "cache")
    descriptor = build(folder / image, lock, place / "cache", blobs, ignore)
    return descriptor.digest, blobs


def members(blobs: BlobStore, digest: Digest, layer: int) -> dict[str, tarfile.TarInfo]:
    manifest = Manifest.from_bytes(blobs.read(digest))
    with tarfile.open(fileobj=io.BytesIO(blobs.read(manifest.layers[layer].digest))) as archive:
        return {member.name: member for member in archive}


def content(blobs: BlobStore, digest: Digest, layer: int, name: str) -> bytes:
    manifest = Manifest.from_bytes(blobs.read(digest))
    with tarfile.open(fileobj=io.BytesIO(blobs.read(manifest.layers[layer].digest))) as archive:
        found = archive.extractfile(name)
        assert found is not None
        return found.read()


@pytest.mark.usefixtures("restored")
def test_the_machine_does_not_show_in_the_bytes(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    first, _ = made(folder, tmp_path / "one")
    os.environ["TZ"] = "Asia/Shanghai"
    time.tzset()
    os.umask(0o077)
    (tmp_path / "two" / "deeper").mkdir(parents=True)
    os.chdir(tmp_path / "two")
    second, _ = made(folder, tmp_path / "two" / "deeper")
    assert first == second


def test_the_bytes_are_known(folder: Path, tmp_path: Path) -> None:
    """Fails when Python, its tarfile or its zlib would change what a lock promises."""
    digest, blobs = made(folder, tmp_path)
    config = Manifest.from_bytes(blobs.read(digest)).config
    assert config is not None
    diffs = json.loads(blobs.read(config.digest))["rootfs"]["diff_ids"]
    assert diffs == KNOWN_DIFFS
    assert compress.identity() == KNOWN_COMPRESSOR


def test_tar_members_are_sorted_and_nameless(folder: Path, tmp_path: Path) -> None:
    digest, blobs = made(folder, tmp_path)
    for layer in (0, 1):
        found = members(blobs, digest, layer)
        assert list(found) == sorted(found)
        assert {(member.uname, member.gname) for member in found.values()} == {("", "")}
        assert not any(member.name.startswith(("/", "./")) for member in found.values())
        assert {member.mode & 0o6000 for member in found.values()} == {0}


def test_a_layer_holds_what_the_description_says(folder: Path, tmp_path: Path) -> None:
    digest, blobs = made(folder, tmp_path)
    base = members(blobs, digest, 0)
    assert "usr/share/doc/libc/copyright" in base
    assert "usr/share/doc/libc/changelog" not in base
    assert base["bin"].linkname == "usr/bin"
    assert base["tmp"].mode == 0o1777
    assert base["usr/bin/cat"].linkname == "/usr/bin/busybox"
    assert content(blobs, digest, 0, "usr/bin/ls") == b"a real ls"
    assert content(blobs, digest, 0, "etc/ssl/certs/ca-certificates.crt") == b"A\nB\n"
    assert content(blobs, digest, 0, "etc/passwd").startswith(b"root:")
    app = members(blobs, digest, 1)
    assert "etc/app/default.conf" not in app
    assert (app["var/lib/app"].uid, app["var/lib/app"].mode) == (10001, 0o750)


def test_hard_links_point_back_to_their_first_name(folder: Path, tmp_path: Path) -> None:
    digest, blobs = made(folder, tmp_path)
    app = members(blobs, digest, 1)
    assert app["usr/bin/aaa"].isreg()
    assert (app["usr/bin/app"].islnk(), app["usr/bin/app"].linkname) == (True, "usr/bin/aaa")
    assert content(blobs, digest, 1, "usr/bin/app-again") == b"program"


def test_what_is_below_is_not_repeated(folder: Path, tmp_path: Path) -> None:
    digest, blobs = made(folder, tmp_path)
    assert not {"usr", "usr/bin", "etc"} & set(members(blobs, digest, 1))


def test_images_of_one_suite_share_their_base(folder: Path, tmp_path: Path) -> None:
    first, blobs = made(folder, tmp_path)
    (folder / "other.yaml").write_text(IMAGE.replace("base.yaml, app.yaml", "base.yaml"))
    lock = lock_of(folder / "other.yaml", tmp_path / "cache")
    later = DebianLock.from_document({**lock.to_document(), "epoch": lock.epoch + 86_400})
    second = build(folder / "other.yaml", later, tmp_path / "cache", blobs, ignore)
    mine = Manifest.from_bytes(blobs.read(first)).layers
    other = Manifest.from_bytes(blobs.read(second.digest)).layers
    assert mine[0] == other[0]


def test_the_manifest_is_of_the_form_that_registries_take(folder: Path, tmp_path: Path) -> None:
    digest, blobs = made(folder, tmp_path)
    manifest = Manifest.from_bytes(blobs.read(digest))
    assert manifest.config is not None
    config = json.loads(blobs.read(manifest.config.digest))
    assert config["config"] == {
        "User": "10001:10001",
        "Entrypoint": ["/usr/bin/app"],
        "Env": ["LANG=C.UTF-8"],
        "WorkingDir": "/",
        "ExposedPorts": {"80/tcp": {}},
    }
    for layer, diff in zip(manifest.layers, config["rootfs"]["diff_ids"], strict=True):
        assert blobs.size(layer.digest) == layer.size
        plain = gzip.decompress(blobs.read(layer.digest))
        assert f"sha256:{hashlib.sha256(plain).hexdigest()}" == diff


def test_a_lock_survives_its_document(folder: Path, tmp_path: Path) -> None:
    lock = lock_of(folder / "image.yaml", tmp_path)
    assert DebianLock.from_document(json.loads(json.dumps(lock.to_document()))) == lock


def test_a_changed_description_is_refused(folder: Path, tmp_path: Path) -> None:
    lock = lock_of(folder / "image.yaml", tmp_path)
    (folder / "passwd").write_text("root::0:0::/root:/bin/sh\n")
    with pytest.raises(DescriptionChanged):
        build(folder / "image.yaml", lock, tmp_path, BlobStore(tmp_path), ignore)


def test_another_compressor_is_refused(folder: Path, tmp_path: Path) -> None:
    lock = lock_of(folder / "image.yaml", tmp_path)
    other = DebianLock.from_document({**lock.to_document(), "compressor": "gzip-6 sha256:0"})
    with pytest.raises(CompressorDiffers):
        build(folder / "image.yaml", other, tmp_path, BlobStore(tmp_path), ignore)


def test_a_file_that_is_named_and_missing_is_refused_at_its_line(folder: Path) -> None:
    (folder / "passwd").unlink()
    with pytest.raises(DescriptionFileMissing, match=r"base\.yaml, line 11, “files\[0\].from”"):
        ImageDescription.from_file(folder / "image.yaml")


@pytest.mark.parametrize(
    ("file", "line", "error", "key"),
    [
        ("image", "workdir: /", UnknownKey, "workdir"),
        ("app", "package: [x]", UnknownKey, "package"),
        ("app", "files: [{path: ../x, text: y}]", WrongValue, "files[0].path"),
        ("app", "files: [{path: /x, text: y}]", WrongValue, "files[0].path"),
        ("app", "files: [{path: x, text: y, mode: 0999}]", WrongValue, "files[0].mode"),
        ("app", 'files: [{path: x, text: y, owner: "root"}]', WrongValue, "files[0].owner"),
        ("app", "files: [{path: x, text: y, from: passwd}]", WrongValue, "files[0].text"),
        ("app", "provided: [-o]", WrongValue, "provided[0]"),
        ("app", "drop: 7", WrongValue, "drop"),
    ],
)
def test_descriptions_are_refused_with_file_line_and_key(
    folder: Path, file: str, line: str, error: type[Exception], key: str
) -> None:
    path = folder / f"{file}.yaml"
    path.write_text(f"{path.read_text()}{line}\n")
    number = len(path.read_text().splitlines())
    with pytest.raises(error) as caught:
        ImageDescription.from_file(folder / "image.yaml")
    fields = vars(caught.value)["fields"]
    assert (fields["file"], fields["line"], fields["key"]) == (str(path), number, key)


@pytest.mark.parametrize(
    ("reason", "data", "error"),
    [
        ("404  Not Found", None, PackageNotOffered),
        ("Could not resolve host", None, MirrorFailed),
        ("", None, MirrorFailed),
        ("", b"other bytes", PackageChanged),
    ],
)
def test_a_fetch_that_fails_leaves_nothing(
    tmp_path: Path, reason: str, data: bytes | None, error: type[Exception]
) -> None:
    def download(_package: LockedPackage, target: Path) -> Quoted | None:
        if data is not None:
            target.write_bytes(data)
        return Quoted(reason) if reason else None

    package = locked("app", b"the right bytes")
    with pytest.raises(error):
        pool.Pool(tmp_path).fetch(package, download)
    assert list(pool.Pool(tmp_path).folder.iterdir()) == []


def test_a_damaged_package_in_the_pool_is_not_used(tmp_path: Path) -> None:
    def right(_package: LockedPackage, target: Path) -> None:
        target.write_bytes(b"the right bytes")

    package = locked("app", b"the right bytes")
    cached = pool.Pool(tmp_path)
    cached.path(package).write_bytes(b"the wrong bytes")
    assert not cached.has(package)
    cached.fetch(package, right)
    assert cached.has(package)


def test_steps_are_told(folder: Path, tmp_path: Path) -> None:
    told: list[Event] = []
    lock = lock_of(folder / "image.yaml", tmp_path)
    build(folder / "image.yaml", lock, tmp_path, BlobStore(tmp_path), told.append)
    assert [(type(event).__name__, vars(event)["subject"]) for event in told] == [
        ("StepStarted", "base"),
        ("StepFinished", "base"),
        ("StepStarted", "app"),
        ("StepFinished", "app"),
    ]


KNOWN_DIFFS = [
    "sha256:4553ae4ad1e476ed856f96ccbfe32f6850bc1219366cdaf151c21b90041f88ed",
    "sha256:d7e122da52784487e09e5f829b8b906f983a245ffe121fce4636c08d60c9b487",
]
KNOWN_COMPRESSOR = "gzip-6 sha256:a0417fb00f679b902bd5e9b40c8cb4a5b4bb32a5ae8e646f2e280ccfcc7585e7"
