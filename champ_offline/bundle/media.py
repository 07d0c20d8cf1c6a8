"""A bundle's folder on media: finding it, its documents, its volumes (FORMAT.md, "On media").

Invariant: only names this module makes are opened; nothing listed on the medium is followed, and
links are refused, so a hostile stick cannot lead a read outside its own folder.
"""

from __future__ import annotations

import stat
from pathlib import Path

from champ_offline.bundle.document import LIMIT, BundleDocument, VolumeEntry
from champ_offline.bundle.errors import NoBundle, SeveralBundles, VolumeMissing, VolumeTruncated
from champ_offline.bundle.volume import VolumeReader
from champ_offline.trust.documents import Documents

DOCUMENT = "bundle.json"
METADATA = "metadata"
TIMESTAMP, SNAPSHOT, TARGETS = "timestamp.json", "snapshot.json", "targets.json"
SHELF = "champ"
_MOST_ROOTS = 1024


def bundle_folders(path: Path) -> list[Path]:
    """The bundle folders at `path`: itself, or those on its shelf (`champ/*`), sorted by name."""
    if _is_bundle(path):
        return [path]
    shelves = [path / SHELF, path]
    for shelf in shelves:
        if shelf.is_dir():
            found = sorted(folder for folder in shelf.iterdir() if _is_bundle(folder))
            if found:
                return found
    return []


def only_bundle(path: Path) -> Path:
    """The one bundle folder at `path`; raises NoBundle, SeveralBundles."""
    found = bundle_folders(path)
    if not found:
        raise NoBundle(path=path)
    if len(found) > 1:
        raise SeveralBundles(path=path, names=", ".join(folder.name for folder in found))
    return found[0]


def root_name(version: int) -> str:
    """The file name of a root document in metadata/ (TUF specification 1.0, section 3.2)."""
    return f"{version}.root.json"


def read_documents(folder: Path) -> Documents:
    """The trust documents of a bundle folder; raises NoBundle when one is absent."""
    metadata = folder / METADATA
    roots: list[bytes] = []
    while len(roots) < _MOST_ROOTS and (metadata / root_name(len(roots) + 1)).is_file():
        roots.append(_read(metadata / root_name(len(roots) + 1)))
    return Documents(
        roots=tuple(roots),
        timestamp=_read(metadata / TIMESTAMP),
        snapshot=_read(metadata / SNAPSHOT),
        targets=_read(metadata / TARGETS),
    )


def read_bundle_document(folder: Path) -> bytes:
    """The bytes of bundle.json, not yet trusted; raises NoBundle."""
    return _read(folder / DOCUMENT)


def open_volumes(folder: Path, document: BundleDocument) -> list[VolumeReader]:
    """A reader for every volume, after all were seen to be there; raises VolumeMissing."""
    names = {entry: document.volume_name(entry) for entry in document.volumes}
    missing = [entry for entry, name in names.items() if not _is_file(folder / name)]
    if missing:
        raise VolumeMissing(
            where=folder,
            missing=len(missing),
            total=len(names),
            names=", ".join(names[entry] for entry in missing),
            blob=missing[0].first,
        )
    for entry, name in names.items():
        _refuse_empty(folder / name, name, entry)
    return [
        VolumeReader(folder / name, name, entry.size, entry.index_size, entry.index_digest)
        for entry, name in names.items()
    ]


def _refuse_empty(path: Path, name: str, entry: VolumeEntry) -> None:
    if path.stat().st_size == 0:
        raise VolumeTruncated(volume=name, found=0, size=entry.size, blob="the volume index")


def _is_bundle(folder: Path) -> bool:
    return _is_file(folder / METADATA / TIMESTAMP) or _is_file(folder / DOCUMENT)


def _is_file(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False


def _read(path: Path) -> bytes:
    if not _is_file(path):
        raise NoBundle(path=path)
    with path.open("rb") as file:
        return file.read(LIMIT)
