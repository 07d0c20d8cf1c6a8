"""What holds for every test: Ctrl-C reaches the commands that tests start.

A shell without job control has what it starts in the background ignore SIGINT, and children inherit
that; a run of the tests from there would find commands deaf that are not.
"""

from __future__ import annotations

import signal


def pytest_configure() -> None:
    """Take SIGINT as in the foreground."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
