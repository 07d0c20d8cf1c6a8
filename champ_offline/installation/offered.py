"""The installer that media offer: of all bundles on them that are trusted, the one packed last.

Invariant: nothing is offered that no accepted signature speaks of.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from champ_offline.bundle.installer import InstallerMissing, SignedInstaller
from champ_offline.bundle.turns import take_turns
from champ_offline.bundle.verify import VerifiedBundle

Judge = Callable[[Sequence[Path]], VerifiedBundle]


def offered(media: Path, judge: Judge) -> SignedInstaller:
    """What a medium offers, by bundles that `judge` accepts; it was not read yet.

    Raises InstallerMissing; where no bundle was accepted, why not.
    """
    turns = take_turns([media], judge, _of)
    found = [turn.done for turn in turns if turn.done is not None]
    if found:
        return max(found, key=lambda one: one.packed)
    raise next(turn.refusal for turn in turns if turn.refusal is not None)


def _of(bundle: VerifiedBundle) -> SignedInstaller:
    signed, path = bundle.installer.signed, bundle.installer.copy_of_own()
    if signed is None or path is None:
        where, document = ", ".join(map(str, bundle.paths)), bundle.document
        raise InstallerMissing(bundle=document.name, version=document.version, path=where)
    return SignedInstaller(path, signed.size, signed.digest, bundle.trusted.version)
