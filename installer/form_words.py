"""What is wrong with an answer, in the user's language (`champ_offline.catalog.problems`).

Invariant: every expectation and finding of the library stands here (a test compares them).
"""

from __future__ import annotations

import json

from champ_offline.catalog.fields import FormField
from champ_offline.catalog.problems import (
    AS_TOLD,
    EXPECTATIONS,
    FINDINGS,
    MISSING,
    OF_THE_FORM,
    FieldProblem,
)
from champ_offline.catalog.sources import Source
from champ_offline.errors import Said
from installer.language import active, mark
from installer.language import translate as _
from installer.terminal_text import printable

_TEXTS = (
    mark("a table (key: value)"),
    mark("a list"),
    mark("text"),
    mark("a whole number"),
    mark("a number"),
    mark("true or false"),
    mark("a value, which is required"),
    mark("a value, which “{other}” requires"),
    mark("one of {choices}"),
    mark("exactly {value}"),
    mark("text of the form {pattern}"),
    mark("text as its help says ({help})"),
    mark("{limit} or more characters"),
    mark("{limit} or fewer characters"),
    mark("a number of {limit} or more"),
    mark("a number of {limit} or less"),
    mark("a number from {lowest} to {highest}"),
    mark("a number above {limit}"),
    mark("a number below {limit}"),
    mark("a multiple of {step}"),
    mark("{limit} or more entries"),
    mark("{limit} or fewer entries"),
    mark("entries that all differ"),
    mark("one of the keys {known}"),
    mark("nothing, unless {condition}"),
    mark("text without control characters"),
    mark("a number of at most 18 digits"),
    mark("a value that the form accepts"),
    mark("nothing"),
    mark("a table"),
    mark("a hidden value"),
    mark("an unknown key"),
)


_VALUE = {
    Source.DEFAULT: mark("Value: the app's default."),
    Source.EARLIER: mark("Value: of last time."),
    Source.SITE: mark("Value: the site's document."),
    Source.KEPT: mark("Value: kept from last time."),
    Source.MADE: mark("Value: made for you."),
    Source.TYPED: mark("Value: typed."),
    Source.NONE: mark("Value: none yet."),
}
_SHORT = {
    Source.DEFAULT: mark("the app's default"),
    Source.EARLIER: mark("last time"),
    Source.SITE: mark("the site's document"),
    Source.KEPT: mark("kept from last time"),
    Source.MADE: mark("made for you"),
    Source.TYPED: mark("typed"),
    Source.NONE: mark("nobody yet"),
}


def source_text(source: Source, field: FormField, value: object) -> str:
    """Where a field's value comes from; with the app's default where it is another one."""
    told = _(_VALUE[source])
    if source not in {Source.EARLIER, Source.TYPED} or field.secret or field.default is None:
        return told
    if type(value) is type(field.default) and value == field.default:
        return told
    default = field.default
    text = default if isinstance(default, str) else json.dumps(default, ensure_ascii=False)
    return f"{told} {printable(_('The app has {default}.').format(default=text or '“”'))}"


def source_word(source: Source) -> str:
    """The same in a table."""
    return _(_SHORT[source])


def unknown() -> frozenset[str]:
    """What the library can say and nobody translated."""
    return frozenset({*EXPECTATIONS, *FINDINGS}) - frozenset(_TEXTS)


def _shown(value: object) -> object:
    return value.texts.get(active(), value) if isinstance(value, Said) else value


def problem_text(problem: FieldProblem, place: str, about: str = "") -> str:
    """One sentence for under the field at `place`; names the part where it is deeper inside.

    `about`, the field's help, says better than a pattern what is wanted.
    """
    expected = _(problem.expected).format(**{k: _shown(v) for k, v in problem.fields.items()})
    found = _(problem.found) if problem.found in FINDINGS else problem.found.strip("“”")
    inner = problem.path[len(place) :].lstrip(".")
    if problem.expected in MISSING and not inner:
        return _("this must be filled in")
    if problem.expected in {OF_THE_FORM, AS_TOLD} and about and not inner:
        return printable(_("not accepted: {found}. {help}").format(found=found, help=about))
    if inner:
        text = _("{part}: expected {expected}, found {found}")
        return printable(text.format(part=inner, expected=expected, found=found))
    return printable(_("expected {expected}, found {found}").format(expected=expected, found=found))
