"""The answers file: refusals with file, line and key; what is written reads back."""

from __future__ import annotations

import re
import stat
from pathlib import Path
from typing import Any

import pytest

from champ_offline.catalog.answers import AnswersNotWritten, read_answers, write_answers
from champ_offline.catalog.form import Form
from champ_offline.durable.typed_yaml import (
    DuplicateKey,
    FileUnreadable,
    MissingKey,
    UnknownKey,
    WrongValue,
)
from champ_offline.errors import ChampError, Phrase


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "answers.yaml"


@pytest.mark.parametrize(
    ("text", "error", "line", "key", "part"),
    [
        ("aet: PACS\nprot: 1\n", UnknownKey, 2, "prot", "prot"),
        ("aet: PACS\nport: '1'\n", WrongValue, 2, "port", "a whole number"),
        ("aet: PACS\nport: 80\n", WrongValue, 2, "port", "from 1024 to 65535"),
        ("users:\n  - name: ada\n  - name: A\n", WrongValue, 3, "users[1].name", "^[a-z]+$"),
        ("users:\n  - {}\n", MissingKey, 2, "users[0].name", "missing"),
        ("tls: true\n", MissingKey, 1, "cert", "missing"),
        ("a: 1\nproxy: x\nb: 1\n", UnknownKey, 1, "a", "a"),
        ("\n\nproxy: x\n", MissingKey, 3, "proxy_port", "missing"),
        ("aet: PACS\ncert: x\n", WrongValue, 2, "cert", "nothing, unless tls: true"),
        ("- a\n", WrongValue, 1, "", "a table"),
        ("aet: A\naet: B\n", DuplicateKey, 2, "aet", "second time"),
        ("storage:\n  size: 1Gi\n  x: 1\n", UnknownKey, 3, "storage.x", "x"),
    ],
)
def test_refused_with_line_and_key(
    form: Form, file: Path, text: str, error: type[ChampError], line: int, key: str, part: str
) -> None:
    file.write_text(text)
    with pytest.raises(error) as caught:
        read_answers(file, form)
    assert (caught.value.fields["line"], caught.value.fields["key"]) == (line, key)
    assert str(file) in str(caught.value)
    assert part in str(caught.value)


def test_a_wrong_value_can_be_told_in_another_language(form: Form, file: Path) -> None:
    file.write_text("port: 80\n")
    with pytest.raises(WrongValue) as caught:
        read_answers(file, form)
    expected = caught.value.fields["expected"]
    assert isinstance(expected, Phrase)
    assert dict(expected.fields) == {"lowest": 1024, "highest": 65535}


@pytest.mark.parametrize(
    "text",
    ["admin_password: hunter2\n", "users: admin:hunter2\n", "users:\n- {name: a, password: 2}"],
)
def test_no_refusal_shows_a_secret(form: Form, file: Path, text: str) -> None:
    file.write_text(text)
    with pytest.raises(WrongValue) as caught:
        read_answers(file, form)
    assert "hunter2" not in repr(caught.value.fields)
    assert "a hidden value" in str(caught.value)


def test_defaults_and_secrets_may_be_left_out(form: Form, file: Path) -> None:
    file.write_text("users:\n  - name: ada\n")
    assert read_answers(file, form) == {"users": [{"name": "ada"}]}
    file.write_text("# nothing yet\n")
    assert read_answers(file, form) == {}


def test_a_file_that_is_not_there(form: Form, file: Path) -> None:
    with pytest.raises(FileUnreadable):
        read_answers(file, form)


ODD: list[dict[str, Any]] = [
    {},
    {"a": {}, "b": [], "c": None, "d": True, "e": -1, "f": 1.5e-7, "g": 1e16, "h": ""},
    {"null": 1, "yes": 2, "a b": 3, "键": 4, "#": 5, "": 6},
    {"a": [{"b": [{"c": 1}, {}], "d": "x"}, ["y", ["z"]], []]},
    {
        "a": [
            "null",
            "1",
            "0755",
            "- x",
            "a: b",
            "#",
            "'",
            '"',
            "\\",
            "a\nb\t\r",
            "\x85\u2028\ufeff",
        ]
    },
    {"a": "影像 🩻", "b": "\x00\x1b\x7f"},
]


@pytest.mark.parametrize("answers", ODD)
def test_what_is_written_reads_back(file: Path, answers: dict[str, Any]) -> None:
    from champ_offline.durable import typed_yaml

    write_answers(file, answers, app="demo", version="1.0", mode=0o644)
    assert typed_yaml.read(file).plain() == answers


def test_equal_answers_give_equal_bytes_under_a_comment(file: Path) -> None:
    write_answers(file, {"b": 1, "a": {"d": 1, "c": [1]}}, app="demo", version="1", mode=0o400)
    first = file.read_bytes()
    assert first == (b"# Answers to the form of demo 1\na:\n  c:\n    - 1\n  d: 1\nb: 1\n")
    assert stat.S_IMODE(file.stat().st_mode) == 0o400
    write_answers(file, {"a": {"c": [1], "d": 1}, "b": 1}, app="demo", version="1", mode=0o400)
    assert file.read_bytes() == first


def test_a_comment_cannot_become_an_answer(form: Form, file: Path) -> None:
    write_answers(file, {}, app="demo\nport: 1", version="1\r\x85x: 2", mode=0o644)
    assert read_answers(file, form) == {}


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(AnswersNotWritten, match=re.escape("No such file")):
        write_answers(tmp_path / "no" / "a.yaml", {}, app="demo", version="1", mode=0o600)
