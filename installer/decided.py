"""Who decided what a setting is, as the lists of settings tell it.

Invariant: the order of the first six is the order in which they decide; the texts are for JSON.
"""

from __future__ import annotations

from enum import StrEnum


class DecidedBy(StrEnum):
    """NAMED are those by which a person spoke in this very session, on this very terminal."""

    OPTION = "option"
    ENVIRONMENT = "environment"
    ANSWER = "answer"
    OWN = "own"
    LOCALE = "locale"
    TERMINAL = "terminal"
    ZONE = "zone"
    DEFAULT = "default"


NAMED = frozenset({DecidedBy.OPTION, DecidedBy.ENVIRONMENT, DecidedBy.ANSWER})
