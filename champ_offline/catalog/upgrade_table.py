"""The table of upgrades as an author types it in app.yaml, and as an entry carries it.

Invariant: a table that an author typed is whole: each condition means some version, each stop can
be reached and gone on from, and every version has a place in the order that the table declares.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from champ_offline.catalog.upgrades import Rule, Upgrades
from champ_offline.catalog.versions import Order, Range, RangeInvalid
from champ_offline.durable.typed_yaml import Node, Table

KEYS = ("order", "upgrades")
_LANGUAGES = ("en", "zh")
_MOST = 100
_REASON = re.compile(r"\S.{8,998}[^.。\s]", re.DOTALL)
_VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,63}")
_CONDITION = 'a condition on versions such as ">=1.10.1" or ">=1.10.1,<2.0.0"'


def typed_upgrades(root: Table, versions: Collection[str]) -> Upgrades:
    """`order` and `upgrades` of app.yaml, for the versions described there; raises WrongValue."""
    order = Order(root.get("order", Order.CATALOG.value).choice(*(one.value for one in Order)))
    if order is Order.SEMVER:
        for version in versions:
            if order.key(version) is None:
                raise root["order"].refuse(
                    "catalog, as {version} is no Semantic Version", version=version
                )
    rows = root.get("upgrades", []).items()
    if len(rows) > _MOST:
        raise root["upgrades"].refuse("at most {most} rows", most=_MOST)
    return Upgrades(order, tuple(_typed(row, order, versions) for row in rows))


def _typed(node: Node, order: Order, versions: Collection[str]) -> Rule:
    row = node.table("to", "from", "via", "back", "reason")
    to = _condition(row["to"], order)
    if not any(to.admits(version, order) for version in versions):
        raise row["to"].refuse("a condition that some version described here meets")
    reason = row["reason"].table(*_LANGUAGES)
    rule = Rule(
        to=to,
        reason={
            language: reason[language].text(_REASON, "a reason in words, without a full stop")
            for language in _LANGUAGES
        },
        sources=_condition(row["from"], order) if "from" in row else None,
        via=row["via"].text(_VERSION, "a version") if "via" in row else "",
        back=row.get("back", "").choice("", "no") != "no",
    )
    if rule.sources is None and rule.back:
        raise node.refuse("“from”, or “back: no”")
    if rule.via:
        _check_stop(row["via"], rule, order)
    return rule


def _check_stop(node: Node, rule: Rule, order: Order) -> None:
    """A stop is outside of what it leads to, and may go on there."""
    if rule.sources is None or not rule.sources.admits(rule.via, order):
        raise node.refuse("a version that “from” admits")
    if rule.to.admits(rule.via, order):
        raise node.refuse("a version that “to” does not admit")


def _condition(node: Node, order: Order) -> Range:
    try:
        found = Range.parse(node.text())
    except RangeInvalid as error:
        raise node.refuse(_CONDITION) from error
    if any(order.key(bound) is None for bound in found.bounds):
        raise node.refuse("Semantic Versions with all three numbers, as the order is semver")
    return found


def upgrades_document(upgrades: Upgrades) -> dict[str, Any]:
    """The entry's members; none where nothing was declared, so that such entries stay as they are.

    A reader that knows neither member loses the rules, and nothing else.
    """
    rows = [_row(rule) for rule in upgrades.rules]
    declared = {"order": upgrades.order.value} if upgrades.order is not Order.CATALOG else {}
    return declared | ({"upgrades": rows} if rows else {})


def read_upgrades(document: Mapping[str, Any]) -> Upgrades:
    """What `upgrades_document` wrote; raises ValueError for anything else."""
    rows = document.get("upgrades", [])
    if not isinstance(rows, list) or len(rows) > _MOST:
        raise ValueError
    order = document.get("order", Order.CATALOG.value)
    return Upgrades(Order(order), tuple(map(_read, rows)))


def _row(rule: Rule) -> dict[str, Any]:
    row: dict[str, Any] = {"to": str(rule.to), "reason": dict(rule.reason)}
    row |= {"from": str(rule.sources)} if rule.sources else {}
    row |= {"via": rule.via} if rule.via else {}
    return row | ({} if rule.back else {"back": "no"})


def _read(row: object) -> Rule:
    if not isinstance(row, dict) or not {"to", "reason"} <= row.keys():
        raise ValueError
    if not row.keys() <= {"to", "reason", "from", "via", "back"} or row.get("back", "no") != "no":
        raise ValueError
    reason = row["reason"]
    if not isinstance(reason, dict) or set(reason) != {*_LANGUAGES}:
        raise ValueError
    return Rule(
        to=_range(row["to"]),
        reason={language: _matched(reason[language], _REASON) for language in _LANGUAGES},
        sources=_range(row["from"]) if "from" in row else None,
        via=_matched(row["via"], _VERSION) if "via" in row else "",
        back="back" not in row,
    )


def _range(text: object) -> Range:
    found = Range.parse(text) if isinstance(text, str) else None
    if found is None or str(found) != text:
        raise ValueError
    return found


def _matched(text: object, pattern: re.Pattern[str]) -> str:
    if not isinstance(text, str) or not pattern.fullmatch(text):
        raise ValueError
    return text
