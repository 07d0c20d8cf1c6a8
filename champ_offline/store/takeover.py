"""What becomes of pushed content when a bundle brings its repository: all of it is let go of.

Invariant: the repository of a bundle holds what bundles brought and nothing else, so nothing that a
client pushed under its name, before or between bundles, is ever served beside what was signed.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

from champ_offline.store.links import Kind, Links
from champ_offline.store.refs import Refs


@dataclass(frozen=True)
class Displaced:
    """What clients had pushed to repository `name`: its tags, sorted; how many manifests, those
    among them that no tag led to (`untagged`), and how many blobs besides.
    """

    name: str
    tags: tuple[str, ...]
    manifests: int
    untagged: int
    blobs: int


def take_over(
    connection: sqlite3.Connection, refs: Refs, links: Links, names: Iterable[str]
) -> tuple[Displaced, ...]:
    """Let go of what was pushed to `names`, inside the caller's transaction; says what that was.

    Nothing leads to the bytes then, and a collection removes them.
    """
    found = []
    for name in sorted(set(names)):
        tags = refs.displace(connection, name)
        gone = links.displace(connection, name)
        manifests = [link for link in gone if link.kind is Kind.MANIFEST]
        untagged = sum(link.descriptor.digest not in tags.values() for link in manifests)
        if tags or gone:
            counts = len(manifests), untagged, len(gone) - len(manifests)
            found.append(Displaced(name, tuple(tags), *counts))
    return tuple(found)
