"""A concern: something about a planned change that a person should know before it is made.

Invariant: its words are templates from this code base (message ids of the translation catalog) and
everything that came from a chart or a cluster is a field. Only what a cluster is sure to refuse, or
can never bring up, is BLOCKING; whatever may turn out well is a WARNING.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

_LONGEST = 300
_LISTED = 5


class Weight(StrEnum):
    """Whether a plan may be applied all the same."""

    BLOCKING = "blocking"
    WARNING = "warning"


@dataclass(frozen=True)
class Concern:
    """One finding of one check; `subject` is what it is about, such as `Deployment web`.

    `accepted` says that an operator wants the plan applied in spite of it.
    """

    id: str
    weight: Weight
    subject: str
    fields: Mapping[str, str] = field(default_factory=dict, hash=False)
    accepted: bool = False

    @property
    def stops(self) -> bool:
        """Whether a plan with this concern may not be applied."""
        return self.weight is Weight.BLOCKING and not self.accepted

    @property
    def filling(self) -> dict[str, str]:
        """What goes into the templates of its words."""
        return {"subject": self.subject, **self.fields}


@dataclass(frozen=True)
class Sort:
    """One sort of concern: `id` is stable and dotted, the texts are `str.format` templates.

    `what` says what was found, `why` why it matters, `remedy` what to do.
    """

    id: str
    weight: Weight
    what: str
    why: str
    remedy: str

    def of(self, subject: str, **fields: object) -> Concern:
        """A concern of this sort; its fields are kept as texts of at most 300 characters."""
        shown = {name: str(value)[:_LONGEST] for name, value in fields.items()}
        return Concern(self.id, self.weight, subject[:_LONGEST], shown)


def ordered(concerns: Iterable[Concern]) -> tuple[Concern, ...]:
    """Each once, the blocking ones first."""

    def place(one: Concern) -> tuple[bool, str, str, list[tuple[str, str]]]:
        return one.weight is not Weight.BLOCKING, one.id, one.subject, sorted(one.fields.items())

    return tuple(sorted(dict.fromkeys(concerns), key=place))


def listed(names: Iterable[str]) -> str:
    """Some names for a field: the first five, and how many more there are."""
    every = list(dict.fromkeys(names))
    more = len(every) - _LISTED
    return ", ".join(every[:_LISTED]) + (f" (+{more})" if more > 0 else "")
