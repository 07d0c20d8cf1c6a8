"""What lies sealed where a bundle is to be written, told from its documents and its files' sizes.

Invariant: a look changes nothing and reads no volume, and no more is claimed than was looked at.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from champ_offline.bundle import media
from champ_offline.bundle.at_hand import few, spans
from champ_offline.bundle.document import BundleDocument, VolumeEntry
from champ_offline.bundle.parity.beside import protection
from champ_offline.bundle.parity.layout import SECTOR
from champ_offline.bundle.volume import INDEXES
from champ_offline.errors import ChampError, ExitCode
from champ_offline.oci.digest import Digest

_SIGNED = (
    media.DOCUMENT,
    *(f"{media.METADATA}/{name}" for name in (media.TARGETS, media.SNAPSHOT, media.TIMESTAMP)),
)


class TargetOccupied(ChampError):
    """Base of the errors for folders that hold something sealed."""


class TargetTaken(TargetOccupied):
    """All of a pack of the bundle lies there, as far as it was looked at."""

    id = "pack.target-taken"
    exit_code = ExitCode.USAGE
    message = (
        "{path} already holds {bundle}, packed on {created}: all of its files are there in their"
        " sizes; volumes were not read."
    )
    remedy = (
        "A bundle is never overwritten: choose another medium, or remove that folder and run this"
        " again. `champ verify` tells whether what lies there is sound."
    )


class TargetOther(TargetOccupied):
    """Another bundle, or another pack of it, lies there."""

    id = "pack.target-other"
    exit_code = ExitCode.USAGE
    message = (
        "{path} holds another pack: {found}, packed on {created}. To be written was {bundle},"
        " packed on {wanted}."
    )
    remedy = (
        "A bundle is never overwritten: choose another medium; or, if nobody needs that pack,"
        " remove that folder and run this again."
    )


class TargetDamaged(TargetOccupied):
    """A copy of the bundle lies there that is damaged."""

    id = "pack.target-damaged"
    exit_code = ExitCode.CORRUPT
    message = (
        "{path} holds a damaged copy of {bundle}. Files that are missing or not as they must be:"
        " {files}."
    )
    remedy = (
        "To keep it, mend it with `champ media repair`; or remove that folder and run this again."
    )


class TargetBehind(TargetOccupied):
    """The bundle lies there as it was written before the zone met newer roots."""

    id = "pack.target-behind"
    exit_code = ExitCode.USAGE
    message = "{path} holds {bundle} without roots that this zone met since: {files}."
    remedy = (
        "A zone that has these roots takes it as it is. To have them go along, remove that folder"
        " and run this again."
    )


class TargetPart(TargetOccupied):
    """Some volumes of the bundle lie there."""

    id = "pack.target-part"
    exit_code = ExitCode.USAGE
    message = "{path} holds a part of {bundle}: volumes {there} of {total}."
    remedy = (
        "It is one of several media, or it lost the others; nothing there tells which. Name the"
        " media with the rest as well; or make it whole with `champ media repair --whole`; or"
        " remove that folder and run this again."
    )


def occupied(
    folders: Sequence[Path], wanted: BundleDocument, files: Mapping[str, bytes] | None = None
) -> TargetOccupied:
    """What the sealed `folders`, at least one, hold where `wanted` was to be written.

    `files` are the documents of that very pack, by their path, where it was signed already; other
    packs are held against what they say of themselves. Raises MediumUnreadable.
    """
    label = f"{wanted.name} {wanted.version}"
    there: set[int] = set()
    documents: list[BundleDocument] = []
    for folder in folders:
        said = media.said(folder)
        if said is not None and _is_another(folder, said, wanted, files):
            found = f"{said.name} {said.version}"
            created, to_come = said.created, wanted.created
            return TargetOther(
                path=folder, found=found, created=created, bundle=label, wanted=to_come
            )
        # How large parity may be is for a signed document alone to say.
        unsigned = replace(said, parity=0) if said else None
        document = wanted if files is not None else unsigned
        wrong = list(_wrong(folder, document, files))
        if wrong:
            return _damaged(folder, label, wrong, files or {})
        if document is not None and document == (documents or [document])[0]:
            documents.append(document)
            there |= {one.number for one in document.volumes if _size(folder, document, one)}
    total = len(documents[0].volumes)
    if len(there) < total:
        path = few([str(folder) for folder in folders])
        return TargetPart(path=path, bundle=label, there=spans(there) or "0", total=total)
    return TargetTaken(path=folders[0], bundle=label, created=documents[0].created)


def _is_another(
    folder: Path, said: BundleDocument, wanted: BundleDocument, files: Mapping[str, bytes] | None
) -> bool:
    """By its name; a pack with none of the documents is another, with some it is damaged."""
    if (said.name, said.version) != (wanted.name, wanted.version):
        return True
    return files is not None and not any(_holds(folder / name, files[name]) for name in _SIGNED)


def _damaged(
    folder: Path, label: str, wrong: Sequence[str], files: Mapping[str, bytes]
) -> TargetOccupied:
    """Where only the last of the roots are not there, they came to the zone later."""
    roots = [path for path in files if path.endswith(".root.json")]
    late = len(wrong) < len(roots) and list(wrong) == roots[-len(wrong) :]
    if late and not any(media.is_file(folder / path) for path in wrong):
        return TargetBehind(path=folder, bundle=label, files=few(wrong))
    return TargetDamaged(path=folder, bundle=label, files=few(wrong))


def _wrong(
    folder: Path, document: BundleDocument | None, files: Mapping[str, bytes] | None
) -> Iterator[str]:
    """Files that are not as they must be; a volume may lie elsewhere, its parity then too."""
    if document is None:
        yield media.DOCUMENT
        return
    for name in _SIGNED if files is None else files:
        sound = (
            media.is_file(folder / name) if files is None else _holds(folder / name, files[name])
        )
        if not sound:
            yield name
    if document.parity and not media.is_file(folder / media.SPARE_DOCUMENTS):
        yield media.SPARE_DOCUMENTS
    for entry in document.volumes:
        name = f"{INDEXES}/{entry.number:04}.json"
        data = media.content_of(folder / name, entry.index_size + 1)
        if data is None or Digest.of(data) != entry.index_digest:
            yield name
        size = _size(folder, document, entry)
        if size not in {None, entry.size}:
            yield document.volume_name(entry)
        parity = folder / document.parity_name(entry)
        if document.parity and size and _length(parity) != _parity_size(document, entry):
            yield parity.name


def _parity_size(document: BundleDocument, entry: VolumeEntry) -> int:
    return protection(document, entry).layout.file_sectors * SECTOR


def _size(folder: Path, document: BundleDocument, entry: VolumeEntry) -> int | None:
    return _length(folder / document.volume_name(entry))


def _length(path: Path) -> int | None:
    return path.lstat().st_size if media.is_file(path) else None


def _holds(path: Path, data: bytes) -> bool:
    return media.content_of(path, len(data) + 1) == data
