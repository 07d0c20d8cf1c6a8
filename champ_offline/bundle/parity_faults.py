"""What is wrong with the parity that lies beside volumes (FORMAT.md, "Parity").

Invariant: parity vouches for nothing and nothing depends on it; that it is damaged is told while
the volumes are whole, for then it can be calculated again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from champ_offline.bundle import media
from champ_offline.bundle.document import BundleDocument, VolumeEntry
from champ_offline.bundle.errors import MediumUnreadable
from champ_offline.bundle.opening import opened
from champ_offline.bundle.parity.beside import protection
from champ_offline.bundle.parity.check import documents_are_sound, good_sectors
from champ_offline.bundle.reader import released
from champ_offline.errors import ChampError, ExitCode, system_said


class ParityDamaged(ChampError):
    """A parity file is not what was written, cut off, or gone from beside its volume."""

    id = "parity.damaged"
    exit_code = ExitCode.CORRUPT
    message = (
        "The parity {path} is damaged or missing: {good} of its {total} sectors are as they were"
        " written."
    )
    remedy = (
        "Have it calculated again with `champ media repair`, while the volumes are whole; what the"
        " bundle holds does not depend on it."
    )


class SpareDocumentsDamaged(ChampError):
    """The spare copy of a bundle's documents is damaged or gone."""

    id = "parity.documents-damaged"
    exit_code = ExitCode.CORRUPT
    message = "The spare copy of the bundle's documents, {path}, is damaged or missing."
    remedy = "Have it written again with `champ media repair`, while the documents are whole."


def parity_fault(path: Path, document: BundleDocument, entry: VolumeEntry) -> ParityDamaged | None:
    """What is wrong with the file at `path` as a volume's parity; None where it is sound.

    Raises MediumUnreadable.
    """
    guard = protection(document, entry)
    good, total = 0, guard.layout.file_sectors
    if media.is_file(path):
        with released(_read(path)) as file:
            good = good_sectors(guard, file, None)
    return None if good == total else ParityDamaged(path=path, good=good, total=total)


def parity_faults(
    places: Sequence[Path], beside: Sequence[Path], document: BundleDocument, entry: VolumeEntry
) -> Iterator[ChampError]:
    """Hold every parity file of a volume against itself; raises MediumUnreadable.

    They are expected in the folders `beside` copies of the volume, and may lie in any of `places`.
    """
    if not document.parity:
        return
    name = document.parity_name(entry)
    expected = [folder / name for folder in beside]
    for path in dict.fromkeys([*expected, *media.parity_copies(places, document, entry)]):
        fault = parity_fault(path, document, entry)
        if fault is not None:
            yield fault


def spare_faults(places: Sequence[Path], document: BundleDocument) -> Iterator[ChampError]:
    """Hold documents.par of every folder with a seal against itself; raises MediumUnreadable."""
    for place in places if document.parity else ():
        path = place / media.SPARE_DOCUMENTS
        there = media.is_file(path)
        if there:
            with released(_read(path)) as file:
                there = documents_are_sound(file)
        if not there and media.is_file(place / media.METADATA / media.TIMESTAMP):
            yield SpareDocumentsDamaged(path=path)


def _read(path: Path) -> BinaryIO:
    try:
        return opened(path)
    except OSError as error:
        raise MediumUnreadable(path=path, reason=system_said(error)) from error
