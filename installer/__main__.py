"""The entry of `champ`: a verb goes to the command line, none on a terminal to the screens.

Invariant: nothing is imported here that `champ --help` does not need.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from installer.cli.main import run
from installer.worker_modules import run_if_asked


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `champ` with `arguments` (the process's own when None); returns the exit code."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    return 0 if run_if_asked(given) else run(given, _screens)


def _screens(zone: Path | None) -> int:
    from installer.tui.guardian import guard

    code = guard()
    if code is not None:
        return code
    from installer.tui.app import run as run_screens

    return int(run_screens(zone) or 0)


if __name__ == "__main__":
    sys.exit(main())
