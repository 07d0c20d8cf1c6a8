"""Blocking work beside the event loop: hashes, files, the database.

Invariant: what was begun is finished before the caller goes on, even a caller that was cancelled;
so no file is closed while a thread still writes into it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

_P = ParamSpec("_P")
_R = TypeVar("_R")


async def done(function: Callable[_P, _R], *args: _P.args, **kwargs: _P.kwargs) -> _R:
    """What `function` returns, from a thread."""
    work = asyncio.ensure_future(asyncio.to_thread(function, *args, **kwargs))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        await asyncio.wait({work})
        # Looked at, or asyncio would complain of an error that nobody waits for any more.
        work.exception()
        raise
