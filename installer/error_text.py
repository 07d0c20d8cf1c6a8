"""What an error says in the user's language, the same in every front-end.

Invariant: the template is translated first and its fields are filled in afterwards.
"""

from __future__ import annotations

from champ_offline.errors import ChampError
from installer.language import translate as _


def sentences(error: ChampError) -> tuple[str, str]:
    """Message and remedy in the user's language, fields filled in."""
    fields = error.fields
    return _(error.message).format(**fields), _(error.remedy).format(**fields)
