"""What an API server said when it refused, and why none answers, as the end of a sentence.

Invariant: what the server said is marked as its own words, bounded and on one line.
"""

from __future__ import annotations

import httpx2

from champ_offline.errors import Phrase, Quoted, Reason, system_said

_LONGEST = 500


def told(answer: httpx2.Response) -> Quoted:
    """The message of a refusal's Status, else the status line's words."""
    try:
        text = str(answer.json().get("message") or answer.reason_phrase)
    except (ValueError, AttributeError):
        text = answer.reason_phrase
    return Quoted(" ".join(text.split())[:_LONGEST].rstrip("."))


def why_silent(error: httpx2.HTTPError) -> Reason:
    """What the system said where it refused the connection, else what the HTTP client says."""
    at: BaseException | None = error
    while at is not None and not (isinstance(at, OSError) and at.errno):
        at = at.__cause__ or at.__context__
    if isinstance(at, OSError):
        return system_said(at)
    return Quoted(error) if str(error) else Phrase("it does not answer")
