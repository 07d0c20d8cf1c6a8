"""What is answered otherwise, place by place, and no secret among it."""

from __future__ import annotations

from typing import Any

import pytest

from champ_offline.release.hiding import HIDDEN
from champ_offline.release.masks import CHANGED
from champ_offline.release.review.answers import Answer, compare


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ({"a": "x"}, {"a": "x"}, ()),
        ({"a": "x"}, {"a": "y"}, (Answer("a", "x", "y"),)),
        ({}, {"a": 1, "b": False}, (Answer("a", "", "1"), Answer("b", "", "false"))),
        ({"a": "x"}, {}, (Answer("a", "x", ""),)),
        ({"a": ""}, {"a": "x"}, (Answer("a", '""', "x"),)),
        ({"a": []}, {"a": ["x"]}, (Answer("a[0]", "", "x"), Answer("a", "[]", ""))),
        ({"a": {"b": {"c": 1}}}, {"a": {"b": {"c": 2}}}, (Answer("a.b.c", "1", "2"),)),
        ({"a": 1}, {"a": True}, (Answer("a", "1", "true"),)),
        ({"a": [1, 2]}, {"a": [2]}, (Answer("a[0]", "1", "2"), Answer("a[1]", "2", ""))),
    ],
)
def test_each_place_that_differs_is_told(
    before: dict[str, Any], after: dict[str, Any], told: tuple[Answer, ...]
) -> None:
    assert compare(before, after, ()) == told


def test_entries_with_names_are_known_again() -> None:
    before = {"users": [{"name": "ada", "role": "admin"}, {"name": "bob", "role": "reader"}]}
    after = {"users": [{"name": "bob", "role": "writer"}]}
    assert compare(before, after, ()) == (
        Answer("users[bob].role", "reader", "writer"),
        Answer("users[ada].name", "ada", ""),
        Answer("users[ada].role", "admin", ""),
    )


def test_entries_of_one_name_are_counted() -> None:
    two, three = ({"users": [{"name": "ada"}] * count} for count in (2, 3))
    assert compare(two, three, ()) == (Answer("users[2].name", "", "ada"),)


def test_a_secret_is_told_as_changed_and_no_more() -> None:
    told = compare(
        {"password": "old-secret"}, {"password": "new-secret"}, ("old-secret", "new-secret")
    )
    assert told == (Answer("password", HIDDEN, CHANGED),)
    assert compare({}, {"password": "new-secret"}, ("new-secret",)) == (
        Answer("password", "", HIDDEN),
    )


def test_short_secrets_and_secrets_within_texts_are_hidden() -> None:
    told = compare({"pin": "12"}, {"pin": "99"}, ("12", "99"))
    assert told == (Answer("pin", HIDDEN, CHANGED),)
    told = compare(
        {"url": "db://u:hunter22@h"}, {"url": "db://u:hunter33@h"}, ("hunter22", "hunter33")
    )
    assert told == (Answer("url", "db://u:(hidden)@h", CHANGED),)


def test_a_secret_that_is_the_name_of_an_entry_is_hidden_in_the_path() -> None:
    [one] = compare({}, {"users": [{"name": "s3cret-name"}]}, ("s3cret-name",))
    assert one == Answer("users[(hidden)].name", "", HIDDEN)
