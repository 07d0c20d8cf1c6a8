"""Reads TOML that lies on a node, in one way for all who look at it.

Invariant: pure; whatever the bytes are, the answer is a document or the caller's own error.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from typing import Any

from champ_offline.errors import ChampError, Phrase, Quoted, Reason


def read_toml(data: bytes, refused: Callable[[Reason], ChampError]) -> dict[str, Any]:
    """The document; raises what `refused` makes of the reason where there is none."""
    try:
        return tomllib.loads(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise refused(Phrase("it is not UTF-8")) from error
    except tomllib.TOMLDecodeError as error:
        raise refused(Quoted(str(error)[:200])) from error
    except RecursionError as error:
        raise refused(Phrase("it is nested too deeply")) from error
