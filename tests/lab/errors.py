"""What can go wrong in the lab, each said in one sentence.

Invariant: a person who starts the lab on an unsuitable machine reads one sentence, no traceback.
"""

from __future__ import annotations


class LabError(Exception):
    """Base of all errors of the lab; its text is the sentence to show."""


class Unsuitable(LabError):
    """This machine, or this user, cannot run the lab at all."""


class CommandFailed(LabError):
    """A program the lab needs ended with an error; the text holds its last words."""


class TookTooLong(LabError):
    """Something did not become ready in its time."""


class LeftBehind(LabError):
    """Something recorded could not be removed; its record is kept for the next attempt."""


class InUse(LabError):
    """A living lab holds this state folder."""
