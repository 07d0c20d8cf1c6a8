"""The verbs from keys to a zone's doctor, each a process, on a bundle of one small image."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from champ_offline.oci import media_types
from champ_offline.oci.descriptor import Descriptor
from champ_offline.oci.digest import Digest
from champ_offline.oci.manifest import image_index, image_manifest
from installer.quantities import NO_BREAK
from tests.cli.command import champ, loaded_champ

RECIPE = """\
format: 1
name: demo
version: "1"
zones: [core]
images:
  - name: champ.local/demo:1
    archive: {path: layout}
"""


class Site:
    """A folder with a recipe, a cache, a stick and a zone; runs verbs on them."""

    def __init__(self, folder: Path, layer: bytes = bytes(10240)) -> None:
        self.folder = folder
        self.recipe = folder / "bundle.yaml"
        self.recipe.write_text(RECIPE, encoding="utf-8")
        self.stick = folder / "stick"
        self.stick.mkdir()
        self.root = folder / "keys" / "root.json"
        write_layout(folder / "layout", layer)

    def says(self, *arguments: str, code: int = 0) -> str:
        done = loaded_champ(*arguments, XDG_CACHE_HOME=str(self.folder / "cache"))
        assert done.returncode == code, done.stderr
        return done.stdout

    def gives(self, *arguments: str, code: int = 0) -> Any:
        return json.loads(self.says(*arguments, "--json", code=code))

    def zone(self, *arguments: str) -> Any:
        return self.gives("--zone", str(self.folder / "zone"), *arguments)


def write_layout(folder: Path, content: bytes = bytes(10240)) -> None:
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True)

    def put(data: bytes, media_type: str) -> Descriptor:
        digest = Digest.of(data)
        (blobs / digest.hex).write_bytes(data)
        return Descriptor(media_type, digest, len(data))

    config = put(b'{"architecture":"amd64","os":"linux"}', media_types.IMAGE_CONFIG)
    layer = put(content, media_types.LAYER_TAR)
    manifest = put(image_manifest(config, [layer]), media_types.IMAGE_MANIFEST)
    (folder / "index.json").write_bytes(image_index([manifest.named("demo:1")]))
    (folder / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}', encoding="utf-8")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A site with a signed bundle on its stick."""
    site = Site(tmp_path_factory.mktemp("site"))
    site.gives("trust", "init", str(site.folder / "keys"), "--holder", "Team", "--unencrypted")
    site.gives("lock", str(site.recipe))
    keys, stick = str(site.folder / "keys"), str(site.stick)
    packed = site.gives("pack", str(site.recipe), "--signing", keys, "--out", stick)
    assert packed["document"]["images"] == ["champ.local/demo:1"]
    return site


def test_keys_are_never_overwritten(site: Site) -> None:
    site.says(
        "trust", "init", str(site.folder / "keys"), "--holder", "Team", "--unencrypted", code=2
    )


def test_verify_tells_who_signed_what(site: Site) -> None:
    bundle = site.gives("verify", str(site.stick), "--root", str(site.root))
    assert (bundle["bundle"], bundle["version"], bundle["zones"]) == ("demo", "1", ["core"])
    assert {signer["role"] for signer in bundle["signers"]} >= {"targets", "timestamp"}
    table = site.says("verify", str(site.stick), "--root", str(site.root), "--lang", "zh")
    assert "离线包" in table
    assert "Team" in table


def test_a_zone_takes_the_bundle_once(site: Site) -> None:
    fingerprint = site.gives(
        "--zone",
        str(site.folder / "other"),
        "zone",
        "init",
        "--name",
        "x",
        "--root",
        str(site.root),
    )["root_fingerprint"]
    init = ["zone", "init", "--name", "core", "--root", str(site.root)]
    assert site.zone(*init, "--fingerprint", fingerprint)["name"] == "core"
    first = site.zone("import", str(site.stick))
    again = site.zone("import", str(site.stick))
    assert (first["changed"], again["changed"]) == (True, False)
    assert (again["new_blobs"], again["known_blobs"]) == (0, first["new_blobs"])
    assert site.zone("catalog") == []
    assert site.zone("status") == []
    states = {finding["check"]: finding["state"] for finding in site.zone("doctor")}
    assert states["database"] == states["store"] == "ok"


