"""What an error says in the user's language, the same in every front-end.

Invariant: the template is translated first and its fields are filled in afterwards.
"""

from __future__ import annotations

from champ_offline.errors import Bytes, ChampError, Phrase, Phrases, Said, Several
from installer.language import active
from installer.language import translate as _
from installer.quantities import size
from installer.terminal_text import printable
from installer.words import word


def sentences(error: ChampError) -> tuple[str, str]:
    """Message and remedy in the user's language, fields filled in."""
    fields = {**{k: _shown(v) for k, v in error.fields.items()}, **_in_words(error)}
    remedy = _(error.remedy).format(**fields)
    if isinstance(cause := error.fields.get("cause"), ChampError):
        # What to do about the cause comes before what to do then.
        remedy = f"{sentences(cause)[1]} {remedy}"
    return _(error.message).format(**fields), remedy


def _shown(value: object) -> object:
    """A field as people read it: sizes with a unit, other errors and places in their language."""
    match value:
        case Bytes():
            return size(value)
        case ChampError():
            return sentences(value)[0].rstrip(".。")
        case Several():
            return " ".join(sentences(error)[0] for error in value)
        case Phrases():
            return ", ".join(str(_shown(one)) for one in value)
        case Phrase():
            fields = {name: _shown(field) for name, field in value.fields.items()}
            return _(value.template).format(**fields) if fields else _(value.template)
        case Said():
            return value.texts.get(active(), str(value))
    return value


def _in_words(error: ChampError) -> dict[str, str]:
    """The fields that hold the library's own words, in the user's language."""
    return _findings(error) | _forbidden(error)


def _forbidden(error: ChampError) -> dict[str, str]:
    """What a policy does not allow: how far a step goes, what becomes of an object."""
    if not error.id.startswith("policy."):
        return {}
    fields = ((name, error.fields.get(name)) for name in ("step", "effect"))
    return {name: word(text) for name, text in fields if isinstance(text, str)}


def _findings(error: ChampError) -> dict[str, str]:
    """Which images a bundle lacks and why, a line for each."""
    # Loaded only here: this error is met when packing.
    if "findings" not in error.fields:
        return {}
    from champ_offline.release.images.completeness import Findings, ImagesNotPacked

    if not (isinstance(error, ImagesNotPacked) and isinstance(error.findings, Findings)):
        return {}
    return {"findings": "".join(f"\n  {one.line(word(one.why))}" for one in error.findings)}


def note(error: ChampError) -> str:
    """The error on one line, for where it stops nothing: `! message remedy [id]`."""
    message, remedy = sentences(error)
    return printable(f"! {message} {remedy} [{error.id}]")
