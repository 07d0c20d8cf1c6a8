"""Roots on a medium, without a bundle: `<stick>/champ/trust/N.root.json`.

Invariant: only names made here are opened, links are not followed, and nothing read here is trusted
before `roots.follow` saw it.
"""

from __future__ import annotations

from pathlib import Path

from tuf.api.metadata import Root

from champ_offline.trust import places
from champ_offline.trust.errors import ExportedRootsDamaged
from champ_offline.trust.key_errors import NoSuchFolder, RootsMissing, RootsUnconnected
from champ_offline.trust.roots import follow, read_file, read_root, root_files

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


def follow_roots(pinned: bytes, media: Path) -> tuple[tuple[bytes, ...], Root]:
    """The roots that lead to the newest on a medium, ascending, and what that one says.

    Where no newer one follows from `pinned`, that one alone.

    Raises NoSuchFolder, RootsMissing, RootsGap, RootsUnconnected, ExportedRootsDamaged and trust
    errors.
    """
    offered, before = read_roots(media), read_root(pinned, "root").version
    with places.of(ExportedRootsDamaged):
        _newest, root = follow(pinned, offered, str(media), folder=str(media / TRUST_SHELF))
    if root.version == before < len(offered):
        raise RootsUnconnected(path=media, version=before, newest=len(offered))
    return offered if root.version > before else (pinned,), root
