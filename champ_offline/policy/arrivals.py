"""What lies in a ferry folder: trees of media, the bundles they carry, and whether they are whole.

Invariant: nothing in the folder is followed out of it: it is walked by descriptors of folders that
are opened without following links, and what is a link is no tree. Whether a bundle is whole is for
its signed list to say; no file is believed to be complete because it is old.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from champ_offline.bundle import media
from champ_offline.bundle.errors import MediumUnreadable, NoBundle
from champ_offline.bundle.installer import copies_on, tops
from champ_offline.bundle.turns import apart
from champ_offline.bundle.verify import VerifiedBundle
from champ_offline.errors import ChampError, ExitCode, system_said
from champ_offline.trust.key_errors import NoSuchFolder

_MOST_TREES, _MOST_FILES = 1_000, 100_000
_OPENED = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class TreeIsLink(ChampError):
    """What lies in a ferry folder leads out of it."""

    id = "ferry.link"
    exit_code = ExitCode.TRUST_REFUSED
    message = "{path} is a link; nothing in a ferry folder is followed out of it."
    remedy = "Have the media themselves put there, as folders; remove the link."


class TooManyTrees(ChampError):
    """A ferry folder holds more than is looked at."""

    id = "ferry.too-many"
    exit_code = ExitCode.USAGE
    message = "{path} holds more than {most} folders; none of them was looked at."
    remedy = "Remove those that were seen to; `champ audit show` names them."


@dataclass(frozen=True)
class Arrival:
    """A bundle's parts in the folder, or a tree in which none is found for the reason `refusal`.

    `name` is what the tree or the bundle calls itself, and proves nothing. `print` changes when
    one of the files does.
    """

    name: str
    paths: tuple[Path, ...]
    print: str
    refusal: ChampError | None = None


def arrivals(folder: Path) -> list[Arrival]:
    """All that is in the folder, by name: bundles, whose parts may lie in several trees, the rest.

    Raises NoSuchFolder, MediumUnreadable, TooManyTrees.
    """
    trees: list[Path] = []
    found: list[Arrival] = []
    for path, linked in _entries(folder):
        refusal = TreeIsLink(path=path) if linked else _refusal(path)
        if refusal is None or isinstance(refusal, NoBundle):
            trees.append(path)  # it may hold volumes of a bundle in another tree
        if refusal is not None:
            found.append(Arrival(path.name, (path,), _print([path]), refusal))
    bundles = _apart(trees)
    taken = {tree for ways in bundles.values() for tree in _trees(folder, ways)}
    found = [one for one in found if one.paths[0] not in taken]
    found += [Arrival(name, ways, _print(ways)) for name, ways in bundles.items()]
    return sorted(found, key=lambda one: os.fsencode(one.name))


def lacking(bundle: VerifiedBundle) -> ChampError | None:
    """What of the bundle is not there yet by its signed list; None where every volume is whole."""
    if bundle.absent:
        return bundle.missing(bundle.absent)
    for volume in bundle.volumes:
        if volume.index is None:
            return bundle.missing([volume])
        short: ChampError | None = None
        for copy in volume.copies:
            try:
                copy.check_length(volume.index)
            except ChampError as fault:
                short = fault
            else:
                short = None
                break
        if short is not None:
            return short
    return None


def _entries(folder: Path) -> list[tuple[Path, bool]]:
    """The folders in it, and the links, which are told apart."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise NoSuchFolder(path=folder) from error
    except OSError as error:
        raise MediumUnreadable(path=folder, reason=system_said(error)) from error
    try:
        with os.scandir(descriptor) as listed:
            trees = [
                (folder / one.name, one.is_symlink())
                for one in islice(listed, _MOST_FILES)
                if one.is_symlink() or one.is_dir(follow_symlinks=False)
            ]
    finally:
        os.close(descriptor)
    if len(trees) > _MOST_TREES:
        raise TooManyTrees(path=folder, most=_MOST_TREES)
    return trees


def _refusal(tree: Path) -> ChampError | None:
    """Why no bundle is found in a tree, if none is."""
    try:
        return None if media.bundle_folders(tree) else NoBundle(path=tree)
    except ChampError as refusal:
        return refusal


def _apart(trees: Sequence[Path]) -> dict[str, tuple[Path, ...]]:
    """The bundles of all trees together; tree by tree where one keeps the others from it."""
    if not trees:
        return {}
    try:
        return apart(trees)
    except ChampError:
        found: dict[str, tuple[Path, ...]] = {}
        for tree in trees:
            with suppress(ChampError):
                for name, ways in apart([tree]).items():
                    found[name] = (*found.get(name, ()), *ways)
        return found


def _trees(folder: Path, ways: Sequence[Path]) -> Iterator[Path]:
    for way in ways:
        yield folder / way.relative_to(folder).parts[0]


def _print(paths: Sequence[Path]) -> str:
    """A hash over the names, kinds, sizes and times of all files there; their bytes stay unread."""
    found = hashlib.sha256()
    for path in paths:
        for line in islice(_facts(path), _MOST_FILES):
            found.update(line)
    # Of a tree with several bundles only their folders are in `paths`; champ.sh lies above them.
    for path in copies_on(tops((), paths)):
        with suppress(OSError):
            found.update(_fact(os.fsencode(path), path.lstat()))
    return found.hexdigest()


def _facts(path: Path) -> Iterator[bytes]:
    try:
        top = os.open(path, _OPENED)
    except OSError as error:  # a link, or gone meanwhile
        yield f"{error.errno}\n".encode()
        return
    try:
        for place, folders, files, descriptor in os.fwalk(".", dir_fd=top, follow_symlinks=False):
            folders.sort()
            for name in sorted(files):
                with suppress(FileNotFoundError):
                    status = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
                    yield _fact(os.fsencode(place) + b"/" + os.fsencode(name), status)
    finally:
        os.close(top)


def _fact(name: bytes, status: os.stat_result) -> bytes:
    numbers = (
        stat.S_IFMT(status.st_mode), status.st_dev, status.st_ino, status.st_size,
        status.st_mtime_ns, status.st_ctime_ns,
    )  # fmt: skip
    return b"%d:%s %s\n" % (len(name), name, repr(numbers).encode())
