"""Where the values of a form come from, and that no secret is told on the way."""

from __future__ import annotations

import copy
from typing import Any

from champ_offline.catalog.form import Form
from champ_offline.catalog.sources import (
    Filled,
    Given,
    Source,
    filled,
    leaves,
    unanswered,
    without_secrets,
)
from tests.unit.catalog.conftest import make_form

SECRET = "hunter2-hunter2"
EARLIER: dict[str, Any] = {
    "aet": "NORTH",
    "port": 8042,
    "tls": True,
    "cert": "c",
    "admin_password": SECRET,
    "storage": {"size": "20Gi"},
    "users": [{"name": "bo", "password": SECRET}],
}


def test_without_answers_values_are_the_apps_or_made_or_nobodys(form: Form) -> None:
    found = filled(form, "en")
    assert found["aet"] == Filled("PACS", Source.DEFAULT)
    assert found["storage.size"] == Filled("10Gi", Source.DEFAULT)
    assert found["users"] == Filled([{"name": "admin"}], Source.DEFAULT)
    assert found["ratio"] == Filled(None, Source.NONE)
    assert found["admin_password"] == Filled(None, Source.MADE)
    # Asked only with tls, which is off by default.
    assert "cert" not in found


def test_answers_of_last_time_are_told_as_such_also_where_they_equal_the_default(
    form: Form,
) -> None:
    before = copy.deepcopy(EARLIER)
    found = filled(form, "en", Given(EARLIER))
    assert before == EARLIER
    assert found["aet"] == Filled("NORTH", Source.EARLIER)
    assert found["port"] == Filled(8042, Source.EARLIER)
    assert found["cert"] == Filled("c", Source.EARLIER)
    assert found["storage.size"] == Filled("20Gi", Source.EARLIER)
    assert found["mode"] == Filled("safe", Source.DEFAULT)
    assert found["admin_password"] == Filled(None, Source.KEPT)


def test_no_secret_is_told(form: Form) -> None:
    assert SECRET not in repr(filled(form, "en", Given(EARLIER)))
    assert filled(form, "en", Given(EARLIER))["users"].value == [{"name": "bo"}]
    assert without_secrets(form, EARLIER)["users"] == [{"name": "bo"}]
    assert "admin_password" not in without_secrets(form, EARLIER)


def test_what_is_told_is_what_completing_does(form: Form) -> None:
    for earlier in ({}, EARLIER):
        whole = form.complete(earlier, earlier, "x".__mul__)
        for path, one in filled(form, "en", Given(earlier)).items():
            table: Any = whole
            for name in path.split(".")[:-1]:
                table = table.get(name, {})
            there = path.rpartition(".")[2] in table
            assert there == (one.source is not Source.NONE), path
            if one.value is not None and path != "users":
                assert table[path.rpartition(".")[2]] == one.value


def test_answers_of_another_form_do_no_harm(form: Form) -> None:
    odd = {"storage": "10Gi", "gone": {"x": SECRET}, "users": "all"}
    found = filled(form, "en", Given(odd))
    assert found["storage.size"].source is Source.NONE
    assert "gone" not in found


def test_a_secret_that_is_neither_kept_nor_made_is_nobodys() -> None:
    [secret] = [one for one in leaves(make_form().fields("en")) if one.path == "admin_password"]
    assert unanswered(secret, kept=True) is Source.KEPT
    assert unanswered(secret, kept=False) is Source.MADE
    given = {"type": "object", "properties": {"word": {"type": "string"}}}
    [secret] = make_form(given, {"word": {"ui:widget": "password"}}).fields("en")
    assert unanswered(secret, kept=False) is Source.NONE
