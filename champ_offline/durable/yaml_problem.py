"""What PyYAML finds wrong with a text, in words of ours.

Invariant: every problem has an answer; of PyYAML's own words only what it found is kept, quoted.
Source: PyYAML 6, scanner.py, parser.py and composer.py, the argument `problem` of their errors.
"""

from __future__ import annotations

import re

from champ_offline.errors import Phrase

_SHOWN = 60
_KNOWN = (
    (re.compile(r"expected ',' or '([]}])', but got (?P<found>.*)", re.DOTALL),
     Phrase("“,” or the closing bracket is expected here, found {found}")),
    (re.compile(r"expected <block end>, but found (?P<found>.*)", re.DOTALL),
     Phrase("the indentation does not fit the lines above, found {found}")),
    (re.compile(r"expected the node content, but found (?P<found>.*)", re.DOTALL),
     Phrase("a value is missing, found {found}")),
    (re.compile(r"found character '\\t' that cannot start any token"),
     Phrase("a tab stands here; indent with spaces")),
    (re.compile(r"found character (?P<found>.*) that cannot start any token", re.DOTALL),
     Phrase("a text must not begin with {found}; put it in quotes")),
    (re.compile(r"mapping values are not allowed here"),
     Phrase("“:” must not stand here; put the text in quotes, or indent the line")),
    (re.compile(r"could not find expected ':'"), Phrase("“:” is missing after a key")),
    (re.compile(r"sequence entries are not allowed here"), Phrase("“-” must not stand here")),
    (re.compile(r"found unexpected end of stream"), Phrase("the closing quote is missing")),
    (re.compile(r"found unknown escape character (?P<found>.*)", re.DOTALL),
     Phrase("“\\” must not stand before {found}; use single quotes")),
)  # fmt: skip


def told(problem: str | None) -> Phrase:
    """The problem as the end of a sentence."""
    for pattern, words in _KNOWN:
        if found := pattern.match(problem or ""):
            fields = {key: text[:_SHOWN] for key, text in found.groupdict().items()}
            return Phrase(words.template, **fields)
    return Phrase("it is not YAML")
