"""One bundle after the other, where media hold several (`--all`).

Invariant: each bundle is judged, and taken, by itself, as if it alone lay there; what is wrong with
one keeps no other from its turn, and is told. Older packs come before newer ones of their name, so
that none is refused for the order in which they lie.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from champ_offline.bundle import media
from champ_offline.bundle.document import BundleDocument
from champ_offline.bundle.verify import VerifiedBundle
from champ_offline.errors import ChampError
from champ_offline.trust.errors import WrongZone

T = TypeVar("T")
U = TypeVar("U")


@dataclass(frozen=True)
class Turn(Generic[T]):
    """How a bundle on the media at `paths` fared: what was `done` with it, or why nothing was.

    Where its documents were refused, `bundle` is what they say of themselves, or its folder's name,
    and `version` is empty.
    """

    bundle: str
    version: str
    paths: tuple[Path, ...]
    done: T | None
    refusal: ChampError | None

    @property
    def is_elsewhere(self) -> bool:
        """Whether the bundle is for other zones, which is nothing wrong with the media."""
        return isinstance(self.refusal, WrongZone)


def take_turns(
    paths: Sequence[Path],
    judge: Callable[[Sequence[Path]], VerifiedBundle],
    act: Callable[[VerifiedBundle], T],
) -> tuple[Turn[T], ...]:
    """Let `judge` accept each bundle on the media at `paths`, then `act` on those, oldest first.

    Raises what `media.folders_of` raises; what the two raise stands in the turns.
    """
    turns: list[Turn[T]] = []
    accepted: list[VerifiedBundle] = []
    for name, own in apart(paths).items():
        try:
            accepted.append(judge(own))
        except ChampError as refusal:
            turns.append(Turn(name, "", own, None, refusal))
    for bundle in sorted(accepted, key=lambda bundle: bundle.trusted.version):
        turns.append(_turn(bundle, act))
    return tuple(turns)


def _turn(bundle: VerifiedBundle, act: Callable[[VerifiedBundle], U]) -> Turn[U]:
    name, version = bundle.document.name, bundle.document.version
    try:
        return Turn(name, version, bundle.paths, act(bundle), None)
    except ChampError as refusal:
        return Turn(name, version, bundle.paths, None, refusal)


def troubles(turns: Sequence[Turn[T]]) -> list[ChampError]:
    """What a person has to see to; bundles for other zones only where nothing is for this one."""
    refusals = [turn.refusal for turn in turns if turn.refusal and not turn.is_elsewhere]
    if refusals or any(turn.refusal is None for turn in turns):
        return refusals
    return [turn.refusal for turn in turns if turn.refusal]


def apart(paths: Sequence[Path]) -> dict[str, tuple[Path, ...]]:
    """The paths by which each bundle on the media at `paths` is named alone, by its own name.

    A medium with one bundle stays whole, and one with volumes alone goes along with theirs. Raises
    what `media.folders_of` raises.
    """
    media.folders_of(paths)
    inside = {path: media.bundle_folders(path) for path in paths}
    documents = {folder: media.said(folder) for found in inside.values() for folder in found}
    names = {folder: _name(folder, document) for folder, document in documents.items()}
    found: dict[str, tuple[Path, ...]] = {}
    for name in dict.fromkeys(names.values()):
        own = [documents[folder] for folder in names if names[folder] == name]
        document = next((one for one in own if one), None)
        found[name] = tuple(
            way
            for path, folders in inside.items()
            for way in _ways(
                path, [one for one in folders if names[one] == name], folders, document
            )
        )
    return found


def _ways(
    path: Path, fitting: list[Path], folders: list[Path], document: BundleDocument | None
) -> list[Path]:
    if not folders:
        return [path] if document and media.has_part(path, document) else []
    return [path] if fitting == folders else fitting


def _name(folder: Path, document: BundleDocument | None) -> str:
    return media.own_name(document) if document else folder.name
