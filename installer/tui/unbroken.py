"""Lines on the screens end at spaces, but never at a no-break space (U+00A0).

Rich, which wraps all text here, takes every space for a place to break. Invariant: nothing else of
its wrapping is changed.
"""

from __future__ import annotations

import re

from rich import _wrap

_WORD = re.compile(r"[^\S\xa0]*[\S\xa0]+[^\S\xa0]*")


def keep_together() -> None:
    """Let what a no-break space joins stay on one line; may be called again."""
    _wrap.re_word = _WORD
