"""Every text is there in Chinese, with the fields of the English one; the catalog is compiled."""

from __future__ import annotations

import ast
import re

import pytest

from champ_offline.errors import ChampError
from champ_offline.journal.acts import Act
from installer.report.page import environment
from installer.report.wording import acts
from installer.step_names import known
from tests.architecture import messages
from tests.architecture.source import ROOT, Source, constant_text, product_errors, sources
from tests.architecture.test_errors import fields

CATALOG = messages.entries(messages.catalog())
EVENTS = {"StepStarted", "StepFinished", "Progress"}


def test_every_text_has_a_translation() -> None:
    missing = sorted(text for text in messages.needed() if not CATALOG.get(text))
    assert missing == [], "run `make messages` and translate what it lists"


def test_no_phrase_is_put_together_before_it_is_translated() -> None:
    assert messages.composed_phrases() == []


def test_templates_say_nothing_that_is_not_translated() -> None:
    assert messages.templates()
    assert messages.unmarked_texts() == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("<p>{{ _('Zone') }} – {{ name }}, {{ 1 }}.</p>", []),
        ("<p>Zone {{ name }}</p>", ["made: Zone"]),
        ("{{ name ~ ' of the zone' }}", ["made:  of the zone"]),
        ("<td class='a b'>{% if name %}·{% else %}none{% endif %}", ["made: none"]),
    ],
)
def test_the_rule_on_templates_sees_a_text(
    text: str, found: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(messages, "templates", lambda: {"made": environment().parse(text)})
    assert messages.unmarked_texts() == found


def test_a_template_puts_no_text_together_before_it_is_translated(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    parsed = environment().parse("{{ _('a' ~ name) }}")
    monkeypatch.setattr(messages, "templates", lambda: {"made": parsed})
    with pytest.raises(ValueError, match="made:1"):
        messages.template_texts()


def test_every_act_of_the_audit_chain_has_a_name() -> None:
    told = (ROOT / "champ_offline" / "journal" / "FORMAT.md").read_text("utf-8")
    [row] = [line for line in told.splitlines() if line.startswith("| `act` |")]
    named = {name for name in re.findall(r"`([^`]+)`", row) if "." in name.lstrip(".")}
    assert {str(act) for act in Act} | named <= acts()


def test_no_entry_is_unused() -> None:
    assert set(CATALOG) - messages.needed() - messages.click_texts() == set()


def test_translations_keep_the_fields() -> None:
    changed = []
    for text in messages.needed():
        translation = CATALOG.get(text, "")
        assert isinstance(translation, str)
        if translation and fields(translation) != fields(text):
            changed.append(text)
    assert changed == []


def test_nothing_is_fuzzy() -> None:
    assert [message.id for message in messages.catalog() if message.id and message.fuzzy] == []


def test_the_compiled_catalog_is_current() -> None:
    assert messages.MO.read_bytes() == messages.compiled(messages.catalog()), "run `make locale`"


@pytest.mark.parametrize("error", product_errors(), ids=lambda error: error.id)
def test_error_texts_can_be_filled_in_both_languages(error: type[ChampError]) -> None:
    for text in (error.message, error.remedy):
        filled = dict.fromkeys(fields(text), "x")
        translation = CATALOG.get(text, "")
        assert isinstance(translation, str)
        assert text.format(**filled)
        assert translation.format(**filled)


def test_every_step_has_a_name() -> None:
    used = {name for source in sources("champ_offline") for name in _steps(source)}
    assert used - known() == set()


def _steps(source: Source) -> set[str]:
    constants = {**_imported(source), **source.constants()}
    found = set()
    for call in source.calls():
        if isinstance(call.func, ast.Name) and call.func.id in EVENTS and call.args:
            first = call.args[0]
            name = constants.get(first.id) if isinstance(first, ast.Name) else constant_text(first)
            found |= {name} if name else set()
    return found


def _imported(source: Source) -> dict[str, str]:
    others = {other.name: other for other in sources("champ_offline")}
    found: dict[str, str] = {}
    for node in source.tree.body:
        if isinstance(node, ast.ImportFrom) and node.module:
            other = others.get(node.module.replace(".", "/") + ".py")
            known = other.constants() if other else {}
            found |= {a.name: known[a.name] for a in node.names if a.name in known}
    return found
