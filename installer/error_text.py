"""What an error says in the user's language, the same in every front-end.

Invariant: the template is translated first and its fields are filled in afterwards.
"""

from __future__ import annotations

from champ_offline.errors import ChampError
from installer.language import translate as _
from installer.terminal_text import printable


def sentences(error: ChampError) -> tuple[str, str]:
    """Message and remedy in the user's language, fields filled in."""
    fields = error.fields
    return _(error.message).format(**fields), _(error.remedy).format(**fields)


def note(error: ChampError) -> str:
    """The error on one line, for where it stops nothing: `! message remedy [id]`."""
    message, remedy = sentences(error)
    return printable(f"! {message} {remedy} [{error.id}]")
