"""Checking, retiring and collecting, as a person types them."""

from __future__ import annotations

import json
import re
import shutil
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from champ_offline.clock import now_utc
from champ_offline.durable.database import Database
from champ_offline.oci import media_types
from champ_offline.oci.digest import Digest
from champ_offline.oci.manifest import image_index
from champ_offline.registry.access import Open
from champ_offline.registry.asgi import registry
from champ_offline.store.blobs import BlobStore
from tests.cli.command import loaded_champ
from tests.cli.test_way_of_a_bundle import RECIPE, Site, write_layout
from tests.simulators.asgi import ask

PUSHED = image_index([])


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A site with two bundles of one name, each with an image of its own, in one zone."""
    site = Site(tmp_path_factory.mktemp("site"))
    keys = str(site.folder / "keys")
    site.gives("trust", "init", keys, "--holder", "Team", "--unencrypted")
    site.zone("zone", "init", "--name", "core", "--root", str(site.root))
    for version, layer in (("1", bytes(10240)), ("2", bytes([7]) * 20480)):
        shutil.rmtree(site.folder / "layout")
        write_layout(site.folder / "layout", layer)
        site.recipe.write_text(
            RECIPE.replace('"1"', f'"{version}"').replace("demo:1", f"demo:{version}", 1)
        )
        site.gives("lock", str(site.recipe))
        out = site.folder / f"stick-{version}"
        out.mkdir()
        site.gives("pack", str(site.recipe), "--signing", keys, "--out", str(out), "--no-sbom")
        site.zone("import", str(out))
    return site


@pytest.fixture
def site(packed: Site, tmp_path: Path) -> Site:
    """The same, in a zone that a test may change."""
    again = Site.__new__(Site)
    again.__dict__ = {**packed.__dict__, "folder": tmp_path}
    shutil.copytree(packed.folder / "zone", tmp_path / "zone")
    return again


def stick(packed: Site, version: str) -> str:
    return str(packed.stick.parent / f"stick-{version}")


def test_what_was_replaced_is_retired_and_freed(site: Site) -> None:
    zone = ["--zone", str(site.folder / "zone")]
    assert site.zone("store", "gc")["going"] == []
    foreseen = site.zone("zone", "retire", "demo", "1", "--dry-run")
    assert (foreseen["newest"], foreseen["size"] > 10240) == (False, True)
    assert site.zone("store", "gc")["going"] == []
    assert site.zone("zone", "retire", "demo", "1")["size"] == foreseen["size"]
    assert [b["document"]["version"] for b in site.zone("zone", "show")["bundles"]] == ["2"]
    shown = site.says(*zone, "store", "gc")
    assert "its bundle was retired" in shown
    assert "champ.local/demo:1" in shown
    assert "所属离线包已停用" in site.says(*zone, "store", "gc", "--lang", "zh")
    refused = loaded_champ(*zone, "store", "gc", "--apply")
    assert refused.returncode == 7
    site.says(*zone, "store", "gc", "--apply", "--confirm", "other", code=7)
    done = site.zone("store", "gc", "--apply", "--confirm", "core")
    assert (done["size"], done["needed_again"]) == (foreseen["size"], [])
    assert site.zone("store", "gc", "--apply")["blobs"] == 0
    site.says(*zone, "store", "gc", "--apply", "--confirm", "other", code=7)


def test_the_newest_wants_to_be_confirmed(site: Site) -> None:
    zone = ["--zone", str(site.folder / "zone")]
    site.says(*zone, "zone", "retire", "demo", "2", code=7)
    site.says(*zone, "zone", "retire", "demo", "9", code=14)
    assert site.zone("zone", "retire", "demo", "2", "--confirm", "demo")["newest"]


def test_damage_is_named_and_mended(site: Site, packed: Site) -> None:
    zone = ["--zone", str(site.folder / "zone")]
    whole = site.zone("store", "check", "--mbps", "1000")
    assert whole["damaged"] == []
    files = (site.folder / "zone" / "store" / "sha256").iterdir()
    layer = next(path for path in files if path.stat().st_size == 20480)
    layer.chmod(0o644)
    layer.write_bytes(bytes([7]) * 20479 + b"x")
    found = site.gives(*zone, "store", "check", code=11)
    (damaged,) = found["damaged"]
    assert damaged["digest"] == f"sha256:{layer.name}"
    assert (damaged["names"], damaged["bundles"]) == (["champ.local/demo:2"], ["demo 2"])
    assert "demo 2" in site.says(*zone, "store", "check", code=11)
    states = {one["check"]: one for one in site.gives(*zone, "doctor", code=4)}
    assert states["store"]["id"] == "doctor.content-missing"
    assert "demo 2" in states["store"]["remedy"]
    assert site.zone("import", stick(packed, "2"))["new_blobs"] == 1
    assert site.zone("store", "check", "--all")["damaged"] == []
    assert json.loads(site.says(*zone, "store", "gc", "--json"))["going"][0]["size"] == 20480


def test_lost_pushes_are_named_by_doctor_and_check_alike(site: Site) -> None:
    folder = site.folder / "zone"
    zone = ["--zone", str(folder)]
    with closing(Database(folder / "champ.db")) as database:
        push(database, folder)
    states = {one["check"]: one for one in site.zone("doctor")}
    assert states["store"]["state"] == "ok"
    (folder / "store" / "sha256" / Digest.of(PUSHED).hex).unlink()
    states = {one["check"]: one for one in site.gives(*zone, "doctor", code=4)}
    assert (states["store"]["state"], states["store"]["id"]) == ("bad", "doctor.pushed-missing")
    assert "team/app:1" in states["store"]["message"]
    assert "再次推送" in site.says(*zone, "doctor", "--lang", "zh", code=4)
    (damaged,) = site.gives(*zone, "store", "check", code=11)["damaged"]
    assert (damaged["names"], damaged["pushed"]) == (["team/app:1"], True)
    shown = site.says(*zone, "store", "check", code=11)
    assert re.search(r"WHAT TO DO\n.* team/app:1 +push it again", shown), shown


def push(database: Database, folder: Path) -> None:
    """A manifest of nothing, by way of the registry."""
    headers = {"content-type": media_types.IMAGE_INDEX}
    app = registry(database, BlobStore(folder / "store"), folder / "uploads", now_utc, Open())
    assert ask(app, "PUT", "/v2/team/app/manifests/1", PUSHED, headers).status == 201


@pytest.mark.parametrize("left", ["nothing", "a mount point", "a folder of blobs"])
def test_a_store_whose_disk_is_away_is_not_made_anew(packed: Site, site: Site, left: str) -> None:
    zone, store = ["--zone", str(site.folder / "zone")], site.folder / "zone" / "store"
    away = store.rename(site.folder / "away")
    if left == "a mount point":
        store.mkdir()
    elif left == "a folder of blobs":
        (store / "sha256").mkdir(parents=True)
    before = sorted(store.rglob("*"))
    for words in (["import", stick(packed, "2")], ["store", "check"], ["store", "gc"]):
        done = loaded_champ(*zone, *words)
        assert done.returncode == 6, (words, done.stdout, done.stderr)
        assert "is not there" in done.stderr
    assert (store.exists(), sorted(store.rglob("*"))) == (left != "nothing", before)
    if store.exists():
        shutil.rmtree(store)
    away.rename(store)
    assert site.zone("import", stick(packed, "2"))["new_blobs"] == 0
    assert site.zone("store", "check")["damaged"] == []


def refused(site: Site, *words: str) -> dict[str, Any]:
    """The error that the zone answers with."""
    done = loaded_champ("--zone", str(site.folder / "zone"), *words, "--progress", "ndjson")
    assert done.returncode == 6, (words, done.stdout, done.stderr)
    return dict(json.loads(done.stderr.splitlines()[-1]))


def test_another_zones_store_in_the_place_of_its_own(packed: Site, site: Site) -> None:
    own, other = site.folder / "zone", site.folder / "edge"
    made = loaded_champ(
        "--zone", str(other), "zone", "init", "--name", "edge", "--root", str(site.root)
    )
    assert made.returncode == 0, made.stderr
    held = site.zone("zone", "show")["blobs"]
    (own / "store").rename(site.folder / "away")
    (other / "store").rename(own / "store")
    before = sorted((own / "store").rglob("*"))
    for words in (
        ("zone", "show"),
        ("import", stick(packed, "1")),
        ("store", "check"),
        ("store", "gc"),
        ("store", "gc", "--apply", "--confirm", "core"),
        ("export", "--for", "core", str(site.folder)),
    ):
        assert refused(site, *words)["id"] == "store.foreign", words
    assert sorted((own / "store").rglob("*")) == before
    looked = loaded_champ("--zone", str(own), "doctor")
    assert "not this zone's store" in looked.stdout
    assert "不是本网区的存储" in loaded_champ("--zone", str(own), "doctor", "--lang", "zh").stdout
    shutil.rmtree(own / "store")
    (site.folder / "away").rename(own / "store")
    assert site.zone("zone", "show")["blobs"] == held


def test_a_folder_in_the_place_of_a_blob_is_named_by_whoever_meets_it(
    packed: Site, site: Site
) -> None:
    zone, store = site.folder / "zone", site.folder / "zone" / "store" / "sha256"
    shown = site.zone("zone", "show")["blobs"]
    largest = max(store.iterdir(), key=lambda path: path.stat().st_size)
    largest.unlink()
    largest.mkdir()
    (largest / "kept").write_bytes(b"somebody's")
    (store / "notes.txt").write_bytes(b"a stranger's")
    error = refused(site, "import", stick(packed, "2"))
    assert error["id"] == "store.obstructed"
    assert str(largest) in error["message"]
    assert site.zone("zone", "show")["blobs"] == shown - 1
    assert f"\nsha256:{largest.name} " in site.says("--zone", str(zone), "store", "check", code=11)
    assert site.zone("store", "gc")["going"] == []
    looked = loaded_champ("--zone", str(zone), "doctor").stdout
    assert "no blobs: 2; the first" in " ".join(looked.split())
    assert (largest / "kept").read_bytes() == b"somebody's"
    shutil.rmtree(largest)
    (store / "notes.txt").unlink()
    assert site.zone("import", stick(packed, "2"))["new_blobs"] == 1
    assert site.zone("zone", "show")["blobs"] == shown
    assert "no blobs" not in loaded_champ("--zone", str(zone), "doctor").stdout


def test_how_much_is_kept_is_shown_and_changed(site: Site) -> None:
    assert site.zone("zone", "retention") == {"revisions": 10, "backups": 3}
    assert site.zone("zone", "retention", "--revisions", "3") == {
        "revisions": 3,
        "backups": 3,
    }
    assert site.zone("zone", "retention", "--backups", "1") == {"revisions": 3, "backups": 1}
    assert site.zone("zone", "retention") == {"revisions": 3, "backups": 1}
