"""A secret is hidden in whatever form it stands."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote

import pytest

from champ_offline.release.masks import HIDDEN
from champ_offline.support.hiding import Hiding

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


@pytest.mark.parametrize("form", FORMS)
def test_each_form_is_hidden(form: str) -> None:
    hiding = Hiding([SECRET])
    text = f"before {FORMS[form]} after"
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
