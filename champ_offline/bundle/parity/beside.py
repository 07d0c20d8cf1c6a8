"""The parity files of a bundle: what they take, and writing them beside the volumes.

Invariant: everything is made from the bundle document and the source of the volumes; nothing is
read back from the medium.
"""

from __future__ import annotations

from pathlib import Path

from champ_offline.bundle.document import BundleDocument, VolumeEntry
from champ_offline.bundle.parity.encode import encode
from champ_offline.bundle.parity.layout import ENTRY, SECTOR
from champ_offline.bundle.parity.protection import Protection
from champ_offline.bundle.parity.reading import Medium
from champ_offline.bundle.target import TargetFile
from champ_offline.events import Subscriber


def protection(document: BundleDocument, entry: VolumeEntry) -> Protection:
    """How a volume of a bundle with parity is protected."""
    name = document.volume_name(entry)
    return Protection.of(name, entry.size, entry.index_digest, document.parity)


def parity_size(document: BundleDocument) -> int:
    """Bytes of all parity files beside the volumes; 0 for a bundle without parity."""
    return sum(parity_beside(document, entry) for entry in document.volumes)


def parity_beside(document: BundleDocument, entry: VolumeEntry) -> int:
    """Bytes of the parity file beside a volume; 0 for a bundle without parity."""
    if not document.parity:
        return 0
    return protection(document, entry).layout.file_sectors * SECTOR


def healing_size(document: BundleDocument, entry: VolumeEntry) -> tuple[int, int]:
    """Bytes that scratch files take while a volume is healed: at least, and at most.

    The tables in any case, and as many healed sectors as there is parity.
    """
    layout = protection(document, entry).layout
    tables = layout.capsules * layout.capsule_entries * ENTRY
    return tables, tables + layout.groups * layout.parity * SECTOR


def write_parity(
    folder: Path,
    document: BundleDocument,
    entry: VolumeEntry,
    volume: Medium,
    scratch: Path | None,
    notify: Subscriber,
) -> None:
    """Write a volume's parity file into `folder`, durably, by way of a folder for scratch files.

    Raises TargetUnwritable, what reading `volume` raises, and OSError for `scratch`.
    """
    with TargetFile(folder) as file:
        encode(protection(document, entry), volume, scratch, file.write, notify)
        file.commit(folder / document.parity_name(entry))
