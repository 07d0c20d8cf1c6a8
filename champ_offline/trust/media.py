"""Roots on a medium, without a bundle: `<stick>/champ/trust/N.root.json`.

Invariant: only names made here are opened, links are not followed, and nothing read here is trusted
before `roots.follow` saw it.
"""

from __future__ import annotations

from pathlib import Path

from champ_offline.trust.key_errors import NoSuchFolder, RootsMissing
from champ_offline.trust.roots import read_file, root_files

TRUST_SHELF = Path("champ", "trust")


def read_roots(media: Path) -> tuple[bytes, ...]:
    """The roots on a medium, ascending from the first.

    Raises NoSuchFolder, RootsMissing, RootsGap.
    """
    if not media.exists():
        raise NoSuchFolder(path=media)
    found = tuple(read_file(path) for path in root_files(media / TRUST_SHELF))
    if not found:
        raise RootsMissing(path=media)
    return found
