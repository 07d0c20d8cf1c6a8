"""`champ pack` proves apps complete: what it shows, what it refuses, what it leaves."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command import loaded_champ
from tests.cli.test_way_of_a_bundle import write_layout

RECIPE = """\
format: 1
name: demo
version: "1"
apps: [{path: app, version: "1"}]
images: [{name: champ.local/demo:1, archive: {path: layout}}]
"""
APP = """\
format: 1
name: demo
title: {en: Demo, zh: 演示}
summary: {en: A demo, zh: 一个演示}
category: imaging
chart: chart
form: form.schema.json
hints: form.json
values: values.yaml.j2
readme: {en: README.md, zh: README.md}
versions: {"1": {web: "champ.local/demo:1"}}
"""
POD = """\
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  containers:
  - name: web
    image: {{ .Values.image }}
    env: [{name: HELPER, value: {{ .Values.helper | quote }}}]
"""
FILES = {
    "bundle.yaml": RECIPE,
    "app/app.yaml": APP,
    "app/form.json": "{}",
    "app/form.schema.json": json.dumps(
        {"type": "object", "properties": {"helper": {"type": "string", "default": ""}}}
    ),
    "app/values.yaml.j2": "image: {{ components.web | json }}\n"
    "helper: {{ answers.helper | json }}\n",
    "app/README.md": "# Demo\n",
    "app/chart/Chart.yaml": "apiVersion: v2\nname: demo\nversion: 0.1.0\n",
    "app/chart/templates/pod.yaml": POD,
    "app/answers/plain.yaml": "# Nothing to say.\nhelper: none\n",
}
MISSING = "quay.io/helper/it:2"


class Desk:
    """A folder with a recipe of one app, keys, and an empty stick."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.stick = folder, folder / "stick"
        for name, text in FILES.items():
            self.write(name, text)
        write_layout(folder / "layout")
        self.stick.mkdir()
        self("trust", "init", str(folder / "keys"), "--holder", "Team", "--unencrypted")

    def write(self, name: str, text: str) -> None:
        (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / name).write_text(text, encoding="utf-8")

    def __call__(self, *arguments: str, code: int = 0) -> tuple[str, str]:
        done = loaded_champ(*arguments, XDG_CACHE_HOME=str(self.folder / "cache"))
        assert done.returncode == code, done.stderr
        return done.stdout, done.stderr

    def lock(self, code: int = 0) -> str:
        return self("lock", str(self.folder / "bundle.yaml"), code=code)[1]

    def pack(self, *arguments: str, code: int = 0) -> tuple[str, str]:
        keys, recipe = str(self.folder / "keys"), str(self.folder / "bundle.yaml")
        words = ("pack", recipe, "--signing", keys, "--out", str(self.stick), *arguments)
        return self(*words, code=code)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_a_pack_shows_what_was_proven(desk: Desk) -> None:
    desk.lock()
    found: dict[str, Any] = json.loads(desk.pack("--prove", "--json")[0])
    assert found["document"]["name"] == "demo"
    assert [case["answers"] for case in found["proof"]["cases"]] == ["defaults", "plain"]
    assert found["proof"]["cases"][0]["images"] == ["champ.local/demo:1"]
    shutil.rmtree(desk.stick / "champ")
    table, talk = desk.pack()
    assert "IMAGES, ALL IN THE LOCK" in table
    assert "Proving complete demo 1" in talk


@pytest.mark.parametrize("option", [("--prove",), ()])
def test_a_missing_image_stops_the_pack_before_a_byte_is_written(
    desk: Desk, option: tuple[str, ...]
) -> None:
    desk.write("app/answers/helped.yaml", f"helper: {MISSING}\n")
    desk.lock()
    talk = desk.pack(*option, code=4)[1]
    place = "demo 1 [helped] Pod/web spec.containers[0].env[0].value"
    assert f"{place}: {MISSING} (not in the lock)" in talk
    assert "not_images" in talk
    assert "[completeness.images-not-packed]" in talk
    assert list(desk.stick.iterdir()) == []
    said = desk.pack(*option, "--lang", "zh", code=4)[1]
    assert f"{place}: {MISSING} (锁定文件中没有)" in said
    assert "未打包" in said


def test_a_text_excused_with_a_reason_lets_the_pack_through(desk: Desk) -> None:
    desk.write("app/answers/helped.yaml", f"helper: {MISSING}\n")
    excuse = f'not_images: [{{text: "{MISSING}", reason: a name in a licence text}}]\n'
    desk.write("app/app.yaml", APP + excuse)
    desk.lock()
    assert MISSING not in desk.pack("--json")[0]


def test_wrong_documented_answers_are_refused_when_locking(desk: Desk) -> None:
    desk.write("app/answers/wrong.yaml", "helper: x\nhelpr: y\n")
    talk = desk.lock(code=2)
    assert "answers/wrong.yaml, line 2" in talk
    assert "helpr" in talk


def test_documented_answers_are_carried_to_the_zone(desk: Desk) -> None:
    desk.lock()
    desk.pack()
    zone = ("--zone", str(desk.folder / "zone"))
    desk(*zone, "zone", "init", "--name", "z", "--root", str(desk.folder / "keys/root.json"))
    desk(*zone, "import", str(desk.stick))
    assert desk(*zone, "form", "demo", "--example", "plain")[0] == FILES["app/answers/plain.yaml"]
    talk = desk(*zone, "form", "demo", "--example", "none", code=14)[1]
    assert "It documents: plain." in talk
