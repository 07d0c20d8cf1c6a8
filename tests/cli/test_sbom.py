"""`champ sbom` on a zone with two apps, from their recipe on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command import loaded_champ
from tests.unit.catalog.conftest import APP_YAML
from tests.unit.sbom.images import debian, java, layer, npm
from tests.unit.sources.archives import Sample, unfold, write

RECIPE = """\
format: 1
name: two-apps
version: "1"
apps:
  - {path: viewer, version: "1.10.1"}
  - {path: archive, version: "1.12.7"}
images:
  - name: champ.local/viewer:1.10.1
    archive: {path: viewer-image}
  - name: champ.local/archive:1.12.7
    archive: {path: archive-image.tar}
"""
CHART = "apiVersion: v2\nname: {name}\nversion: 0.1.0\n"
MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n"


class Site:
    """A folder with two apps, the bundle that carries them, and a zone that took it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        app(folder, "viewer")
        app(folder, "archive")
        (folder / "bundle.yaml").write_text(RECIPE, encoding="utf-8")
        viewer = Sample([layer(debian(), npm())])
        archive = Sample([layer(debian()), layer(java())])
        unfold(folder / "viewer-image", viewer.layout_files())
        write(folder / "archive-image.tar", archive.docker_files("archive:1.12.7"))
        self.run("trust", "init", str(folder / "keys"), "--holder", "Team", "--unencrypted")
        self.run("lock", self.recipe)
        self.pack("stick", "cache")
        root = str(folder / "keys" / "root.json")
        self.zone("zone", "init", "--name", "core", "--root", root)
        self.zone("import", str(folder / "stick"))

    @property
    def recipe(self) -> str:
        return str(self.folder / "bundle.yaml")

    def pack(self, out: str, cache: str, *more: str) -> None:
        (self.folder / out).mkdir()
        keys, stick = str(self.folder / "keys"), str(self.folder / out)
        self.run("pack", self.recipe, "--signing", keys, "--out", stick, *more, cache=cache)

    def run(self, *arguments: str, code: int = 0, cache: str = "cache") -> str:
        done = loaded_champ(*arguments, XDG_CACHE_HOME=str(self.folder / cache))
        assert done.returncode == code, done.stderr
        return done.stdout if code == 0 else done.stderr

    def zone(self, *arguments: str, code: int = 0) -> str:
        return self.run("--zone", str(self.folder / "zone"), *arguments, code=code)

    def gives(self, *arguments: str) -> Any:
        return json.loads(self.zone(*arguments, "--json"))


def app(folder: Path, name: str) -> None:
    source = folder / name
    (source / "chart" / "templates").mkdir(parents=True)
    text = APP_YAML.replace("name: demo", f"name: {name}").replace("local/web:", f"local/{name}:")
    files = {
        "app.yaml": text,
        "chart/Chart.yaml": CHART.format(name=name),
        "chart/templates/map.yaml": MAP,
        "form.schema.json": '{"type": "object", "properties": {}}',
        "form.json": "{}",
        "values.yaml.j2": "{}\n",
        "README.md": "# An app\n",
        "README.zh.md": "# 应用\n",
    }
    for file, content in files.items():
        (source / file).write_text(content, encoding="utf-8")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return Site(tmp_path_factory.mktemp("site"))


def test_the_catalog_counts_the_packages_of_an_app(site: Site) -> None:
    found = site.gives("catalog", "viewer")["contents"]
    [image] = found["images"]
    assert image["listed"]
    assert found["unlisted"] == []
    assert found["packages"] == image["packages"]
    rows = site.gives("sbom", "find")["sightings"]
    own = {
        (one["type"], one["package"], one["version"])
        for one in rows
        if one["apps"][0]["name"] == "viewer"
    }
    assert sum(found["packages"].values()) == len(own)
    assert {kind for kind, _, _ in own} == set(found["packages"])
    told = site.zone("catalog", "viewer")
    assert "in all: " in told
    assert ", ".join(f"{kind} {count}" for kind, count in found["packages"].items()) in told


def test_a_package_is_traced_to_its_apps(site: Site) -> None:
    found = site.gives("sbom", "find", "openssl")
    assert found["searched"] == 2
    assert found["bare"] == []
    rows = [(one["package"], one["image"], one["apps"]) for one in found["sightings"]]
    assert rows == [
        ("libssl3", "champ.local/archive:1.12.7", [{"name": "archive", "version": "1.12.7"}]),
        ("libssl3", "champ.local/viewer:1.10.1", [{"name": "viewer", "version": "1.10.1"}]),
    ]


