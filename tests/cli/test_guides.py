"""The guides: both languages are one guide, and what they tell people to type works.

Every line is read by the parser. Those that need neither a cluster nor nodes are run in the order
in which they stand, in a folder that stands for the machine.
"""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.architecture.source import ROOT
from tests.cli.command import loaded_champ, loaded_champ_in
from tests.cli.test_way_of_a_bundle import Site

GUIDE = ROOT / "docs" / "guide"
NAMES = sorted(path.name for path in (GUIDE / "en").glob("*.md"))
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^(#+) ", re.MULTILINE)
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)#]+)\)")
PICTURE = re.compile(r"!\[[^\]]+\]\(\.\./pictures/([a-z-]+)\.(?:en|zh)\.svg\)")
# These need a cluster, a node, an app, a token of time or another machine.
ELSEWHERE = {
    "registry unit", "registry serve", "registry doctor", "node trust", "cluster add", "form",
    "catalog orthanc",
    "plan", "show", "apply", "status", "logs", "history", "rollback", "data save", "data list",
    "data verify", "recover", "sbom find",
}  # fmt: skip
OTHER_PROGRAMS = {"cp", "make"}
# What stands for what in the folder of the test; the longest first.
PLACES = ("/media/patch", "/media/stick", "/media/copy", "/srv/signing", "/srv/auditor",
          "/srv/champ", "/srv/out", "bundles/orthanc-1.10/bundle.yaml")  # fmt: skip


def lines(path: Path) -> list[str]:
    """What people type, a line each."""
    found = BLOCK.findall(path.read_text(encoding="utf-8"))
    return [line for block in found for line in block.splitlines()]


EVERY = [
    (f"{language}/{name}", line)
    for language in ("en", "zh")
    for name in NAMES
    for line in lines(GUIDE / language / name)
]


def test_the_three_roles_have_a_guide() -> None:
    assert NAMES == ["field-engineer.md", "release-engineer.md", "zone-operator.md"]
    assert len(EVERY) > 80


@pytest.mark.parametrize("name", NAMES)
def test_both_languages_are_one_guide(name: str) -> None:
    english, chinese = (GUIDE / language / name for language in ("en", "zh"))
    assert lines(english) == lines(chinese)
    for pattern in (HEADING, LINK, PICTURE):
        texts = [path.read_text(encoding="utf-8") for path in (english, chinese)]
        # Comments of the shell in a block are no headings.
        found = [pattern.findall(BLOCK.sub("", text)) for text in texts]
        assert found[0] == found[1]
        assert found[0] or pattern is PICTURE


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("name", NAMES)
def test_links_lead_somewhere(language: str, name: str) -> None:
    path = GUIDE / language / name
    for target in LINK.findall(path.read_text(encoding="utf-8")):
        assert (path.parent / target).is_file(), target
    for picture in PICTURE.findall(path.read_text(encoding="utf-8")):
        assert (GUIDE / "pictures" / f"{picture}.{language}.svg").is_file(), picture
    assert f"docs/guide/{language}/{name}" in (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("line", sorted({line for _, line in EVERY}))
def test_every_line_is_understood(line: str) -> None:
    words = shlex.split(line.partition(" > ")[0])
    if words[0] == "champ":
        done = loaded_champ(*words[1:], "--help")
        assert done.returncode == 0, done.stderr
    else:
        assert words[0] in OTHER_PROGRAMS


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A folder with a recipe of one image in the place of the guides' recipe."""
    site = Site(tmp_path)
    recipe = site.recipe.read_text().replace("zones: [core]", "zones: [core-business]")
    site.recipe.write_text(recipe)
    (tmp_path / "orthanc-1.10.txt").write_text("the recipe is bundle.yaml\n")
    return site


def test_what_the_guides_say_works(site: Site) -> None:
    """In the order of a bundle's way: packed, taken, kept."""
    ran = 0
    for name in ("release-engineer.md", "field-engineer.md", "zone-operator.md"):
        for line in lines(GUIDE / "en" / name):
            if _verb(line) not in ELSEWHERE:
                _prepare(site, line)
                _run(site, line)
                ran += 1
    assert ran > 25
    record = (site.folder / "record.jsonl").read_text()
    assert '"payload"' in record


def _verb(line: str) -> str:
    words = shlex.split(line.partition(" > ")[0])
    if words[0] != "champ":
        return words[0]
    words = words[3:] if words[1] == "--zone" else words[1:]
    two = " ".join(words[:2])
    return two if two in ELSEWHERE else words[0] if words[0] in ELSEWHERE else two


def _prepare(site: Site, line: str) -> None:
    """What a person brings about between two lines of a guide."""
    stick, copy = _place(site, "/media/stick"), _place(site, "/media/copy")
    if "--from /media/copy" in line and not copy.exists():
        shutil.copytree(stick, copy)
    if "--out /media/stick" in line:
        shutil.rmtree(stick, ignore_errors=True)
    if "--list repair.json" in line:
        # A stick of which the zone has nothing to give: a part of it is gone.
        next(stick.rglob("*.tar")).unlink()
        shutil.rmtree(copy)
    if "--only repair.json" in line:
        _lose_a_volume(site)


def _lose_a_volume(site: Site) -> None:
    lost = site.folder / "lost"
    shutil.copytree(_place(site, "/media/stick"), lost)
    next(lost.rglob("*.tar")).unlink()
    root, listed = site.folder / "root.json", site.folder / "repair.json"
    words = ("media", "repair", lost, "--root", root, "--list", listed)
    loaded_champ(*map(str, words))
    assert listed.is_file()


def _place(site: Site, name: str) -> Path:
    if name.endswith("bundle.yaml"):
        return site.recipe
    return site.folder / name.strip("/").replace("/", "-")


def _run(site: Site, line: str) -> None:
    for place in PLACES:
        line = line.replace(place, str(_place(site, place)))
    typed, _, target = line.partition(" > ")
    words = shlex.split(typed)
    if words[0] == "make":
        return
    if words[0] != "champ":
        subprocess.run(words, cwd=site.folder, check=True)
        return
    if words[1:3] in (["trust", "init"], ["audit", "key"]):
        words.append("--unencrypted")
    cache = str(site.folder / "cache")
    done = loaded_champ_in(site.folder, *words[1:], XDG_CACHE_HOME=cache)
    assert done.returncode in _codes(line), f"{line}\n{done.stderr}"
    if target:
        assert done.stdout
        (site.folder / target).write_text(done.stdout)


def _codes(line: str) -> set[int]:
    if " doctor" in line:
        return {0, 4}  # the zone has no cluster and serves nothing here
    return {0}
