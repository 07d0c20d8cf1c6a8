"""Forms: fields on a screen, completion, secrets, every kind of problem, unusable forms."""

from __future__ import annotations

import copy
import json
import re
import string
import sys
from collections.abc import Callable
from typing import Any

import pytest

from champ_offline.catalog import problems
from champ_offline.catalog.form import EXPECTATIONS, FINDINGS, MASK, Form, FormUnusable
from champ_offline.errors import Said
from tests.unit.catalog.conftest import HINTS, SCHEMA, make_form

PASSWORD = "hunter2-hunter2"


class Source:
    """Random texts that can be told apart."""

    def __init__(self) -> None:
        self.made = 0

    def __call__(self, length: int) -> str:
        self.made += 1
        return f"{self.made}".rjust(length, "s")


def answers(**more: object) -> dict[str, Any]:
    return {"aet": "PACS", "admin_password": PASSWORD, **more}


def test_the_modules_load_no_jsonschema_by_themselves() -> None:
    import subprocess

    code = "import sys, champ_offline.catalog.form, champ_offline.catalog.answers; "
    code += "sys.exit('jsonschema' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_fields_come_in_order_with_texts_in_both_languages(form: Form) -> None:
    english = form.fields("en")
    assert [field.path for field in english][:3] == ["mode", "aet", "port"]
    assert english[-1].path == "users"
    assert (english[1].title, english[1].help) == ("AE title", "Up to 16 capitals.")
    assert form.fields("zh_CN")[1].title == "应用实体名称"
    assert (english[1].pattern, english[1].required) == ("^[A-Z0-9]{1,16}$", True)
    assert (english[2].type, english[2].minimum, english[2].maximum) == ("integer", 1024, 65535)
    assert (english[0].enum, english[0].default) == (("fast", "safe"), "safe")


def test_fields_of_lists_tables_and_conditions(form: Form) -> None:
    found = {field.path: field for field in form.fields("en")}
    columns = found["users"].items[0].items
    assert [(c.path, c.name, c.secret, c.generate) for c in columns] == [
        ("users[].name", "name", False, 0),
        ("users[].password", "password", True, 16),
    ]
    assert [item.path for item in found["storage"].items] == ["storage.size"]
    condition = found["cert"].condition
    assert condition is not None
    assert found["cert"].required
    assert [condition.holds(x) for x in ({"tls": True}, {"tls": False}, {"tls": 1}, {})] == [
        True, False, False, False,
    ]  # fmt: skip


def test_defaults_hold_no_secret(form: Form) -> None:
    assert form.defaults() == {
        "aet": "PACS", "port": 8042, "mode": "safe", "tls": False,
        "storage": {"size": "10Gi"}, "users": [{"name": "admin"}],
    }  # fmt: skip


def test_completing_fills_in_defaults_and_makes_secrets(form: Form) -> None:
    given = {"port": 9000, "users": [{"name": "ada", "password": PASSWORD}, {"name": "bob"}]}
    kept = copy.deepcopy(given)
    found = form.complete(given, None, Source())
    assert given == kept
    assert found["port"] == 9000
    assert len(found["admin_password"]) == 24
    assert found["users"][0]["password"] == PASSWORD
    assert len(found["users"][1]["password"]) == 16
    assert form.problems(found) == ()


def test_secrets_are_kept_across_upgrades_even_when_entries_move(form: Form) -> None:
    first = form.complete({"users": [{"name": "ada"}, {"name": "bob"}]}, None, Source())
    source = Source()
    moved = [{"name": "bob"}, {"name": "eve"}, {"name": "ada"}]
    second = form.complete({"users": moved}, first, source)
    assert second["admin_password"] == first["admin_password"]
    assert second["users"][0] == first["users"][1]
    assert second["users"][2] == first["users"][0]
    assert source.made == 1
    assert second["users"][1]["password"] not in {u["password"] for u in first["users"]}


def test_a_given_secret_replaces_the_previous_one(form: Form) -> None:
    found = form.complete(answers(), {"admin_password": "the-old-one-of-it"}, Source())
    assert found["admin_password"] == PASSWORD


def test_two_entries_of_one_name_keep_two_secrets(form: Form) -> None:
    pair = {"users": [{"name": "ada"}, {"name": "ada"}]}
    first = form.complete(pair, None, Source())
    assert form.complete(pair, first, Source()) == first
    assert first["users"][0] != first["users"][1]


