"""`python -m installer.one_file [FOLDER]`: builds `champ/` and `champ.sh` in FOLDER, else in dist.

Invariant: what stops it is one sentence and exit code 1.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from installer.one_file.build import PROJECT, build
from installer.one_file.errors import BuildFailed


def main(arguments: Sequence[str]) -> int:
    """Build; the exit code."""
    try:
        file = build(Path(arguments[0]) if arguments else PROJECT / "dist")
    except BuildFailed as error:
        sys.stderr.write(f"one_file: {error}\n")
        return 1
    sys.stdout.write(f"{file}: {file.stat().st_size / 1e6:.1f} MB\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
