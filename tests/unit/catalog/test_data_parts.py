"""`data` of app.yaml: what is refused, and that what is written reads back."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from champ_offline.catalog.data_parts import COMPONENT, Workload
from champ_offline.catalog.entry import AppEntry, AppMalformed, AppSource
from champ_offline.durable.typed_yaml import MissingKey, UnknownKey, WrongValue
from champ_offline.errors import ChampError
from tests.unit.catalog.test_entry import DOCUMENT

DATA = """\
data:
  - name: index
    save:
      in: {kind: StatefulSet, name: "{{release}}-db", container: postgresql}
      run: [pg_dump, -Fc, demo]
    restore:
      in: {kind: StatefulSet, name: "{{release}}-db", container: postgresql}
      run: [pg_restore, --clean, -d, demo]
      still:
        - {kind: Deployment, component: web}
"""


def with_data(app_yaml: Path, data: str = DATA) -> AppSource:
    text = app_yaml.read_text(encoding="utf-8")
    app_yaml.write_text(text + data, encoding="utf-8")
    return AppSource.from_file(app_yaml)


def entry_of(source: AppSource) -> AppEntry:
    plain = AppEntry.from_bytes(json.dumps(DOCUMENT).encode(), "demo")
    return replace(plain, data=source.data)


def test_a_declaration_is_read_and_carried(app_yaml: Path) -> None:
    source = with_data(app_yaml)
    [part] = source.data
    assert part.save.argv == ("pg_dump", "-Fc", "demo")
    assert part.save.workload.called("pacs") == "pacs-db"
    assert part.restore.still == (Workload("Deployment", component="web"),)
    assert str(part.restore.still[0]) == "Deployment web"
    entry = entry_of(source)
    assert AppEntry.from_bytes(entry.to_bytes(), "demo") == entry
    assert "data" not in json.loads(replace(entry, data=()).to_bytes())


@pytest.mark.parametrize(
    ("old", "new", "error", "key"),
    [
        ("name: index", "name: Index", WrongValue, "data[0].name"),
        ("kind: StatefulSet", "kind: Pod", WrongValue, "data[0].save.in.kind"),
        ('"{{release}}-db"', '"{{namespace}}-db"', WrongValue, "data[0].save.in.name"),
        ('"{{release}}-db", container', '"../db", container', WrongValue, "data[0].save.in.name"),
        ('name: "{{release}}-db", ', "", WrongValue, "data[0].save.in"),
        ('name: "{{', 'component: a, name: "{{', WrongValue, "data[0].save.in"),
        (", container: postgresql", "", MissingKey, "data[0].save.in.container"),
        ("[pg_dump, -Fc, demo]", "[]", WrongValue, "data[0].save.run"),
        ("[pg_dump, -Fc, demo]", '[""]', WrongValue, "data[0].save.run"),
        ("[pg_dump, -Fc, demo]", "pg_dump", WrongValue, "data[0].save.run"),
        ("component: web", "component: a/b", WrongValue, "data[0].restore.still[0].component"),
        ("still:", "stop:", UnknownKey, "data[0].restore.stop"),
        (
            "kind: Deployment, component: web",
            'kind: StatefulSet, name: "{{release}}-db"',
            WrongValue,
            "data[0]",
        ),
    ],
)
def test_a_wrong_declaration_is_refused_with_its_place(
    app_yaml: Path, old: str, new: str, error: type[ChampError], key: str
) -> None:
    assert old in DATA
    with pytest.raises(error) as caught:
        with_data(app_yaml, DATA.replace(old, new, 1))
    assert caught.value.fields["key"] == key


def test_parts_of_one_name_are_refused(app_yaml: Path) -> None:
    with pytest.raises(WrongValue, match="different names"):
        with_data(app_yaml, DATA + DATA.removeprefix("data:\n"))


@pytest.mark.parametrize(
    "data",
    [
        {},
        [],
        ["index"],
        [{"name": "index"}],
        [{"name": "index", "save": 1, "restore": {}}],
    ],
)
def test_an_entry_with_another_form_of_it_is_malformed(data: Any) -> None:
    with pytest.raises(AppMalformed, match="data"):
        AppEntry.from_bytes(json.dumps({**DOCUMENT, "data": data}).encode(), "demo")


def test_an_entry_that_is_not_as_it_was_written_is_malformed(app_yaml: Path) -> None:
    document = json.loads(entry_of(with_data(app_yaml)).to_bytes())
    document["data"][0]["save"]["still"] = []
    with pytest.raises(AppMalformed):
        AppEntry.from_bytes(json.dumps(document).encode(), "demo")
    assert COMPONENT.startswith("app.kubernetes.io/")
