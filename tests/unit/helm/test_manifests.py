"""YAML as Kubernetes reads it, split as Helm splits it, changed where asked and nowhere else."""

from __future__ import annotations

import random
from contextlib import suppress

import pytest
import yaml

from champ_offline.helm import manifests
from champ_offline.helm.manifests import (
    NotAnObject,
    load,
    most_nested,
    read,
    replace,
    scalars,
    split,
    texts,
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("on", True),
        ("no", False),
        ("22:30", "22:30"),
        ("2026-01-01", "2026-01-01"),
        ("0755", 493),
        ("12", 12),
        ("1.5", 1.5),
        ("~", None),
        ("1.27.0", "1.27.0"),
    ],
)
def test_scalars_are_read_as_kubernetes_does(text: str, value: object) -> None:
    assert read(f"a: {text}", "x") == {"a": value}


def test_a_stream_is_split_at_lines_only() -> None:
    stream = "---\n# c\na: 1\n--- \n\n---\n# only words\n---\nb: |\n  ---\n  x\n"
    assert split(stream) == ["# c\na: 1\n", "b: |\n  ---\n  x\n"]


@pytest.mark.parametrize(
    "text", ["a: [", "text", "kind: A", "apiVersion: v1\nkind: A\nmetadata: {}", "a: 1\n---\nb: 2"]
)
def test_what_is_no_object_is_named(text: str) -> None:
    with pytest.raises(NotAnObject, match=r"where\.yaml"):
        load(text, "where.yaml")


def test_replacing_leaves_every_other_byte() -> None:
    text = "a: x # note\nb:   'x'\nc: [x, \"x\"]\nd: |\n  x\ne: äöü x\nf: x\n"
    places = [one for one in scalars(text, "t") if one.path[0] in {"b", "d", "f"}]
    changed = replace(text, [(one, 'n"ew') for one in places])
    assert changed == (
        'a: x # note\nb:   "n\\"ew"\nc: [x, "x"]\nd: "n\\"ew"\ne: äöü x\nf: "n\\"ew"\n'
    )
    assert read(changed, "t")["d"] == 'n"ew'


def test_hooks_are_known_by_their_annotation() -> None:
    head = "apiVersion: v1\nkind: A\nmetadata: {name: a, annotations: {helm.sh/hook: test}}\n"
    assert manifests.is_hook(load(head, "t"))
    assert not manifests.is_hook(load(head.replace("helm.sh/hook", "other"), "t"))


@pytest.mark.parametrize("text", ["[" * 100_000, "{a: " * 50_000, "- " * 50_000 + "a"])
def test_what_is_nested_too_deeply_is_refused(text: str) -> None:
    for reading in (read, texts, lambda one, source: list(scalars(one, source))):
        with pytest.raises(NotAnObject, match="nested too deeply"):
            reading(text, "x")


_PIECES = (
    "- ", "? ", ": ", "a: ", "a:\n", "  ", "    ", "\n", "\n  ", "\n    ", "[", "{", "]", "}", "x",
    "&a ", "!!map ", "!!seq ", "\r", "\x85", "\u2028", "'q'", '"k": ', "---\n", "--- ", "|\n", "\t",
)  # fmt: skip


def nested(text: str) -> int:
    """How deeply values are nested, as far as the text can be parsed."""
    depth = deepest = 0
    with suppress(yaml.YAMLError):
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            depth += isinstance(event, yaml.events.CollectionStartEvent)
            deepest = max(deepest, depth)
            depth -= isinstance(event, yaml.events.CollectionEndEvent)
    return deepest


@pytest.mark.parametrize("seed", range(20))
def test_nothing_is_nested_deeper_than_was_told(seed: int) -> None:
    chance, deepest = random.Random(seed), 0
    for _ in range(500):
        text = "".join(chance.choices(_PIECES, k=chance.randrange(1, 40)))
        deepest = max(deepest, found := nested(text))
        assert found <= most_nested(text), text
    assert deepest > 2


@pytest.mark.parametrize(
    "text",
    [
        "a: |\n  \u00e9\n  b\nc: '\u00fc'\n",
        "a: >-\n  folded\n  text\n\nb: [x, 'y', \"z\\n\"]\n",
        "a: {b: 0x1F, c: 1_000, d: 08, e: .5, f: +1}\n",
        "? complex\n: value\n",
        "base: &base {a: 1}\nmore:\n  <<: *base\n  b: 2\n",
    ],
)
def test_values_are_those_whose_places_are_told(text: str) -> None:
    """The parser for values and the one for places agree."""
    assert read(text, "x") == yaml.load(text, Loader=manifests._Placed)  # noqa: S506


@pytest.mark.parametrize("seed", range(20))
def test_both_parsers_tell_the_same_places(seed: int) -> None:
    chance, told = random.Random(seed), 0
    more = ("中文", '"é\\\n  x"', "'a  b'", " # c\n", "b: 😀 y\n", "!t ")
    pieces = [*more, *(piece for piece in _PIECES if piece != "|\n")]
    for _ in range(500):
        text = "".join(chance.choices(pieces, k=chance.randrange(1, 8)))
        with suppress(NotAnObject):
            # The mark of a block scalar, also in a comment, makes the exact parser read it.
            exact = list(scalars(f"{text}\n#|", "t"))
            told += len(exact)
            assert list(scalars(f"{text}\n#", "t")) == exact, text
    assert told > 20