@pytest.mark.parametrize(
    "previous", [{"users": "x", "admin_password": 7}, {"users": [1, {"name": {}}]}, {}]
)
def test_odd_previous_answers_do_no_harm(form: Form, previous: dict[str, Any]) -> None:
    assert form.problems(form.complete({}, previous, Source())) == ()


def test_completing_follows_conditions(form: Form) -> None:
    assert "cert" not in form.complete({}, None, Source())
    missing = form.problems(form.complete({"tls": True}, None, Source()))
    assert [(p.path, p.expected) for p in missing] == [("cert", problems.A_VALUE)]


@pytest.mark.parametrize(
    ("wrong", "path", "text", "found"),
    [
        ({"port": "8042"}, "port", "a whole number", "“8042”"),
        ({"port": 8042.0}, "port", "a whole number", "8042.0"),
        ({"port": True}, "port", "a whole number", "true"),
        ({"port": None}, "port", "a whole number", "nothing"),
        ({"port": 80}, "port", "a number from 1024 to 65535", "80"),
        ({"port": 70000}, "port", "a number from 1024 to 65535", "70000"),
        ({"ratio": 0}, "ratio", "a number above 0", "0"),
        ({"ratio": 1.5}, "ratio", "a number below 1", "1.5"),
        ({"ratio": float("nan")}, "ratio", "a number of at most 18 digits", "nan"),
        ({"step": 7}, "step", "a multiple of 5", "7"),
        ({"step": 0}, "step", "a number of 5 or more", "0"),
        ({"few": 4}, "few", "a number of 3 or less", "4"),
        ({"few": -(10**19)}, "few", "a number of at most 18 digits", str(-(10**19))),
        ({"note": "x"}, "note", "2 or more characters", "“x”"),
        ({"note": "x" * 9}, "note", "8 or fewer characters", "“xxxxxxxxx”"),
        ({"note": "a\x1b[0"}, "note", "text without control characters", "“a?[0”"),
        ({"note": "a\ud800"}, "note", "text without control characters", "“a?”"),
        ({"mode": "slow"}, "mode", "one of fast, safe", "“slow”"),
        ({"mode": 1}, "mode", "one of fast, safe", "1"),
        ({"aet": "pacs"}, "aet", "text as its help says (Up to 16 capitals)", "“pacs”"),
        ({"aet": "PACS\n"}, "aet", "text as its help says (Up to 16 capitals)", "“PACS\n”"),
        ({"tls": "yes"}, "tls", "true or false", "“yes”"),
        ({"tags": []}, "tags", "1 or more entries", "a list"),
        ({"tags": ["a", "b", "c"]}, "tags", "2 or fewer entries", "a list"),
        ({"tags": ["a", "a"]}, "tags", "entries that all differ", "a list"),
        ({"tags": ["a", 1]}, "tags[1]", "text", "1"),
        ({"tags": {}}, "tags", "a list", "a table"),
        ({"storage": []}, "storage", "a table (key: value)", "a list"),
        ({"storage": {"sise": 1}}, "storage.sise", "one of the keys size", "an unknown key"),
        ({"users": [{"name": "a"}]}, "users[0].password", "a value, which is required", "nothing"),
        ({"proxy": "p"}, "proxy_port", "a value, which “proxy” requires", "nothing"),
        ({"tls": True}, "cert", "a value, which is required", "nothing"),
        ({"tls": False, "cert": "c"}, "cert", "nothing, unless tls: true", "“c”"),
        ({"cert": 1}, "cert", "nothing, unless tls: true", "1"),
    ],
)
def test_every_kind_of_problem(
    form: Form, wrong: dict[str, Any], path: str, text: str, found: str
) -> None:
    (problem,) = form.problems(answers(**wrong))
    assert (problem.path, problem.expectation, problem.found) == (path, text, found)
    assert problem.expected in EXPECTATIONS


def test_what_is_required_and_missing(form: Form) -> None:
    assert {p.path for p in form.problems({})} == {"aet", "admin_password"}


