"""Modules and functions stay small, say what they are for, and have names of their own."""

from __future__ import annotations

import ast

from tests.architecture.source import EVERYTHING, PRODUCT, sources

LONGEST_BODY = 40
LONGEST_MODULE = 400
NAMELESS = {"utils", "util", "helpers", "helper", "common", "misc"}


def test_function_bodies_fit_on_a_screen() -> None:
    long = [
        f"{source.at(node)} {node.name}: {length}"
        for source in sources(*EVERYTHING)
        for node in ast.walk(source.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (length := _body_length(node)) > LONGEST_BODY
    ]
    assert long == []


def test_modules_stay_short() -> None:
    lengths = {source.name: source.text.count("\n") for source in sources(*EVERYTHING)}
    assert {name: count for name, count in lengths.items() if count > LONGEST_MODULE} == {}


def test_modules_are_named_after_what_they_hold() -> None:
    parts = {part for source in sources(*EVERYTHING) for part in source.path.with_suffix("").parts}
    assert parts & NAMELESS == set()


def test_every_module_says_what_it_is_for() -> None:
    silent = [s.name for s in sources(*PRODUCT) if len(ast.get_docstring(s.tree) or "") < 30]
    assert silent == []


def test_data_folders_hold_no_python() -> None:
    assert [source.name for source in sources("bundles", "appstore_catalog")] == []


def _body_length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    body = function.body
    first = 1 if ast.get_docstring(function) is not None and len(body) > 1 else 0
    return (body[-1].end_lineno or 0) - body[first].lineno + 1
