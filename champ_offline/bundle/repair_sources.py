"""Which of the bundles at hand may help to mend a medium.

Invariant: what a source says of itself only decides whether it is asked; every byte it gives is
held against what was signed.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from champ_offline.bundle import media
from champ_offline.bundle.document import BundleDocument
from champ_offline.bundle.repair_errors import OtherBundle
from champ_offline.errors import ChampError


def places_for(
    own: Sequence[Path], mine: BundleDocument | None, sources: Sequence[Path]
) -> list[Path]:
    """Of each source its copies of the medium's bundle, by name; the source itself without any.

    `own` are the bundle's folders on the medium, `mine` its document if that is trusted. Raises
    OtherBundle.
    """
    names = {folder.name for folder in own}
    if mine is not None:
        names.add(media.own_name(mine))
        _refuse_other_bundle(own[0], mine, sources)
    return [place for path in sources for place in _named(path, names)]


def _named(path: Path, names: set[str]) -> list[Path]:
    return [one for one in media.bundle_folders(path) if one.name in names] or [path]


def _refuse_other_bundle(medium: Path, mine: BundleDocument, sources: Sequence[Path]) -> None:
    """A source with bundles, none of which is the medium's, is a mistake; a silent one may help."""
    name = media.own_name(mine)
    for path in sources:
        found: list[str] = []
        for folder in media.bundle_folders(path):
            with suppress(ChampError):
                data = media.read_bundle_document(folder)
                found.append(media.own_name(BundleDocument.from_bytes(data, str(folder))))
        if found and name not in found:
            raise OtherBundle(medium=medium, bundle=name, other=path, found=", ".join(found))
