"""Which of the bundles at hand may help to mend a medium, and which of a zone's papers.

Invariant: what a source says of itself only decides whether it is asked; every byte it gives is
held against what was signed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from champ_offline.bundle import media
from champ_offline.bundle.document import BundleDocument
from champ_offline.bundle.errors import VolumeFault, VolumeStale
from champ_offline.bundle.held import HeldBundles
from champ_offline.bundle.offer import Offer
from champ_offline.bundle.reader import VolumeReader
from champ_offline.bundle.repair_errors import OtherBundle
from champ_offline.oci.digest import Digest


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


def offer_for(
    medium: Path, own: Sequence[Path], mine: Digest | None, held: HeldBundles | None
) -> Offer | None:
    """The papers of the very pack that the medium carries; None where a zone holds none, or many.

    `mine` is the digest of the medium's bundle.json if its documents are trusted. Else what lies
    there tells: a pack of whose documents one is whole, then one whose volumes these are; one that
    is alone of its name will do if nothing there is another's.
    """
    found = [] if held is None else list(_offers(medium, own, mine, held))
    if mine is not None:
        return found[0][0] if found else None
    fits = [(_fit(offer, document), offer) for offer, document in found]
    best = max((fit for fit, _ in fits if fit is not None), default=None)
    chosen = [offer for fit, offer in fits if fit is not None and fit == best]
    # Packs of one content have the same volumes: the newest will do.
    return chosen[-1] if len(chosen) == 1 or (best is not None and any(best)) else None


def _offers(
    medium: Path, own: Sequence[Path], mine: Digest | None, held: HeldBundles
) -> Iterator[tuple[Offer, BundleDocument]]:
    """What the zone kept of packs that the medium may carry, oldest first."""
    for one in held.ever():
        if one.retired or mine not in {None, one.digest}:
            continue
        for folder in (own or folders_for(medium, one.document))[:1]:
            offer = Offer(folder, one.digest, held.papers.of(one.digest))
            if offer.documents and (mine or _may_be(folder, one.document, own)):
                yield offer, one.document


def folders_for(medium: Path, document: BundleDocument) -> list[Path]:
    """Where on a medium without documents the bundle may lie, the likeliest first."""
    own = media.own_name(document)
    shelves = (medium / media.SHELF / own, medium / own)
    found = [
        folder
        for folder in shelves
        if folder.is_dir() and not folder.is_symlink() and not folder.parent.is_symlink()
    ]
    return [*found, *([medium] if _has_volume(medium, document) else [])]


def _has_volume(folder: Path, document: BundleDocument) -> bool:
    return any(media.is_file(folder / document.volume_name(one)) for one in document.volumes)


def _may_be(folder: Path, document: BundleDocument, own: Sequence[Path]) -> bool:
    """Whether the folder says by its name, its files or its bundle.json that it is the bundle's."""
    if not own or folder.name == media.own_name(document) or _has_volume(folder, document):
        return True
    said = media.said(folder)
    return said is not None and media.own_name(said) == media.own_name(document)


def _fit(offer: Offer, document: BundleDocument) -> tuple[int, int] | None:
    """How many documents there are the pack's, and volumes; None where another pack's are there."""
    folder, papers = offer.folder, offer.papers
    said = media.said(folder)
    if said and said.created != document.created and said.volume_set != document.volume_set:
        return None
    signed = (media.TIMESTAMP, media.SNAPSHOT, media.TARGETS)
    names = (media.DOCUMENT, *(f"{media.METADATA}/{name}" for name in signed))
    whole = sum(_holds(folder / name, papers[name]) for name in names)
    volumes, others = 0, 0
    for entry in document.volumes:
        path = folder / document.volume_name(entry)
        if media.is_file(path):
            try:
                VolumeReader(path, path.name, entry).index(document)
                volumes += 1
            except VolumeStale:
                others += 1
            except VolumeFault:
                continue
    return None if others and not (whole or volumes) else (whole, volumes)


def _holds(path: Path, data: bytes) -> bool:
    return media.content_of(path, len(data) + 1) == data


def _named(path: Path, names: set[str]) -> list[Path]:
    return [one for one in media.bundle_folders(path) if one.name in names] or [path]


def _refuse_other_bundle(medium: Path, mine: BundleDocument, sources: Sequence[Path]) -> None:
    """A source with bundles, none of which is the medium's, is a mistake; a silent one may help."""
    name = media.own_name(mine)
    for path in sources:
        said = map(media.said, media.bundle_folders(path))
        found = [media.own_name(document) for document in said if document]
        if found and name not in found:
            raise OtherBundle(medium=medium, bundle=name, other=path, found=", ".join(found))
