"""The installer that travels with a bundle: champ.sh in the root of each medium, a signed target.

Invariant: what is copied from here was held, byte for byte, against what was signed. A champ.sh
that nobody signed is told for what it is; one that is not as it was signed is refused. Where it is
missing, that keeps nobody from the bundle itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from champ_offline.bundle import media
from champ_offline.bundle.errors import MediumUnreadable
from champ_offline.bundle.opening import opened
from champ_offline.bundle.target import TargetFile, writing
from champ_offline.durable.write import DurableFile, make_directory, remove_partials
from champ_offline.errors import ChampError, ExitCode, system_said
from champ_offline.events import Progress, StepFinished, StepStarted, Subscriber
from champ_offline.oci.digest import Digest
from champ_offline.trust.documents import INSTALLER, SignedFile

_CHUNK = 1 << 20
_STEP = "verify"


class InstallerChanged(ChampError):
    """The bytes of champ.sh are not those that were signed."""

    id = "media.installer-changed"
    exit_code = ExitCode.CORRUPT
    message = "{path} is not the installer that was signed: its size or checksum differs."
    remedy = (
        "Do not start it. Copy champ.sh from the original again, or delete it: the bundle itself"
        " can be used without it."
    )


class InstallerMissing(ChampError):
    """No medium at hand has the champ.sh that was signed."""

    id = "media.installer-missing"
    exit_code = ExitCode.NOT_FOUND
    message = "The bundle {bundle} {version} comes without its installer here: {path} has none."
    remedy = "Plug in a medium that champ.sh is on; import the bundle in any case."


class Presence(StrEnum):
    """How the champ.sh on media stands to what was signed."""

    SIGNED = "signed"
    """It is the one that was signed with this bundle."""
    OTHERS = "another bundle's"
    """It is the one that was signed with another bundle on the same medium."""
    UNSIGNED = "not signed"
    """There is one, and no bundle here says what it should be."""
    MISSING = "missing"
    """One was signed, and none is there."""
    NONE = "none"
    """There is none, and none was signed."""


@dataclass(frozen=True)
class SignedInstaller:
    """A champ.sh on a medium; its `size` in bytes and `digest` as they were signed.

    `packed` is when, in milliseconds since 1970.
    """

    path: Path
    size: int
    digest: Digest
    packed: int

    def copy(self, folder: Path) -> Path:
        """A copy in `folder`, on the disk, which is what was signed.

        Raises InstallerChanged, MediumUnreadable.
        """
        make_directory(folder)
        remove_partials(folder)
        target, hashed, passed = folder / INSTALLER, hashlib.sha256(), 0
        with DurableFile(folder, 0o600) as file:
            for chunk in _chunks(self.path, self.size):
                hashed.update(chunk)
                passed += len(chunk)
                file.write(chunk)
            if (passed, hashed.hexdigest()) != (self.size, self.digest.hex):
                raise InstallerChanged(path=self.path)
            file.commit(target)
        return target


@dataclass(frozen=True)
class InstallerAtHand:
    """What was `signed` with a bundle, with `others` on its media, and the `copies` there."""

    signed: SignedFile | None = None
    others: tuple[SignedFile, ...] = ()
    copies: tuple[Path, ...] = ()

    @property
    def presence(self) -> Presence:
        """By what is there, unread: `check` holds it against the signatures."""
        if self.signed is None and not self.others:
            return Presence.UNSIGNED if self.copies else Presence.NONE
        if not self.copies:
            return Presence.NONE if self.signed is None else Presence.MISSING
        own = self.signed and any(_size(path) == self.signed.size for path in self.copies)
        return Presence.SIGNED if own else Presence.OTHERS

    def check(self, notify: Subscriber) -> None:
        """Read every copy that any signature speaks of; raises InstallerChanged."""
        known = {one for one in (self.signed, *self.others) if one is not None}
        for path in self.copies if known else ():
            notify(StepStarted(_STEP, INSTALLER))
            if _found(path, known, notify) not in known:
                raise InstallerChanged(path=path)
            notify(StepFinished(_STEP, INSTALLER))

    def copy_of_own(self) -> Path | None:
        """A copy that has the size of what was signed with this bundle, unread."""
        sized = (path for path in self.copies if self.signed and _size(path) == self.signed.size)
        return next(sized, None)


def tops(paths: Sequence[Path], folders: Sequence[Path]) -> list[Path]:
    """The roots of media: what was named, and what the bundles' folders lie on."""
    on = [folder.parent.parent for folder in folders if folder.parent.name == media.SHELF]
    return list(dict.fromkeys([*on, *(path for path in paths if media.leads_to_folder(path))]))


def copies_on(roots: Sequence[Path]) -> tuple[Path, ...]:
    """Whatever has the name champ.sh in the root of a medium, each once."""
    found: dict[Path, Path] = {}
    for root in roots:
        path = root / INSTALLER
        if media.is_file(path) or media.no_files([root], INSTALLER):
            found.setdefault(root.resolve(), path)
    return tuple(found.values())


def signed_file(path: Path) -> SignedFile:
    """Size and digest of a file that is to be signed; raises OSError."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
        return SignedFile(file.tell(), Digest(digest.hexdigest()))


def write_installer(source: Path, signed: SignedFile, top: Path) -> None:
    """Put it into the root of a medium; raises TargetUnwritable, InstallerChanged."""
    hashed = hashlib.sha256()
    with writing(top):
        remove_partials(top)
    with source.open("rb") as file, TargetFile(top) as target:
        while chunk := file.read(_CHUNK):
            hashed.update(chunk)
            target.write(chunk)
        if hashed.hexdigest() != signed.digest.hex:
            raise InstallerChanged(path=source)
        target.commit(top / INSTALLER)


def _found(path: Path, known: set[SignedFile], notify: Subscriber) -> SignedFile | None:
    """What is there, read only where its size is that of something known."""
    size = _size(path)
    if not media.is_file(path) or size not in {one.size for one in known}:
        return None
    hashed, passed = hashlib.sha256(), 0
    for chunk in _chunks(path, size):
        hashed.update(chunk)
        passed += len(chunk)
        notify(Progress(_STEP, passed, size, subject=INSTALLER))
    return SignedFile(passed, Digest(hashed.hexdigest()))


def _chunks(path: Path, size: int) -> Iterator[bytes]:
    """Its bytes, at most one more than `size`; raises MediumUnreadable, InstallerChanged."""
    if not media.is_file(path):
        raise InstallerChanged(path=path)
    try:
        with opened(path) as file:
            room = size + 1
            while chunk := file.read(min(_CHUNK, room)):
                room -= len(chunk)
                yield chunk
    except OSError as error:
        raise MediumUnreadable(path=path, reason=system_said(error)) from error


def _size(path: Path) -> int:
    return path.lstat().st_size if media.is_file(path) else -1