@pytest.mark.parametrize("value", [None, [], "x", 1])
def test_answers_that_are_no_table(form: Form, value: object) -> None:
    assert [p.expectation for p in form.problems(value)] == ["a table (key: value)"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"admin_password": "hunter2"},
        {"admin_password": "hunter2\x00-and-more"},
        {"admin_password": ["hunter2"]},
        {"users": "admin:hunter2"},
        {"users": ["admin:hunter2"]},
        {"users": [{"name": "a", "password": "hunter2"}]},
        {"users": [{"name": "a", "password": {"x": "hunter2"}}]},
        {"pasword": "hunter2"},
        {"users": [{"name": "a", "pass": "hunter2", "password": "s" * 12}]},
    ],
)
def test_no_problem_and_no_masked_copy_shows_a_secret(form: Form, wrong: dict[str, Any]) -> None:
    found = form.problems(answers(**wrong))
    assert found
    assert "hunter2" not in repr(found)
    assert "hunter2" not in repr(form.masked(answers(**wrong)))


def test_masking_leaves_the_rest(form: Form) -> None:
    given = answers(users=[{"name": "ada", "password": "p" * 12}], port=1)
    assert form.masked(given) == {
        "aet": "PACS",
        "admin_password": MASK,
        "users": [{"name": "ada", "password": MASK}],
        "port": 1,
    }
    assert form.secrets() == ("admin_password", "users[].password")
    assert form.is_secret("users[3].password")


def test_templates_are_constants_and_fields_fill_them() -> None:
    assert len(set(EXPECTATIONS)) == len(EXPECTATIONS)
    constants = {v for k, v in vars(problems).items() if k.isupper() and isinstance(v, str)}
    assert constants == {*EXPECTATIONS, *FINDINGS}
    for template in EXPECTATIONS:
        assert all(name for _, name, _, _ in string.Formatter().parse(template) if name is not None)


def test_data_with_braces_stays_data() -> None:
    schema = {"type": "object", "properties": {"x": {"type": "string", "pattern": r"^\{a\}{1}$"}}}
    (problem,) = make_form(schema, {}).problems({"x": "{0.__class__}"})
    assert problem.expectation == "text of the form ^\\{a\\}{1}$"
    assert problem.found == "“{0.__class__}”"


def test_a_pattern_is_told_in_the_forms_own_words(form: Form) -> None:
    (problem,) = form.problems({"aet": "pacs", "admin_password": "x" * 12})
    told = problem.fields["help"]
    assert isinstance(told, Said)
    assert told.texts == {"en": "Up to 16 capitals", "zh": "最多16个大写字母"}


def changed(path: str, value: object) -> Callable[[], dict[str, Any]]:
    def make() -> dict[str, Any]:
        schema = copy.deepcopy(SCHEMA)
        *parents, last = path.split("/")
        node: Any = schema
        for name in parents:
            node = node[name]
        node[last] = value
        return schema

    return make


@pytest.mark.parametrize(
    "make",
    [
        changed("$schema", "http://json-schema.org/draft-07/schema#"),
        changed("type", "array"),
        changed("$ref", "https://example.org/evil.json"),
        changed("properties/aet/$ref", "#/properties/port"),
        changed("properties/aet/format", "email"),
        changed("properties/aet/minLenght", 3),
        changed("properties/aet/type", ["string", "null"]),
        changed("properties/aet/type", "null"),
        changed("properties/aet/pattern", "(["),
        changed("properties/aet/minLength", "3"),
        changed("properties/aet/default", "lower case"),
        changed("properties/storage/default", {"size": 1}),
        changed("properties/users/default", [{"nme": "admin"}]),
        changed("properties/admin_password/default", "same-everywhere"),
        changed("properties/tags/items", {"type": "array", "items": {"type": "string"}}),
        changed("properties/tags/items", True),
        changed("properties/x.y", {"type": "string"}),
        changed("properties/__proto__ ", {"type": "string"}),
        changed("additionalProperties", True),
        changed("required", ["nobody"]),
        changed("dependentRequired", {"proxy": ["nobody"]}),
        changed("else", {}),
        changed("allOf", [{}]),
        changed("if", {"properties": {"tls": {"const": True}}}),
        changed("if", {"properties": {"tls": {"minimum": 1}}, "required": ["tls"]}),
        changed("if", True),
        changed("then/required", ["nobody"]),
        changed("then/properties/aet", {"type": "string"}),
    ],
)
def test_schemas_beyond_the_vocabulary_are_refused(make: Callable[[], dict[str, Any]]) -> None:
    with pytest.raises(FormUnusable, match=re.escape("demo")):
        make_form(make())


