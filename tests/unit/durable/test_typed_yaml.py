"""Typed YAML: places in errors, the scalars of YAML 1.2, and everything that is refused."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from champ_offline.durable import typed_yaml
from champ_offline.errors import ChampError

DOCUMENT = b"""\
format: 1
name: orthanc
images:
  - name: a
    source: debian
  - name: b
    source: ftp
"""


def parse(data: bytes) -> typed_yaml.Node:
    return typed_yaml.parse(data, "app.yaml")


def test_values_come_with_their_line_and_path() -> None:
    root = parse(DOCUMENT).table("format", "name", "images")
    source = root["images"].items()[1].table("name", "source")["source"]
    assert (source.file, source.line, source.key) == ("app.yaml", 7, "images[1].source")
    error = source.refuse("one of registry, debian")
    assert str(error) == (
        "app.yaml, line 7, “images[1].source”: one of registry, debian is expected, found “ftp”."
    )


def test_an_unknown_key_is_refused_with_its_line_and_the_known_ones() -> None:
    with pytest.raises(typed_yaml.UnknownKey) as caught:
        parse(b"format: 1\nnaem: orthanc\n").table("format", "name")
    assert str(caught.value) == "app.yaml, line 2: “naem” is not known here."
    assert caught.value.advice == "Known here: format, name."


def test_a_missing_key_names_its_whole_path() -> None:
    with pytest.raises(typed_yaml.MissingKey, match=re.escape("“images[0].source”")):
        _ = (
            parse(b"images:\n  - name: a\n")
            .table("images")["images"]
            .items()[0]
            .table("name", "source")["source"]
        )


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("on", "on"),
        ("22:30", "22:30"),
        ("2026-01-01", "2026-01-01"),
        ("0755", "0755"),
        ("12345678901234567890", "12345678901234567890"),
        ("1.10.1", "1.10.1"),
        ("e5", "e5"),
        (".inf", ".inf"),
        ("1e999", "1e999"),
        ('"1"', "1"),
        ("1", 1),
        ("-7", -7),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        ("true", True),
        ("~", None),
        ("[1, [a]]", [1, ["a"]]),
        ("{a: {b: 1}}", {"a": {"b": 1}}),
    ],
)
def test_scalars_follow_the_core_schema(text: str, value: object) -> None:
    found = parse(f"key: {text}".encode()).table("key")["key"].plain()
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (b"a: 1\nb: *a\n", 2),
        (b"a: &a [1]\n", 1),
        (b"a: 1\nb: !!python/object:os.system x\n", 2),
        (b"a: !!str 1\n", 1),
        (b"- 1\n---\n- 2\n", 2),
        (b"a: 1\n\tb: 2\n", 2),
        (b"1: a\n", 1),
        (b"[a]: 1\n", 1),
        (b"[" * 100_000, 1),
        (b"{a: " * 1_000, 1),
        (b"a: [\n", 2),
        (b"\xff\xfe", 1),
        (b"a: \x00", 1),
    ],
)
def test_what_is_not_plain_yaml_is_refused_with_its_line(data: bytes, line: int) -> None:
    with pytest.raises(typed_yaml.NotYaml) as caught:
        parse(data)
    assert caught.value.fields["line"] == line


def test_a_key_written_twice_is_refused() -> None:
    with pytest.raises(typed_yaml.DuplicateKey, match=r"line 3: “a\.b”"):
        parse(b"a:\n  b: 1\n  b: 2\n")


def test_size_is_bounded_before_anything_is_parsed(tmp_path: Path) -> None:
    path = tmp_path / "big.yaml"
    path.write_bytes(b"#" * 101)
    with pytest.raises(typed_yaml.TooLarge):
        typed_yaml.read(path, limit=100)
    assert typed_yaml.read(path, limit=101).plain() is None


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(typed_yaml.FileUnreadable, match=r"none\.yaml"):
        typed_yaml.read(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    ("read", "expected"),
    [
        (lambda node: node.text(), "text (in quotes)"),
        (lambda node: node.boolean(), "true or false"),
        (lambda node: node.integer(0, 9), "a whole number from 0 to 9"),
        (lambda node: node.integer(1, 1), "exactly 1"),
        (lambda node: node.items(), "a list"),
        (lambda node: node.entries(), "a table (key: value)"),
        (lambda node: node.choice("a", "b"), "one of a, b"),
    ],
)
def test_a_value_of_another_type_says_what_is_expected(
    read: Callable[[typed_yaml.Node], object], expected: str
) -> None:
    with pytest.raises(typed_yaml.WrongValue) as caught:
        read(parse(b"key: 10").table("key")["key"])
    assert caught.value.fields["expected"] == expected
    assert caught.value.fields["found"] == "10"


def test_true_is_no_number() -> None:
    with pytest.raises(typed_yaml.WrongValue):
        parse(b"key: true").table("key")["key"].integer(0, 1)


def test_a_default_is_a_node_at_the_line_of_its_table() -> None:
    table = parse(b"a: 1\nb:\n  c: 2\n").table("a", "b")["b"].table("c", "zone", "names")
    assert table.get("zone", "Etc/UTC").text() == "Etc/UTC"
    assert table.get("names", []).texts() == []
    assert table.get("c", 3).integer(0, 9) == 2
    assert table.get("zone", 5).line == 2


def test_every_refusal_is_a_champ_error_with_whole_texts() -> None:
    with pytest.raises(ChampError) as caught:
        parse(b"a: [1").table("a")
    assert str(caught.value)
    assert caught.value.advice
