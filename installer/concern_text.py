"""What a concern says in the user's language, the same in every front-end.

Invariant: the templates are translated first and their fields are filled in afterwards.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from champ_offline.preflight.checks import SORTS
from installer.language import mark
from installer.language import translate as _

if TYPE_CHECKING:
    from champ_offline.preflight.concern import Concern

_SUBJECTS = {
    "certificate of the API server": mark("certificate of the API server"),
    "client certificate of the kubeconfig": mark("client certificate of the kubeconfig"),
    "certificate of the zone's registry": mark("certificate of the zone's registry"),
}


class Words(NamedTuple):
    """What was found, why it matters, what to do."""

    what: str
    why: str
    remedy: str


class _Fields(dict[str, str]):
    """A carried plan may be of a release that told less: what it lacks is a question mark."""

    def __missing__(self, name: str) -> str:
        return "?"


def words(concern: Concern) -> Words:
    """The sentences of a concern; of one that this release does not know, its id."""
    sort = SORTS.get(concern.id)
    if sort is None:
        return Words(f"{concern.id}: {concern.subject}", "", "")
    subject = _SUBJECTS.get(concern.subject)
    filling = {**concern.filling, "subject": _(subject) if subject else concern.subject}
    texts = (sort.what, sort.why, sort.remedy)
    return Words(*(_(text).format_map(_Fields(filling)) for text in texts))
