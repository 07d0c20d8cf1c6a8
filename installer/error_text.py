"""What an error says in the user's language, the same in every front-end.

Invariant: the template is translated first and its fields are filled in afterwards.
"""

from __future__ import annotations

from champ_offline.errors import Bytes, ChampError, Several
from installer.language import translate as _
from installer.quantities import size
from installer.terminal_text import printable
from installer.words import word

# What stands for a blob where damage lies in none (`bundle.reader`), and why a registry cannot be
# used (`external.wire`, `bundle.sources.registry`).
_WORDS = frozenset(
    {
        "the volume index",
        "the trailer",
        "connection refused",
        "its certificate is not signed by an authority that is trusted",
        "it does not speak TLS",
        "its name is not known",
        "its name cannot be looked up",
        "no route to host",
        "the network is unreachable",
        "no answer in time",
        "the connection broke",
        "it forgot an upload whenever the connection broke",
    }
)


def sentences(error: ChampError) -> tuple[str, str]:
    """Message and remedy in the user's language, fields filled in."""
    fields = {**{k: _shown(v) for k, v in error.fields.items()}, **_in_words(error)}
    return _(error.message).format(**fields), _(error.remedy).format(**fields)


def _shown(value: object) -> object:
    """A field as people read it: sizes with a unit, other errors and places in their language."""
    match value:
        case Bytes():
            return size(value)
        case Several():
            return " ".join(sentences(error)[0] for error in value)
        case str():
            return word(value) if value in _WORDS else value
    return value


def _in_words(error: ChampError) -> dict[str, str]:
    """The fields that hold the library's own words, in the user's language."""
    return _wrong_line(error) | _findings(error)


def _findings(error: ChampError) -> dict[str, str]:
    """Which images a bundle lacks and why, a line for each."""
    # Loaded only here: this error is met when packing.
    if "findings" not in error.fields:
        return {}
    from champ_offline.release.completeness import ImagesNotPacked

    if not isinstance(error, ImagesNotPacked):
        return {}
    return {"findings": "".join(f"\n  {one.line(word(one.why))}" for one in error.findings)}


def _wrong_line(error: ChampError) -> dict[str, str]:
    """What an answers file's wrong line should hold and holds."""
    problem = error.fields.get("problem")
    if problem is None:
        return {}
    # Loaded only here: most errors are not about answers.
    from champ_offline.catalog.problems import FINDINGS, FieldProblem

    if not isinstance(problem, FieldProblem):
        return {}
    found = _(problem.found) if problem.found in FINDINGS else problem.found
    return {"expected": _(problem.expected).format(**problem.fields), "found": found}


def note(error: ChampError) -> str:
    """The error on one line, for where it stops nothing: `! message remedy [id]`."""
    message, remedy = sentences(error)
    return printable(f"! {message} {remedy} [{error.id}]")
