"""docs/recipe.md: its examples are recipes, and its table has every field there is."""

from __future__ import annotations

import json
import re
from pathlib import Path

from champ_offline.bundle.recipe import FromArchive, FromDebian, FromDocker, FromRegistry, Recipe
from tests.architecture.source import ROOT
from tests.cli.command import champ
from tests.cli.test_way_of_a_bundle import write_layout

TEXT = (ROOT / "docs" / "recipe.md").read_text(encoding="utf-8")
SMALLEST, LARGEST = re.findall(r"^```yaml\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)
READER = (ROOT / "champ_offline" / "bundle" / "recipe.py").read_text(encoding="utf-8")


def test_the_smallest_recipe_is_locked_and_packed(tmp_path: Path) -> None:
    recipe, keys, out = tmp_path / "bundle.yaml", tmp_path / "keys", tmp_path / "out"
    recipe.write_text(SMALLEST, encoding="utf-8")
    write_layout(tmp_path / "layout")
    for words in (
        ["trust", "init", str(keys), "--holder", "Team", "--unencrypted"],
        ["lock", str(recipe)],
        ["pack", str(recipe), "--signing", str(keys), "--out", str(out)],
    ):
        done = champ(*words, XDG_CACHE_HOME=str(tmp_path / "cache"))
        assert done.returncode == 0, done.stderr
    bundle = json.loads((out / "champ/demo-1/bundle.json").read_bytes())
    assert bundle["images"] == ["champ.local/demo:1"]


def test_the_largest_recipe_has_every_source_and_every_field(tmp_path: Path) -> None:
    path = tmp_path / "bundle.yaml"
    path.write_text(LARGEST, encoding="utf-8")
    recipe = Recipe.from_file(path)
    kinds = {type(image.source) for image in recipe.images}
    assert kinds == {FromRegistry, FromDocker, FromArchive, FromDebian}
    assert all((recipe.zones, recipe.apps, recipe.charts))
    assert fields_known() <= set(re.findall(r"(\w+):", LARGEST))


def test_the_table_names_every_field_and_no_other() -> None:
    rows = re.findall(r"^\| (`[^|]+`) \|", TEXT, re.MULTILINE)
    named = {word for row in rows for word in re.findall(r"`(\w+)`", row)}
    assert named == fields_known()


def fields_known() -> set[str]:
    """The keys that the reader of recipes takes."""
    tables = re.findall(r"\.table\(([^)]*)\)", READER)
    return {key for table in tables for key in re.findall(r'"(\w+)"', table)}
