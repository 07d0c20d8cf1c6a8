"""The answers file: what a person or a screen answers to an app's form, as YAML.

Invariant: what is read has been held against the form, and each refusal names file, line and key
without showing a secret; what is written reads back as the same answers, and equal answers give
equal bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from champ_offline.catalog.form import FieldProblem, Form
from champ_offline.catalog.problems import A_KNOWN_KEY, FINDINGS, MISSING
from champ_offline.catalog.yaml_text import block
from champ_offline.durable import typed_yaml
from champ_offline.durable.typed_yaml import MissingKey, Node, UnknownKey, WrongValue
from champ_offline.durable.write import write_atomic
from champ_offline.errors import ChampError, ExitCode, Fields, Phrase, system_said


class AnswersNotWritten(ChampError):
    """The answers file cannot be written."""

    id = "catalog.answers-not-written"
    exit_code = ExitCode.USAGE
    message = "The answers cannot be written to {path}: {reason}."
    remedy = "Name a file in a folder that exists and in which you may write."


class ExampleUnusable(ChampError):
    """Documented answers leave something open that nobody fills in."""

    id = "catalog.example-unusable"
    exit_code = ExitCode.USAGE
    message = "The documented answers {file} cannot be used: {problem}."
    remedy = "Answer this field in the file, or let its form generate it."


def read_answers(path: Path, form: Form) -> dict[str, Any]:
    """The answers as typed, to be completed by `Form.complete`; an empty file answers nothing.

    Secrets may be missing: they are kept or made on completion. Raises UnknownKey, MissingKey and
    WrongValue (its field `problem` is the FieldProblem) for the first wrong line, and what
    `typed_yaml.read` raises.
    """
    return answers_in(typed_yaml.read(path), form)


def parse_answers(data: bytes, file: str, form: Form) -> dict[str, Any]:
    """The same for the bytes of an answers file; `file` names it in errors."""
    return answers_in(typed_yaml.parse(data, file), form)


def check_example(data: bytes, file: str, form: Form) -> None:
    """Refuse documented answers with which nothing can be installed.

    Raises what `read_answers` raises, and ExampleUnusable.
    """
    for problem in form.problems(form.complete(parse_answers(data, file, form), None, "x".__mul__)):
        raise ExampleUnusable(file=file, problem=problem)


def answers_in(root: Node, form: Form) -> dict[str, Any]:
    """The same for answers that stand in another document, keys from the form's root."""
    for problem in problems_in(root, form):
        raise problem
    typed: Any = _table(root).plain()
    return dict(typed)


def problems_in(root: Node, form: Form) -> Iterator[ChampError]:
    """Every wrong line of such answers, the first first: what `answers_in` raises."""
    root = _table(root)
    nodes = _by_key(root)
    typed: Any = root.plain()
    # Defaults decide which conditions hold, so they are filled in before anything is refused.
    found = form.problems(form.complete(typed, None, "x".__mul__))
    placed = [(_nearest(nodes, p.path), p) for p in found if p.path in nodes or not _later(form, p)]
    for node, problem in sorted(placed, key=lambda pair: pair[0].line):
        yield _refusal(node, problem)


def _table(root: Node) -> Node:
    return Node(root.file, root.line, root.key, {}) if root.content is None else root


def write_answers(
    path: Path, answers: Mapping[str, Any], *, app: str, version: str, mode: int
) -> None:
    """Write answers under a comment that names the app; `mode` 0o400 where they hold secrets.

    Raises AnswersNotWritten.
    """
    # A comment ends with its line, and so would one made of a name with a line break.
    named = " ".join(f"{app} {version}".split())
    text = f"# Answers to the form of {named}\n{block(answers)}"
    try:
        write_atomic(path, text.encode(), mode)
    except OSError as error:
        raise AnswersNotWritten(path=path, reason=system_said(error)) from error


def _later(form: Form, problem: FieldProblem) -> bool:
    """Whether it is about a secret that the file leaves to be kept or made."""
    return form.is_secret(problem.path)


def _by_key(root: Node) -> dict[str, Node]:
    found, waiting = {}, [root]
    while waiting:
        node = waiting.pop()
        found[node.key] = node
        if isinstance(node.content, dict):
            waiting.extend(node.content.values())
        elif isinstance(node.content, list):
            waiting.extend(node.content)
    return found


def _nearest(nodes: Mapping[str, Node], path: str) -> Node:
    """The node at `path`, or the innermost one around the place where it should be."""
    while path and path not in nodes:
        path = path[: max(path.rfind("."), path.rfind("["), 0)]
    return nodes[path]


def _refusal(node: Node, problem: FieldProblem) -> ChampError:
    place: Fields = {"file": node.file, "line": node.line, "key": problem.path}
    if problem.expected == A_KNOWN_KEY:
        return UnknownKey(**place, known=problem.fields["known"])
    if problem.expected in MISSING:
        return MissingKey(**place)
    expected = Phrase(problem.expected, **problem.fields)
    found = Phrase(problem.found) if problem.found in FINDINGS else problem.found
    return WrongValue(**place, expected=expected, found=found)
