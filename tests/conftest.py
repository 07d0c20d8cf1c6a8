"""What holds for every test: Ctrl-C reaches the commands that tests start; nobody has settings.

A shell without job control has what it starts in the background ignore SIGINT, and children inherit
that; a run of the tests from there would find commands deaf that are not. What whoever runs the
tests has set for `champ` is not followed: language and look are those that the tests say.
"""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from pathlib import Path

_NOBODY = Path(tempfile.gettempdir()) / f"champ-tests-{os.getpid()}-settings"


def pytest_configure() -> None:
    """Take SIGINT as in the foreground."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    _NOBODY.mkdir()
    os.environ["XDG_CONFIG_HOME"] = str(_NOBODY)


def pytest_unconfigure() -> None:
    """Leave nothing behind."""
    shutil.rmtree(_NOBODY, ignore_errors=True)