@pytest.mark.parametrize(
    "hints",
    [
        {"nobody": {}},
        {"ui:order": ["nobody"]},
        {"ui:order": "aet"},
        {"ui:widgit": "password"},
        {"aet": {"ui:widget": "passwrd"}},
        {"aet": {"ui:title": "AE title"}},
        {"aet": {"ui:title": {"en": "AE title"}}},
        {"aet": {"ui:title": {"en": "AE title", "zh": 1}}},
        {"aet": {"more": {}}},
        {"aet": []},
        {"users": {**HINTS["users"], "name": {}}},
        {"port": {"ui:widget": "password"}},
        {"note": {"ui:options": {"generate": 16}}},
        {"admin_password": {"ui:widget": "password", "ui:options": {"generate": 6}}},
        {"admin_password": {"ui:widget": "password", "ui:options": {"generate": 1000000}}},
        {"admin_password": {"ui:widget": "password", "ui:options": {"generate": True}}},
        {"admin_password": {"ui:widget": "password", "ui:options": {"x": 1}}},
        {"admin_password": {"ui:widget": "password", "ui:options": []}},
    ],
)
def test_hints_that_mean_nothing_are_refused(hints: dict[str, Any]) -> None:
    with pytest.raises(FormUnusable):
        make_form(SCHEMA, {**HINTS, **hints})


@pytest.mark.parametrize(
    "data",
    [b"", b"[]", b"{", b"\xff", b'{"a": NaN}', b"[" * 100_000, b'{"a":' * 80 + b"1" + b"}" * 80],
)
def test_documents_that_are_no_form_are_refused(data: bytes) -> None:
    for schema, hints in ((data, b"{}"), (json.dumps(SCHEMA).encode(), data)):
        with pytest.raises(FormUnusable):
            Form.from_bytes(schema, hints, "demo")


def test_nesting_and_size_are_bounded() -> None:
    deep: dict[str, Any] = {"type": "string"}
    for _ in range(10):
        deep = {"type": "object", "properties": {"x": deep}}
    with pytest.raises(FormUnusable, match="deeper"):
        make_form(deep, {})
    with pytest.raises(FormUnusable, match="bytes"):
        make_form({"type": "object", "description": "x" * 300_000}, {})


def test_an_optional_table_that_cannot_be_filled_in_is_left_out() -> None:
    ldap = {
        "type": "object",
        "properties": {"host": {"type": "string"}, "port": {"type": "integer", "default": 389}},
        "required": ["host"],
    }
    form = make_form({"type": "object", "properties": {"ldap": ldap}}, {})
    assert form.complete({}, None, Source()) == {}
    assert form.complete({"ldap": {"host": "h"}}, None, Source()) == {
        "ldap": {"host": "h", "port": 389}
    }


def test_a_password_is_a_secret_by_its_hint_alone() -> None:
    schema = {"type": "object", "properties": {"x": {"type": "string"}}}
    assert make_form(schema, {}).secrets() == ()
    assert make_form(schema, {"x": {"ui:widget": "password"}}).secrets() == ("x",)


def test_entries_of_long_lists_are_told_apart_at_once() -> None:
    entry = {"type": "object", "properties": {"n": {"type": "number"}, "b": {"type": "boolean"}}}
    users = {"type": "array", "uniqueItems": True, "items": entry}
    form = make_form({"type": "object", "properties": {"users": users}}, {})
    many: list[dict[str, Any]] = [{"n": n} for n in range(50_000)]
    assert form.problems({"users": many}) == ()
    assert form.problems({"users": [{"n": 1}, {"b": True}, {"n": 0}, {"b": False}]}) == ()
    for twice in ({"n": 1.0}, {"n": 49_999}):
        (problem,) = form.problems({"users": [*many, twice]})
        assert (problem.path, problem.expected) == ("users", problems.ALL_DIFFERENT)


def test_a_form_with_a_very_long_list_is_refused() -> None:
    choices = {"type": "string", "enum": [str(n) for n in range(1001)]}
    with pytest.raises(FormUnusable, match="more than 1000 entries"):
        make_form({"type": "object", "properties": {"x": choices}}, {})


def test_a_costly_pattern_is_only_a_pattern() -> None:
    text = {"type": "string", "pattern": "^(a+)+$", "default": "a" * 9000 + "!"}
    with pytest.raises(FormUnusable, match="the default does not fit"):
        make_form({"type": "object", "properties": {"x": text}}, {})
