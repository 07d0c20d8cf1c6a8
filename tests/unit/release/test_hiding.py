"""A secret is hidden in whatever form it stands."""

from __future__ import annotations

import base64
import html
import json
import re
import shlex
from urllib.parse import quote

import pytest

from champ_offline.release.hiding import HIDDEN, Hiding

SECRET = 'Grün/weiß+"rot'
FORMS = {
    "plain": SECRET,
    "base64": base64.b64encode(SECRET.encode()).decode(),
    "base64 for URLs": base64.urlsafe_b64encode(SECRET.encode()).decode(),
    "JSON": json.dumps(SECRET)[1:-1],
    "JSON in UTF-8": json.dumps(SECRET, ensure_ascii=False)[1:-1],
    "URL": quote(SECRET, safe=""),
    "hexadecimal": SECRET.encode().hex(),
}
# Every sign that some language, encoder or log has a form of its own for.
LOUD = "Ab/+@&\"\\<x>'Leak-77"
JSON = json.dumps(LOUD)
LOUD_FORMS = {
    "JSON with slashes escaped": JSON.replace("/", "\\/")[1:-1],
    "JSON for web pages": JSON.translate({38: "\\u0026", 60: "\\u003c", 62: "\\u003e"})[1:-1],
    "JSON in JSON": json.dumps(JSON)[3:-3],
    "URL in small letters": re.sub("%..", lambda code: code[0].lower(), quote(LOUD, safe="")),
    "URL with every sign": "".join(f"%{ord(s):02X}" if not s.isalnum() else s for s in LOUD),
    "Python": repr(LOUD)[1:-1],
    "HTML": html.escape(LOUD),
    "shell": shlex.quote(LOUD)[1:-1],
    "SQL": LOUD.replace("'", "''"),
    "connection string": LOUD.replace("\\", "\\\\").replace("'", "\\'"),
    "hexadecimal in pairs": LOUD.encode().hex(" "),
}


@pytest.mark.parametrize("form", FORMS | LOUD_FORMS)
def test_each_form_is_hidden(form: str) -> None:
    hiding = Hiding([SECRET, LOUD])
    text = f"before {(FORMS | LOUD_FORMS)[form]} after"
    assert hiding.text(text) == f"before {HIDDEN} after"
    assert hiding.leaks(text.encode())
    assert not hiding.leaks(hiding.text(text).encode())


@pytest.mark.parametrize("lead", ["", "u", "us", "user:", "a longer one:"])
@pytest.mark.parametrize("tail", ["", "!", "!!", "\n", " and more"])
def test_inside_the_base64_of_something_longer_it_is_hidden_too(lead: str, tail: str) -> None:
    hiding = Hiding(["correct-horse-battery"])
    coded = base64.b64encode(f"{lead}correct-horse-battery{tail}".encode()).decode()
    left = hiding.text(f"auth: {coded}")
    assert HIDDEN in left
    for rest in left.removeprefix("auth: ").split(HIDDEN):
        for skipped in range(4):
            piece = rest[skipped : skipped + (len(rest) - skipped) // 4 * 4]
            assert b"orse" not in base64.b64decode(piece + "====")


def test_a_file_in_a_secret_is_hidden_line_by_line() -> None:
    hiding = Hiding(["[database]\npassword = correct-horse\na = 1\n"])
    assert hiding.text("line 2: password = correct-horse") == f"line 2: {HIDDEN}"
    assert hiding.text("a = 1") == "a = 1"


def test_a_secret_that_is_a_part_of_another_leaves_no_rest() -> None:
    assert Hiding(["horse", "correct-horse"]).text("correct-horse, horse") == f"{HIDDEN}, {HIDDEN}"


def test_without_secrets_nothing_is_hidden() -> None:
    assert Hiding(["", "abc"]).text("abc") == "abc"
    assert not Hiding([]).leaks(b"abc")


def test_of_many_secrets_that_begin_alike_the_longest_is_hidden() -> None:
    secrets = [f"alike-{number:04}" for number in range(300)] + ["alike-0007-and-more", "alik"]
    hide = Hiding(secrets)
    text = "x alike-0007-and-more alike-0299y alike-0300 ALIKE-0001 alik"
    assert hide.text(text) == (f"x {HIDDEN} {HIDDEN}y {HIDDEN}e-0300 ALIKE-0001 {HIDDEN}")
    assert hide.leaks(b"alike-0100")
    assert not hide.leaks(b"alik alike-0300")
