"""Values are exchanged and added in place; every other character stays."""

from __future__ import annotations

import pytest

from champ_offline.durable import typed_yaml
from champ_offline.durable.yaml_edit import NotEditable, put

TEXT = """\
# The site.
format: 1   # of the file
apps:
  db: {app: postgres, answers: {size: 1}}  # small
  pacs:
    app: orthanc
    answers:
      # what people read
      title: "North"   # the clinic's
      web:
        port: 80
        note: |
          two
          lines

      # nothing below
  empty: {}
  bare:
  list:
  - a
"""


@pytest.mark.parametrize(
    ("path", "value", "old", "new"),
    [
        (("format",), "2", "format: 1   #", "format: 2   #"),
        (("apps", "db", "answers", "size"), "20", "{size: 1}", "{size: 20}"),
        (("apps", "pacs", "answers", "title"), "South", '"North"   #', "South   #"),
        (("apps", "db", "answers", "zone"), "a", "{size: 1}", "{size: 1, zone: a}"),
        (("apps", "db", "web", "port"), "1", "{size: 1}}", "{size: 1}, web: {port: 1}}"),
        (("apps", "empty", "x"), "1", "empty: {}", "empty: {x: 1}"),
        (("apps", "bare"), "1", "bare:\n", "bare: 1\n"),
        (("apps", "pacs", "answers", "x"), "1", "lines\n", "lines\n      x: 1\n"),
        (("apps", "pacs", "answers", "web", "note"), "a", "|\n          two\n          lines", "a"),
        (("apps", "pacs", "new"), "[a, b]", "lines\n", "lines\n    new: [a, b]\n"),
        (("apps", "a b"), "1", "  - a\n", '  - a\n  "a b": 1\n'),
    ],
)
def test_one_value_changes_and_nothing_else(
    path: tuple[str, ...], value: str, old: str, new: str
) -> None:
    assert TEXT.count(old) == 1
    found = put(TEXT, "x", {path: value})
    assert found == TEXT.replace(old, new)
    node = typed_yaml.parse(found.encode(), "x")
    for name in path:
        assert isinstance(node.content, dict)
        node = node.content[name]
    assert node.plain() == typed_yaml.parse(value.encode(), "x").plain()


def test_several_values_and_line_ends_of_another_system() -> None:
    text = TEXT.replace("\n", "\r\n").removesuffix("\r\n")
    found = put(text, "x", {("format",): "2", ("apps", "z"): "1", ("apps", "db", "app"): "pg"})
    plain = TEXT.replace("format: 1", "format: 2").replace("app: postgres", "app: pg")
    assert found.replace("\r\n", "\n") == plain.replace("  - a\n", "  - a\n  z: 1")
    assert found.count("\n") == found.count("\r\n") + 1  # the last line has no end to learn from


def test_what_takes_more_lines_is_left_to_people() -> None:
    with pytest.raises(NotEditable, match=r"“apps\.list”.* line 20"):
        put(TEXT, "site.yaml", {("apps", "list"): "[b]"})
    with pytest.raises(NotEditable, match=r"“apps\.pacs\.app\.x”"):
        put(TEXT, "site.yaml", {("apps", "pacs", "app", "x"): "1"})
