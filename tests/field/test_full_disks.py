"""Disks that fill up while something is written: told plainly, nothing lost, on it goes after."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from champ_offline.appliance import Appliance
from champ_offline.bundle.errors import NoBundle, ZoneUnwritable
from champ_offline.bundle.verify import verify
from champ_offline.clock import now_utc
from champ_offline.durable.database import Database, DatabaseFull
from champ_offline.durable.reserve import SIZE
from champ_offline.durable.space import free_bytes
from champ_offline.events import Event, StepStarted
from champ_offline.registry.access import Open
from champ_offline.registry.asgi import registry
from champ_offline.registry.content import Content
from champ_offline.store.blobs import BlobStore
from tests.contracts.distribution.client import Repository, digest_of, serving
from tests.crash.test_push import consistent
from tests.crash.zones import held
from tests.field.site import LAYERS, MIB, Site, ended
from tests.field.test_pulled_sticks import stopped_half_way, waiting_bytes
from tests.lab.commands import call
from tests.lab.errors import CommandFailed
from tests.lab.lab import Lab
from tests.lab.stick import FileSystem, Stick


@pytest.fixture
def disk(lab: Lab) -> Iterator[Path]:
    """A disk of 128 MB, empty but for what the test puts there."""
    disk = lab.stick("disk", 128, "ext4")
    yield disk.plug()
    disk.unplug()
    disk.image.unlink()
    del lab.sticks["disk"]


def fill(folder: Path, leave: int = 0) -> Path:
    """Something else on the same disk takes all the room there is, but for `leave` bytes."""
    other = folder / "other"
    piece = MIB
    with other.open("wb", buffering=0) as file:
        while piece and (free := free_bytes(folder)) > leave:
            try:
                file.write(os.urandom(min(piece, free - leave)))
            except OSError:
                assert leave == 0
                # What is set aside until it is written to the disk may be less than that.
                os.fsync(file.fileno())
                piece //= 2
    return other


def test_a_disk_that_fills_up_under_an_import(site: Site, packed: Path, disk: Path) -> None:
    zone = site.zone(disk / "zone")
    process = site.start("--zone", zone, "import", packed)
    told = stopped_half_way(process, zone)
    other = fill(disk)
    os.kill(process.pid, signal.SIGCONT)
    said = ended(process, told)
    assert (said.code, said.error["id"]) == (4, "intake.zone-unwritable"), said.error
    assert "No space left" in said.fields["reason"]
    assert not list((zone / "store/sha256").iterdir())
    assert waiting_bytes(zone) >= 8 * MIB
    refused = site.take(zone, packed)
    assert refused.code == 4, refused.error
    assert refused.error["id"] in {"intake.no-space", "durable.database-full"}
    kept = {path.name: path.stat().st_ino for path in (zone / "incoming/sha256").glob("[0-9a-f]*")}
    other.unlink()
    assert site.take(zone, packed).code == 0
    assert len(held(zone).refs) > 0
    stored = {path.name: path.stat().st_ino for path in (zone / "store/sha256").iterdir()}
    assert all(stored.get(name, inode) == inode for name, inode in kept.items())


def test_a_disk_that_is_full_when_the_names_are_written(
    site: Site, packed: Path, disk: Path
) -> None:
    zone = site.zone(disk / "zone")
    taken: list[Path] = []

    def full_at_commit(event: Event) -> None:
        if isinstance(event, StepStarted) and event.name == "commit":
            taken.append(fill(disk))

    appliance = Appliance.open(zone)
    with closing(appliance._database):
        with pytest.raises((DatabaseFull, ZoneUnwritable)) as caught:
            appliance.import_media([packed], full_at_commit)
        assert caught.value.exit_code == 4
    taken[0].unlink()
    assert held(zone).refs == ()
    said = site.take(zone, packed)
    assert (said.code, said.result["changed"]) == (0, True), said.error
    assert len(held(zone).refs) > 0


@pytest.mark.parametrize("kind", ["fat", "exfat"])
def test_a_stick_that_fills_up_under_a_pack(site: Site, lab: Lab, kind: FileSystem) -> None:
    stick: Stick = lab.stick(f"full-{kind}", 48, kind)
    out = stick.plug()
    process = site.start("pack", site.recipe, "--signing", site.keys, "--out", out, "--no-sbom",
                         "--volume-size", "4M")  # fmt: skip
    told = ""
    assert process.stderr is not None
    while "demo-1.0002.tar" not in told:
        told += process.stderr.readline()
        assert process.poll() is None, told
    os.kill(process.pid, signal.SIGSTOP)
    other = fill(out)
    os.kill(process.pid, signal.SIGCONT)
    said = ended(process, told)
    assert (said.code, said.error["id"]) == (4, "pack.target-unwritable"), said.error
    with pytest.raises(NoBundle):
        verify([out], (site.keys / "root.json").read_bytes(), datetime.now(UTC))
    other.unlink()
    assert site.pack(out).code == 0
    again = site.folder / f"again-{kind}"
    again.mkdir()
    assert site.pack(again).code == 0
    for volume in sorted((again / "champ/demo-1").glob("*.tar")):
        assert (out / "champ/demo-1" / volume.name).read_bytes() == volume.read_bytes()
    shutil.rmtree(again)
    stick.unplug()


LOOKING = (
    ("zone", "show"), ("trust", "show"), ("catalog",), ("status",), ("doctor",),
    ("sbom", "find", "nothing"), ("store", "gc"), ("audit", "show"), ("audit", "verify"),
    ("registry", "access"), ("registry", "client", "list"),
)  # fmt: skip


def looked(site: Site, zone: Path) -> dict[str, tuple[int, object]]:
    """What the verbs that only look say, but for what changes with the disk itself."""
    found: dict[str, tuple[int, object]] = {}
    for words in LOOKING:
        said = site.run("--zone", zone, *words)
        result = said.result
        if isinstance(result, dict):
            result = {name: value for name, value in result.items() if name != "free"}
        found[" ".join(words)] = (said.code, result or said.error.get("id"))
    return found


def test_a_zone_on_a_full_disk_can_be_looked_at(site: Site, packed: Path, disk: Path) -> None:
    zone = site.zone(disk / "zone")
    assert site.take(zone, packed).code == 0
    other = fill(disk)
    seen = looked(site, zone)
    code, findings = seen.pop("doctor")
    assert code == 4
    assert isinstance(findings, list)
    assert [one["id"] for one in findings if one["state"] == "bad"] == ["doctor.disk-nearly-full"]
    assert {code for code, _result in seen.values()} <= {0, 14}
    other.unlink()
    again = looked(site, zone)
    assert again.pop("doctor")[0] == 0
    assert again == seen
    fill(disk)
    refused = site.run("--zone", zone, "trust", "update", packed)
    assert refused.error.get("id") != "durable.database-unusable"


def rotten(zone: Path) -> str:
    """One blob, the largest, has a bit that fell over; its digest."""
    blob = max((zone / "store/sha256").iterdir(), key=lambda path: (path.stat().st_size, path.name))
    with blob.open("r+b") as file:
        first = file.read(1)[0]
        file.seek(0)
        file.write(bytes([first ^ 1]))
    return f"sha256:{blob.name}"


def test_a_full_disk_is_checked_and_what_is_damaged_named(
    site: Site, packed: Path, disk: Path
) -> None:
    zone = site.zone(disk / "zone")
    assert site.take(zone, packed).code == 0
    blobs = len(list((zone / "store/sha256").iterdir()))
    first = rotten(zone)
    other = fill(disk)
    assert free_bytes(disk) == 0
    for words in ((), ("--all",)):
        said = site.run("--zone", zone, "store", "check", *words)
        assert said.code == 11, said.error
        assert (said.result["blobs"], said.result["recorded"]) == (blobs, False)
        [damaged] = said.result["damaged"]
        assert (damaged["digest"], damaged["bundles"]) == (first, ["demo 1"])
        assert set(said.result["left"]) <= {first}
    other.unlink()
    said = site.run("--zone", zone, "store", "check")
    assert (said.code, said.result["recorded"], said.result["left"]) == (11, True, [])
    assert [one["digest"] for one in said.result["damaged"]] == [first]
    assert [path.name for path in (zone / "store/damaged").iterdir()] == [first[7:]]


def test_a_read_only_disk_is_checked_and_what_is_damaged_named(
    site: Site, packed: Path, disk: Path
) -> None:
    zone = site.zone(disk / "zone")
    assert site.take(zone, packed).code == 0
    first = rotten(zone)
    call("mount", "-o", "remount,ro", str(disk))
    said = site.run("--zone", zone, "store", "check")
    assert (said.code, said.result["recorded"], said.result["left"]) == (11, False, [first])
    assert [one["digest"] for one in said.result["damaged"]] == [first]
    call("mount", "-o", "remount,rw", str(disk))
    assert site.run("--zone", zone, "store", "check").result["recorded"] is True


def test_a_backup_that_finds_no_room_leaves_nothing(site: Site, disk: Path) -> None:
    zone = site.zone(site.folder / "backed-up")
    other = fill(disk, leave=50_000)
    said = site.run("--zone", zone, "zone", "backup", disk / "copy.db")
    assert (said.code, said.error["id"]) == (4, "durable.copy-failed"), said.error
    assert {path.name for path in disk.iterdir()} <= {"other", "lost+found"}
    other.unlink()
    assert site.does("--zone", zone, "zone", "backup", disk / "copy.db")["size"] > 50_000


@pytest.mark.parametrize("kind", ["fat", "exfat"])
def test_a_backup_onto_a_stick_overwrites_nothing(site: Site, lab: Lab, kind: FileSystem) -> None:
    zone, stick = site.zone(site.folder / f"kept-on-{kind}"), lab.stick(f"backup-{kind}", 48, kind)
    out = stick.plug()
    assert site.does("--zone", zone, "zone", "backup", out / "copy.db")["size"] > 0
    before = (out / "copy.db").read_bytes()
    assert site.run("--zone", zone, "zone", "backup", out / "copy.db").code == 2
    assert (out / "copy.db").read_bytes() == before
    assert [path.name for path in out.iterdir() if path.name.startswith(".partial")] == []
    stick.unplug()


def test_a_zone_on_a_read_only_disk_can_be_looked_at(site: Site, packed: Path, disk: Path) -> None:
    zone = site.zone(disk / "zone")
    assert site.take(zone, packed).code == 0
    call("mount", "-o", "remount,ro", str(disk))
    seen = looked(site, zone)
    assert {code for code, _result in seen.values()} <= {0, 14}
    refused = site.run("--zone", zone, "import", packed)
    assert refused.code == 4
    assert "Read-only file system" in refused.fields["reason"]
    call("mount", "-o", "remount,rw", str(disk))
    assert looked(site, zone) == seen


def test_what_a_full_disk_refuses_is_named(site: Site, disk: Path) -> None:
    target = disk / "keys"
    target.mkdir()
    fill(disk)
    refused = site.run("trust", "init", target / "own", "--holder", "Team", "--unencrypted")
    assert refused.error["id"] == "cli.system-refused"
    assert refused.fields["path"].startswith(str(target)), refused.error


def test_a_push_onto_a_disk_that_fills_up(disk: Path) -> None:
    zone = disk / "zone"
    zone.mkdir()
    with closing(Database.create(zone / "champ.db")) as database:
        blobs, uploads = BlobStore(zone / "store"), zone / "uploads"
        with serving(registry(database, blobs, uploads, now_utc, Open())) as server:
            repository = server.repository()
            image = repository.image_bytes()
            repository.manifest(image, "1")
            where, data = repository.begin(), os.urandom(3 * MIB)
            digest = digest_of(data)
            other = fill(disk, leave=MIB)
            for _ in range(2):
                refused = repository.follow("PUT", where, data, digest=digest)
                assert (refused.status, refused.codes) == (507, ["UNAVAILABLE"])
                assert repository.follow("GET", where).headers["range"] == "0-0"
            fill(disk)
            for method, rest, body in (
                ("POST", "blobs/uploads/", b""),
                ("POST", f"blobs/uploads/?digest={digest}", data),
                ("PUT", "manifests/2", image + b" " * MIB),
                ("DELETE", "manifests/1", b""),
            ):
                refused = repository.send(method, rest, body)
                assert (refused.status, refused.codes) == (507, ["UNAVAILABLE"]), rest
            assert repository.send("GET", "manifests/1").body == image
            for rest in (f"blobs/{digest}", "manifests/2"):
                assert repository.send("GET", rest).status == 404
            other.unlink()
            assert repository.follow("PUT", where, data, digest=digest).status == 201
            assert repository.send("GET", f"blobs/{digest}").body == data
            assert repository.send("DELETE", "manifests/1").status == 202


def test_skopeo_pushes_onto_a_disk_that_is_too_small(site: Site, disk: Path) -> None:
    """24 layers of a MiB where there is room for some: the tag is not there, the next try works."""
    zone = disk / "zone"
    zone.mkdir()
    layout = f"oci:{site.folder / 'layout'}:demo:1"
    with closing(Database.create(zone / "champ.db")) as database:
        blobs = BlobStore(zone / "store")
        with serving(registry(database, blobs, zone / "uploads", now_utc, Open())) as server:
            words = ("skopeo", "copy", "--dest-tls-verify=false", "--retry-times=0", layout)
            target = f"docker://127.0.0.1:{server.port}/team/demo:1"
            other = fill(disk, leave=8 * MIB)
            with pytest.raises(CommandFailed, match=r"507|disk of the zone is full"):
                call(*words, target, limit=120)
            repository = Repository(server, "team/demo")
            assert repository.send("GET", "manifests/1").status == 404
            content = Content(database, blobs)
            consistent(database, content)
            sent = len(list(blobs))
            assert 0 < sent < LAYERS
            other.unlink()
            call(*words, target, limit=120)
            assert repository.send("HEAD", "manifests/1").status == 200
            consistent(database, content)
            # What it gave up waits for its time to run out, and takes no room.
            assert all(path.stat().st_size == 0 for path in (zone / "uploads").iterdir())


@pytest.mark.parametrize("served", [False, True], ids=["alone", "while it is served"])
def test_a_collection_on_a_disk_without_any_room(
    site: Site, packed: Path, disk: Path, served: bool
) -> None:
    zone = site.zone(disk / "zone")
    assert site.take(zone, packed).code == 0
    before = held(zone)
    for _ in range(20):
        BlobStore(zone / "store").add(os.urandom(MIB))
    fill(disk)
    assert free_bytes(disk) == 0
    with contextlib.ExitStack() as stack:
        if served:
            database = stack.enter_context(closing(Database(zone / "champ.db")))
            blobs = BlobStore(zone / "store")
            stack.enter_context(serving(registry(database, blobs, zone / "uploads", now_utc)))
        planned = site.does("--zone", zone, "store", "gc")
        assert (len(planned["going"]), free_bytes(disk)) == (20, 0)
        done = site.does("--zone", zone, "store", "gc", "--apply", "--confirm", "core")
        assert (done["blobs"], done["size"]) == (20, 20 * MIB)
        assert free_bytes(disk) > 19 * MIB
    assert held(zone) == before
    assert site.does("--zone", zone, "zone", "retire", "demo", "1", "--confirm", "demo")
    (disk / "more").write_bytes(os.urandom(free_bytes(disk) - MIB))
    fill(disk)
    assert site.does("--zone", zone, "store", "gc", "--apply", "--confirm", "core")["blobs"] > 24
    (disk / "more").unlink()
    assert held(zone).blobs == frozenset()
    assert site.take(zone, packed).code == 0
    assert held(zone) == before


def test_a_full_disk_with_nothing_but_pushed_blobs_to_let_go_of(site: Site, disk: Path) -> None:
    """Their links go first, so something must be written before anything is free."""
    zone = site.zone(disk / "zone")
    with closing(Database(zone / "champ.db")) as database:
        blobs, long_ago = BlobStore(zone / "store"), now_utc() - timedelta(days=2)
        app = registry(database, blobs, zone / "uploads", lambda: long_ago, Open())
        with serving(app) as server:
            repository = server.repository()
            for _ in range(100):
                repository.blob(os.urandom(MIB // 8))
    fill(disk)
    assert free_bytes(disk) == 0
    planned = site.does("--zone", zone, "store", "gc")
    assert len(planned["going"]) == 100
    done = site.does("--zone", zone, "store", "gc", "--apply", "--confirm", "core")
    assert (done["blobs"], done["unlinked"]) == (100, 100)
    assert (zone / "reserve").stat().st_size == SIZE
    assert free_bytes(disk) > 8 * MIB
    assert site.does("--zone", zone, "store", "gc")["going"] == []
