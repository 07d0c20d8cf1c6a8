"""What lies in a store's folders under a blob's name, and what does not belong there.

Invariant: a blob is a file, and its name says which: a folder, a link or a pipe is none, whatever
it is called, and is neither followed nor opened.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from champ_offline.durable.write import PARTIAL
from champ_offline.oci.digest import Digest, InvalidDigest

_SHA256_DIGITS = 64


def named(entry: os.DirEntry[str]) -> Digest | None:
    """The blob that the file is by its name; None for what is none."""
    algorithm = "sha256" if len(entry.name) == _SHA256_DIGITS else "sha512"
    try:
        digest = Digest.parse_registered(f"{algorithm}:{entry.name}")
    except InvalidDigest:
        return None
    return digest if entry.is_file(follow_symlinks=False) else None


def strangers(folders: Iterable[Path]) -> list[Path]:
    """What lies in the folders, those that are there, and is neither a blob nor one being written.

    Sorted.
    """
    found = []
    for folder in folders:
        with suppress(FileNotFoundError), os.scandir(folder) as entries:
            found += [
                folder / entry.name
                for entry in entries
                if named(entry) is None and not entry.name.startswith(PARTIAL)
            ]
    return sorted(found)