def test_another_fingerprint_makes_no_zone(site: Site) -> None:
    folder = site.folder / "refused"
    arguments = ["zone", "init", "--name", "core", "--root", str(site.root)]
    site.says("--zone", str(folder), *arguments, "--fingerprint", "00", code=3)
    assert not folder.exists()


def test_tables_of_every_verb_can_be_shown(site: Site) -> None:
    zone = ["--zone", str(site.folder / "tables")]
    keys = str(site.folder / "more-keys")
    for arguments in (
        ["trust", "init", keys, "--holder", "Team", "--unencrypted"],
        ["lock", str(site.recipe), "--out", str(site.folder / "again.lock")],
        [*zone, "zone", "init", "--name", "core", "--root", str(site.root)],
        [*zone, "import", str(site.stick)],
        [*zone, "catalog"],
        [*zone, "status"],
        [*zone, "doctor"],
    ):
        assert site.says(*arguments), arguments


def test_the_key_of_a_medium_is_told_under_a_root_only(site: Site) -> None:
    site.says("trust", "image-key", str(site.stick), code=2)
    told = site.says("trust", "image-key", str(site.stick), "--root", str(site.root))
    assert told == (site.folder / "keys/images.pub").read_text(encoding="utf-8")


def test_a_zone_tells_the_key_of_its_images(site: Site) -> None:
    zone = ["--zone", str(site.folder / "keyed")]
    site.says(*zone, "zone", "init", "--name", "core", "--root", str(site.root))
    site.says(*zone, "trust", "image-key", code=14)
    site.says(*zone, "import", str(site.stick))
    (told,) = site.gives(*zone, "trust", "image-key")
    assert told["bundles"] == ["demo 1"]
    assert told["pem"] == (site.folder / "keys/images.pub").read_text(encoding="utf-8")


def test_no_bundle_is_packed_without_the_images_key(site: Site) -> None:
    folder = site.folder / "no-images-key"
    shutil.copytree(site.folder / "keys", folder)
    (folder / "images.pub").unlink()
    out = str(site.folder)
    site.says("pack", str(site.recipe), "--signing", str(folder), "--out", out, code=2)
    assert not (site.folder / "champ").exists()


def test_a_share_of_parity_is_packed_and_others_are_refused(site: Site) -> None:
    out = site.folder / "with-parity"
    out.mkdir()
    words = ["pack", str(site.recipe), "--signing", str(site.folder / "keys"), "--out", str(out)]
    site.says(*words, "--parity", "51%", code=2)
    packed = site.gives(*words, "--parity", "5%")
    assert packed["document"]["parity"] == 5
    (parity,) = out.rglob("*.0001.par")
    volume = parity.with_suffix(".tar")
    data = bytearray(volume.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 512] = bytes([255]) * 512
    volume.write_bytes(data)
    zone = ["--zone", str(site.folder / "healing")]
    site.says(*zone, "zone", "init", "--name", "core", "--root", str(site.root))
    assert site.gives(*zone, "import", str(out))["changed"]


@pytest.mark.parametrize(
    ("option", "size", "least"),
    [("--stick", "0", "8.00 MB"), ("--stick", "4M", "8.00 MB"), ("--volume-size", "1K", "1.00 MB")],
)
def test_sizes_that_hold_nothing_are_refused_with_the_smallest(
    site: Site, option: str, size: str, least: str
) -> None:
    words = ["pack", str(site.recipe), "--signing", str(site.folder / "keys")]
    done = champ(*words, "--out", str(site.folder / "small"), option, size)
    assert done.returncode == 2
    assert least in done.stderr.replace(NO_BREAK, " ")
    assert not (site.folder / "small").exists()
