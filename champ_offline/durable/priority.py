"""Long work that can wait gives way to what others do on the same machine.

Invariant: only the calling thread, and threads it starts meanwhile, run later than others where the
processor is short; with enough of it nothing runs slower.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_STEPS = 10


@contextmanager
def giving_way() -> Iterator[None]:
    """Run what is inside ten steps nicer (nice(2): on Linux a thread has its own).

    A thread without the right to be as urgent again as before (CAP_SYS_NICE) stays nice.
    """
    before = os.getpriority(os.PRIO_PROCESS, 0)
    os.setpriority(os.PRIO_PROCESS, 0, min(before + _STEPS, 19))
    try:
        yield
    finally:
        with suppress(PermissionError):
            os.setpriority(os.PRIO_PROCESS, 0, before)