def test_a_table_shows_where_a_package_is(site: Site) -> None:
    heading, row = site.zone("sbom", "find", "log4j", "--version", "<2.17.1").splitlines()
    assert heading.split()[:4] == ["PACKAGE", "VERSION", "TYPE", "IMAGE"]
    assert row.split()[:5] == [
        "org.apache.logging.log4j:log4j-core", "2.14.1", "maven", "champ.local/archive:1.12.7",
        "archive",
    ]  # fmt: skip
    assert "pkg:maven/org.apache.logging.log4j/log4j-core@2.14.1" in row
    chinese = site.zone("sbom", "find", "lodash", "--lang", "zh")
    assert chinese.startswith("软件包")


def test_a_version_alone_finds_every_revision_of_it(site: Site) -> None:
    listed = site.gives("sbom", "find", "libssl3")["sightings"]
    (version,) = {one["version"] for one in listed}
    upstream = version.rpartition("-")[0]
    assert upstream
    assert site.gives("sbom", "find", "openssl", "--version", upstream)["sightings"] == listed
    said = site.zone("sbom", "find", "openssl", "--version", f"{upstream}9", code=14)
    assert said.startswith(f"champ: No image in this zone has “openssl ={upstream}9”")


def test_a_missing_or_broken_lock_or_archive_is_a_sentence(site: Site, tmp_path: Path) -> None:
    pack = ("pack", site.recipe, "--signing", str(site.folder / "keys"), "--out", str(tmp_path))
    missing = tmp_path / "none.lock"
    said = site.run(*pack, "--lock", str(missing), code=14)
    assert said.startswith(f"champ: {missing} does not exist.\n")
    for text in ("no json", "[]", "{}", '{"format": 1, "recipe": 5}', '{"format": 2}'):
        missing.write_text(text, encoding="utf-8")
        said = site.run(*pack, "--lock", str(missing), code=2)
        assert "[lock.unreadable]" in said
        assert "Error" not in said
    recipe = tmp_path / "bundle.yaml"
    recipe.write_text(
        RECIPE.replace("viewer-image", "gone").replace("path: ", f"path: {site.folder}/"),
        encoding="utf-8",
    )
    said = site.run("lock", str(recipe), code=14)
    assert said.startswith(f"champ: There is no archive {site.folder}/gone.\n")
    recipe.write_text(RECIPE.replace('version: "1"', 'version: "../1"'), encoding="utf-8")
    said = site.run("lock", str(recipe), code=2)
    assert "letters, digits and . + ~ -" in said
    assert "in quotes" not in said


def test_nothing_found_has_a_code_of_its_own(site: Site) -> None:
    assert "[sbom.package-unknown]" in site.zone("sbom", "find", "struts", code=14)
    newer = ("sbom", "find", "log4j", "--version", ">=2.17.1")
    assert "[sbom.package-unknown]" in site.zone(*newer, code=14)
    wrong = ("sbom", "find", "log4j", "--version", "~2")
    assert "[sbom.constraint-invalid]" in site.zone(*wrong, code=2)


def test_a_document_is_shown_by_name_and_by_digest(site: Site) -> None:
    document = site.gives("sbom", "show", "champ.local/viewer:1.10.1")
    assert document["bomFormat"] == "CycloneDX"
    assert {one["name"] for one in document["components"]} == {"debian", "libssl3", "lodash"}
    digest = document["metadata"]["component"]["name"]
    assert site.gives("sbom", "show", digest) == document
    assert "[sbom.image-unknown]" in site.zone("sbom", "show", "champ.local/none:1", code=14)


def test_another_machine_packs_the_same_volumes(site: Site) -> None:
    site.pack("second-stick", "second-cache")
    first, second = (volumes(site.folder / name) for name in ("stick", "second-stick"))
    assert first == second


def test_lists_can_be_left_out(site: Site) -> None:
    site.pack("bare-stick", "cache", "--no-sbom")
    zone = ["--zone", str(site.folder / "bare-zone")]
    root = str(site.folder / "keys" / "root.json")
    site.run(*zone, "zone", "init", "--name", "core", "--root", root)
    site.run(*zone, "import", str(site.folder / "bare-stick"))
    told = site.run(*zone, "sbom", "find", "openssl", code=14)
    assert "[sbom.package-not-listed]" in told
    assert "champ.local/viewer:1.10.1" in told
    missing = site.run(*zone, "sbom", "show", "champ.local/viewer:1.10.1", code=14)
    assert "[sbom.missing]" in missing


def volumes(stick: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted(stick.rglob("*.tar"))]
