"""app.yaml and the config document: what is refused, and that what is written reads back."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from champ_offline.catalog.entry import (
    AppEntry,
    AppFormatNewer,
    AppMalformed,
    AppSource,
    AppVersionUnknown,
    said,
)
from champ_offline.catalog.upgrades import Upgrades
from champ_offline.catalog.versions import Order
from champ_offline.durable.typed_yaml import MissingKey, UnknownKey, WrongValue
from champ_offline.errors import ChampError

DOCUMENT: dict[str, Any] = {
    "format": 1,
    "name": "demo",
    "version": "1.10.1",
    "title": {"en": "Demo", "zh": "演示"},
    "summary": {"en": "A demo", "zh": "一个演示"},
    "category": "imaging",
    "chart": {"mediaType": "m", "digest": f"sha256:{'a' * 64}", "size": 1},
    "images": {"champ.local/web:1": f"sha256:{'b' * 64}"},
    "components": {"web": "champ.local/web:1"},
    "form": "form.schema.json",
    "hints": "form.json",
    "values": "values.yaml.j2",
    "readme": {"en": "README.md", "zh": "README.zh.md"},
}


def test_a_source_is_read(app_yaml: Path) -> None:
    source = AppSource.from_file(app_yaml)
    assert (source.name, source.chart) == ("demo", app_yaml.parent / "chart")
    assert source.components("1.12.7") == {"web": "champ.local/web:1.12.7"}
    assert source.files == (
        "README.md", "README.zh.md", "form.json", "form.schema.json", "values.yaml.j2",
    )  # fmt: skip
    with pytest.raises(AppVersionUnknown) as caught:
        source.components("2")
    assert "1.10.1, 1.12.7" in caught.value.advice


@pytest.mark.parametrize(
    ("old", "new", "error", "line", "key"),
    [
        ("category:", "categry:", UnknownKey, 5, "categry"),
        ("category: imaging\n", "", MissingKey, 1, "category"),
        ("format: 1", "format: 2", WrongValue, 1, "format"),
        ("name: demo", "name: ../demo", WrongValue, 2, "name"),
        ("title: {en: Demo, zh: 演示}", "title: Demo", WrongValue, 3, "title"),
        ("title: {en: Demo, zh: 演示}", "title: {en: Demo}", MissingKey, 3, "title.zh"),
        ("chart: chart", "chart: ../chart", WrongValue, 6, "chart"),
        ("chart: chart", "chart: /etc", WrongValue, 6, "chart"),
        ("chart: chart", "chart: out", WrongValue, 6, "chart"),
        ("chart: chart", "chart: circle", WrongValue, 6, "chart"),
        ("form: form.schema.json", "form: nothing.json", WrongValue, 7, "form"),
        ("form: form.schema.json", "form: chart", WrongValue, 7, "form"),
        ("hints: form.json", "hints: out/passwd", WrongValue, 8, "hints"),
        ("en: README.md", "en: ./../README.md", WrongValue, 10, "readme.en"),
        ('"1.10.1": {web', '"1.10+1": {web', WrongValue, 12, "versions.1.10+1"),
        ('{web: "champ.local/web:1.10.1"}', "{}", WrongValue, 12, "versions.1.10.1"),
        ("champ.local/web:1.10.1", "WEB web", WrongValue, 12, "versions.1.10.1.web"),
        ("web:1.10.1", f"web@sha256:{'a' * 64}", WrongValue, 12, "versions.1.10.1.web"),
        ("{web: ", "{w_b: ", WrongValue, 12, "versions.1.10.1.w_b"),
        ("category:", "order: newest\ncategory:", WrongValue, 5, "order"),
    ],
)
def test_a_wrong_source_is_refused_with_its_place(
    app_yaml: Path, old: str, new: str, error: type[ChampError], line: int, key: str
) -> None:
    (app_yaml.parent / "out").symlink_to("/etc")
    (app_yaml.parent / "circle").symlink_to("circle")
    text = app_yaml.read_text(encoding="utf-8")
    assert old in text
    app_yaml.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(error) as caught:
        AppSource.from_file(app_yaml)
    fields = caught.value.fields
    assert (fields["file"], fields["line"], fields["key"]) == (str(app_yaml), line, key)


REASON = "reason: {en: The index changes, zh: 索引的格式会改变，请注意}"
ROW = f'{{to: ">=1.12.0", from: ">=1.10.1", via: "1.10.1", {REASON}}}'


def with_table(app_yaml: Path, row: str, order: str = "semver") -> AppSource:
    text = app_yaml.read_text(encoding="utf-8")
    table = f"order: {order}\nupgrades:\n  - {row}\n"
    app_yaml.write_text(text + table, encoding="utf-8")
    return AppSource.from_file(app_yaml)


def test_a_table_of_upgrades_is_read_and_carried(app_yaml: Path) -> None:
    source = with_table(app_yaml, ROW + f'\n  - {{to: ">=1.12.0", back: no, {REASON}}}')
    first, second = source.upgrades.rules
    assert source.upgrades.order is Order.SEMVER
    assert (str(first.to), str(first.sources), first.via, first.back) == (
        ">=1.12.0", ">=1.10.1", "1.10.1", True,
    )  # fmt: skip
    assert (second.sources, second.via, second.back) == (None, "", False)
    assert first.said == "The index changes"
    plain = AppEntry.from_bytes(json.dumps(DOCUMENT).encode(), "demo")
    entry = replace(plain, upgrades=source.upgrades)
    assert AppEntry.from_bytes(entry.to_bytes(), "demo") == entry
    assert json.loads(entry.to_bytes())["upgrades"] == [
        {"to": ">=1.12.0", "from": ">=1.10.1", "via": "1.10.1", "reason": dict(first.reason)},
        {"to": ">=1.12.0", "back": "no", "reason": dict(second.reason)},
    ]


@pytest.mark.parametrize(
    ("old", "new", "error", "key"),
    [
        ('">=1.12.0"', '">=1.13.0"', WrongValue, "upgrades[0].to"),
        ('">=1.12.0"', '"1.12"', WrongValue, "upgrades[0].to"),
        ('">=1.12.0"', '"newer"', WrongValue, "upgrades[0].to"),
        ('">=1.10.1"', '">>1"', WrongValue, "upgrades[0].from"),
        ('via: "1.10.1"', 'via: "1.10.0"', WrongValue, "upgrades[0].via"),
        ('via: "1.10.1"', 'via: "1.12.0"', WrongValue, "upgrades[0].via"),
        ('via: "1.10.1"', 'via: "../1"', WrongValue, "upgrades[0].via"),
        ('via: "1.10.1"', "back: yes", WrongValue, "upgrades[0].back"),
        ('from: ">=1.10.1", via: "1.10.1", ', "", WrongValue, "upgrades[0]"),
        ('from: ">=1.10.1", ', "", WrongValue, "upgrades[0]"),
        ('from: ">=1.10.1", ', "back: no, ", WrongValue, "upgrades[0].via"),
        ("via: ", "by: ", UnknownKey, "upgrades[0].by"),
        (", " + REASON, "", MissingKey, "upgrades[0].reason"),
        ("en: The index changes,", "en: The index changes.,", WrongValue, "upgrades[0].reason.en"),
        ("en: The index changes, ", "", MissingKey, "upgrades[0].reason.en"),
    ],
)
def test_a_table_that_leads_nowhere_is_refused_with_its_place(
    app_yaml: Path, old: str, new: str, error: type[ChampError], key: str
) -> None:
    assert old in ROW
    with pytest.raises(error) as caught:
        with_table(app_yaml, ROW.replace(old, new, 1))
    assert (caught.value.fields["line"], caught.value.fields["key"]) == (16, key)


def test_an_order_that_the_versions_do_not_have_is_refused(app_yaml: Path) -> None:
    text = app_yaml.read_text(encoding="utf-8").replace('"1.10.1": {', '"1.10": {')
    app_yaml.write_text(text + "order: semver\n", encoding="utf-8")
    with pytest.raises(WrongValue, match=r"1\.10 is no Semantic Version"):
        AppSource.from_file(app_yaml)


def test_without_a_table_an_entry_is_as_it_always_was(app_yaml: Path) -> None:
    assert AppSource.from_file(app_yaml).upgrades == Upgrades()
    entry = AppEntry.from_bytes(json.dumps(DOCUMENT).encode(), "demo")
    assert {"order", "upgrades"}.isdisjoint(json.loads(entry.to_bytes()))


TYPED: dict[str, Any] = {
    "to": ">=2", "from": ">=1", "via": "1.5",
    "reason": {"en": "The index changes", "zh": "索引的格式会改变，请注意"},
}  # fmt: skip


@pytest.mark.parametrize(
    "change",
    [
        {"order": "newest"},
        {"order": []},
        {"upgrades": {}},
        {"upgrades": [TYPED] * 101},
        {"upgrades": ["x"]},
        {"upgrades": [{}]},
        {"upgrades": [{**TYPED, "back": "yes"}]},
        {"upgrades": [{**TYPED, "more": 1}]},
        {"upgrades": [{**TYPED, "to": ">= 2"}]},
        {"upgrades": [{**TYPED, "to": ">=2,"}]},
        {"upgrades": [{**TYPED, "from": 1}]},
        {"upgrades": [{**TYPED, "via": "../1"}]},
        {"upgrades": [{**TYPED, "reason": "x"}]},
        {"upgrades": [{**TYPED, "reason": {"en": "The index changes"}}]},
        {"upgrades": [{**TYPED, "reason": {**TYPED["reason"], "zh": "x" * 10_000}}]},
    ],
)
def test_hostile_tables_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(AppMalformed, match="upgrades"):
        AppEntry.from_bytes(json.dumps({**DOCUMENT, **change}).encode(), "demo")


def test_the_config_document_reads_back() -> None:
    entry = AppEntry.from_bytes(json.dumps(DOCUMENT).encode(), "demo")
    assert json.loads(entry.to_bytes()) == DOCUMENT
    assert AppEntry.from_bytes(entry.to_bytes(), "demo") == entry


def test_a_later_format_is_refused_as_such() -> None:
    with pytest.raises(AppFormatNewer, match="format 2"):
        AppEntry.from_bytes(b'{"format": 2, "everything": "else"}', "demo")


@pytest.mark.parametrize("key", sorted(DOCUMENT))
@pytest.mark.parametrize(
    "value", [None, 0, -1, True, 1.5, "", "../../etc/passwd", "a\nb", [], {}, {"en": "x"}, {"x": 1}]
)
def test_hostile_members_are_refused(key: str, value: object) -> None:
    with pytest.raises(AppMalformed):
        AppEntry.from_bytes(json.dumps({**DOCUMENT, key: value}).encode(), "demo")


@pytest.mark.parametrize(
    "change",
    [
        {"images": {"WEB": f"sha256:{'b' * 64}"}},
        {"images": {"web:1": f"sha256:{'b' * 64}"}, "components": {}},
        {"images": {"champ.local/web:1": "sha256:../../x"}},
        {"images": {"champ.local/web:1": "sha256:" + "b" * 63}},
        {"components": {"web": "champ.local/other:1"}},
        {"components": {"../web": "champ.local/web:1"}},
        {"chart": {**DOCUMENT["chart"], "digest": "md5:x"}},
        {"chart": {**DOCUMENT["chart"], "size": -1}},
        {"readme": {"en": "../README.md", "zh": "README.md"}},
        {"title": {"en": "x" * 100_000, "zh": "x"}},
        {"title": {"en": "x", "zh": "x", "fr": "x"}},
        {"version": "x" * 65},
        {"version": "1 1"},
    ],
)
def test_hostile_documents_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(AppMalformed, match="demo"):
        AppEntry.from_bytes(json.dumps({**DOCUMENT, **change}).encode(), "demo")


@pytest.mark.parametrize("data", [b"", b"\xff", b"[]", b"[" * 100_000, b"{}", b'{"format": 1}'])
def test_what_is_no_document_is_refused(data: bytes) -> None:
    with pytest.raises(AppMalformed):
        AppEntry.from_bytes(data, "demo")


def test_texts_fall_back_to_english() -> None:
    texts = {"en": "Demo", "zh": "演示"}
    assert [said(texts, wish) for wish in ("zh", "zh_CN", "zh-Hans", "de", "en")] == [
        "演示", "演示", "演示", "Demo", "Demo",
    ]  # fmt: skip
    assert said({}, "en") == ""
