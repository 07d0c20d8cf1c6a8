"""A bundle's folders on media: finding them, their documents, volumes and loose blobs.

See FORMAT.md, "On media". Invariant: only names this module makes are opened; nothing listed on a
medium is followed, and links are refused, so a hostile stick cannot lead a read outside its own
folder.
"""

from __future__ import annotations

import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path

from champ_offline.bundle.document import LIMIT, BundleDocument, VolumeEntry
from champ_offline.bundle.errors import (
    BundleBelow,
    DocumentMissing,
    MediumUnreadable,
    NoBundle,
    SeveralBundles,
)
from champ_offline.bundle.opening import opened
from champ_offline.bundle.parity.documents import restore_documents
from champ_offline.bundle.volume import INDEXES, Member
from champ_offline.errors import ChampError, system_said
from champ_offline.trust.documents import Documents
from champ_offline.trust.key_errors import NoSuchFolder
from champ_offline.trust.roots import LONGEST

DOCUMENT = "bundle.json"
METADATA = "metadata"
SPARE_DOCUMENTS = "documents.par"
TIMESTAMP, SNAPSHOT, TARGETS = "timestamp.json", "snapshot.json", "targets.json"
SHELF = "champ"
_MOST_ROOTS = 1024
_ROOTS_LIMIT = 16 * 1024 * 1024
# A stick full of other files is no reason to read all their names.
_MOST_NAMES = 100_000
_MOST_BUNDLES = 100


def bundle_folders(path: Path) -> list[Path]:
    """The bundle folders at `path`: itself, or those on its shelf (`champ/*`), sorted by name."""
    if _is_bundle(path):
        return [path]
    for shelf in (path / SHELF, path):
        if (shelf == path and leads_to_folder(path)) or _is_folder(shelf):
            inside = _names_in(shelf)
            found = sorted(folder for folder in inside if _is_folder(folder) and _is_bundle(folder))
            if len(found) > _MOST_BUNDLES:
                raise SeveralBundles(path=path, names=f"{found[0].name} … (+{len(found) - 1})")
            if found:
                return found
    return []


def folders_of(paths: Sequence[Path]) -> list[Path]:
    """The bundle folders at all of `paths`, each once.

    Raises NoSuchFolder for a path that does not exist, MediumUnreadable, NoBundle and BundleBelow
    where there is no bundle at any.
    """
    for path in paths:
        if not is_there(path):
            raise NoSuchFolder(path=path)
    found = [folder for path in paths for folder in bundle_folders(path)]
    if not found:
        below = [one for path in paths for one in _media_in(path)]
        if below:
            names = ", ".join(str(one) for one in below)
            raise BundleBelow(path=", ".join(str(path) for path in paths), names=names)
        raise NoBundle(path=", ".join(str(path) for path in paths))
    return _once(found)


def has_part(path: Path, document: BundleDocument) -> bool:
    """Whether anything of the bundle lies on the medium at `path`: documents, volumes, blobs."""
    own = own_name(document)
    folders = bundle_folders(path)
    where = places([path], [folder for folder in folders if folder.name == own], document)
    if any(folder in where or _is_of(folder, document) for folder in folders):
        return True
    return bool(loose_places(where)) or any(
        volume_copies(where, document, entry)
        or parity_copies(where, document, entry)
        or any(index_copies(where, entry))
        for entry in document.volumes
    )


def no_files(where: Iterable[Path], name: str) -> list[Path]:
    """What has the name in any of the folders and is no ordinary file."""
    return [place / name for place in where if _is_no_file(place / name)]


def places(paths: Sequence[Path], folders: Sequence[Path], document: BundleDocument) -> list[Path]:
    """Where files of the bundle may lie: its folders, and those that may hold volumes alone."""
    own = own_name(document)
    shelves = [shelf for path in paths for shelf in (path / SHELF, path)]
    deeper = [shelf / own for shelf in shelves if shelf in paths or _is_folder(shelf)]
    more = [path for path in paths if leads_to_folder(path)]
    return _once([*folders, *more, *(place for place in deeper if _is_folder(place))])


def own_name(document: BundleDocument) -> str:
    """The name of a bundle's folder."""
    return f"{document.name}-{document.version}"


def home(top: Path, document: BundleDocument) -> Path:
    """Where on the medium at `top` a bundle is written."""
    return top / SHELF / own_name(document)


def root_name(version: int) -> str:
    """The file name of a root document in metadata/ (TUF specification 1.0, section 3.2)."""
    return f"{version}.root.json"


def read_documents(folder: Path) -> Documents:
    """The trust documents of a bundle folder; raises DocumentMissing."""
    metadata = folder / METADATA
    return Documents(
        roots=read_roots(folder),
        timestamp=_read(metadata / TIMESTAMP, LONGEST),
        snapshot=_read(metadata / SNAPSHOT, LONGEST),
        targets=_read(metadata / TARGETS, LONGEST),
    )


def read_roots(folder: Path) -> tuple[bytes, ...]:
    """The roots of a bundle folder, ascending from the first."""
    metadata = folder / METADATA
    roots: list[bytes] = []
    room = _ROOTS_LIMIT if _is_folder(metadata) else 0
    while room and len(roots) < _MOST_ROOTS and is_file(metadata / root_name(len(roots) + 1)):
        roots.append(_read(metadata / root_name(len(roots) + 1), min(LONGEST, room)))
        room = max(1, room - len(roots[-1]))
    return tuple(roots)


def roots_at_hand(folder: Path) -> list[bytes]:
    """Every root in a bundle folder that can be read, also those behind a gap, and parity's."""
    found: list[bytes] = []
    room = _ROOTS_LIMIT
    metadata = folder / METADATA
    for number in range(1, _MOST_ROOTS + 1):
        with suppress(ChampError):
            if room > 0 and _is_folder(metadata) and is_file(metadata / root_name(number)):
                found.append(_read(metadata / root_name(number), min(LONGEST, room)))
                room -= len(found[-1])
    with suppress(ChampError):
        spare = spare_documents(folder)
        found += spare[0].roots if spare else ()
    return found


def read_bundle_document(folder: Path) -> bytes:
    """The bytes of bundle.json, not yet trusted; raises DocumentMissing."""
    return _read(folder / DOCUMENT, LIMIT)


def said(folder: Path) -> BundleDocument | None:
    """What bundle.json says there, trusted or not; None where it cannot be read."""
    try:
        return BundleDocument.from_bytes(read_bundle_document(folder), str(folder))
    except ChampError:
        return None


def document_files(bundle: bytes, signed: Documents) -> dict[str, bytes]:
    """A bundle's documents by their path in its folder, in the order they are written."""
    roots = {root_name(number): root for number, root in enumerate(signed.roots, start=1)}
    last = {TARGETS: signed.targets, SNAPSHOT: signed.snapshot, TIMESTAMP: signed.timestamp}
    return {DOCUMENT: bundle} | {f"{METADATA}/{n}": data for n, data in (roots | last).items()}


def documents_in(files: Mapping[str, bytes]) -> Documents:
    """The trust documents among files, by their path in a bundle's folder, unchecked.

    Raises KeyError where one is not there.
    """
    roots: list[bytes] = []
    while (path := f"{METADATA}/{root_name(len(roots) + 1)}") in files:
        roots.append(files[path])
    signed = (files[f"{METADATA}/{name}"] for name in (TIMESTAMP, SNAPSHOT, TARGETS))
    timestamp, snapshot, targets = signed
    return Documents(tuple(roots), timestamp, snapshot, targets)


def spare_documents(folder: Path) -> tuple[Documents, bytes] | None:
    """The trust documents and bundle.json as parity gives them back, not yet trusted.

    None where the bundle has no parity, or too little of it is left.
    """
    path = folder / SPARE_DOCUMENTS
    if not is_file(path):
        return None
    try:
        with opened(path) as file:
            found = restore_documents(file) or {}
    except OSError as error:
        raise MediumUnreadable(path=path, reason=system_said(error)) from error
    try:
        return documents_in(found), found[DOCUMENT]
    except KeyError:
        return None


def parity_copies(
    where: Iterable[Path], document: BundleDocument, entry: VolumeEntry
) -> list[Path]:
    """The files that carry the name of the volume's parity, in the order of `where`."""
    name = document.parity_name(entry)
    return [place / name for place in where if document.parity and is_file(place / name)]


def volume_copies(
    where: Iterable[Path], document: BundleDocument, entry: VolumeEntry
) -> list[Path]:
    """The files that carry the volume's name, in the order of `where`."""
    name = document.volume_name(entry)
    return [place / name for place in where if is_file(place / name)]


def index_copies(where: Iterable[Path], entry: VolumeEntry) -> Iterator[Path]:
    """The copies of a volume's index that lie beside the volumes."""
    for place in where:
        path = place / INDEXES / f"{entry.number:04}.json"
        if _is_folder(path.parent) and is_file(path):
            yield path


def read_index(path: Path, entry: VolumeEntry) -> bytes:
    """The bytes of such a copy; raises MediumUnreadable."""
    return _bytes_of(path, entry.index_size + 1)


def loose_places(where: Iterable[Path]) -> list[Path]:
    """Those of the folders that hold blobs outside of volumes."""
    return [
        place
        for place in where
        if _is_folder(place / "blobs") and _is_folder(place / "blobs" / "sha256")
    ]


def loose_copy(place: Path, member: Member) -> Path | None:
    """The file of a member outside of volumes, if the folder has it in that size."""
    path = place / member.name
    return path if is_file(path) and path.lstat().st_size == member.size else None


def content_of(path: Path, most: int) -> bytes | None:
    """A file's first bytes; None where there is no such file or it cannot be read."""
    if path.parent.is_symlink() or not is_file(path):
        return None
    try:
        with opened(path) as file:
            return file.read(most)
    except OSError:
        return None


def is_file(path: Path) -> bool:
    """Whether the path is an ordinary file; links, devices and pipes are none."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise MediumUnreadable(path=path, reason=system_said(error)) from error


def _is_no_file(path: Path) -> bool:
    try:
        return not stat.S_ISREG(path.lstat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise MediumUnreadable(path=path, reason=system_said(error)) from error


def _is_of(folder: Path, document: BundleDocument) -> bool:
    """Whether a folder with another name says that it holds the bundle."""
    found = said(folder)
    return found is not None and own_name(found) == own_name(document)


def _media_in(path: Path) -> list[Path]:
    """The folders in `path` that hold bundles as media do."""
    if not leads_to_folder(path):
        return []
    inside = sorted(one for one in _names_in(path)[:_MOST_BUNDLES] if _is_folder(one))
    return [one for one in inside if bundle_folders(one)]


def is_there(path: Path) -> bool:
    """Whether a path that a person named exists; raises MediumUnreadable."""
    return _mode(path, links=True) is not None


def leads_to_folder(path: Path) -> bool:
    """Whether a path that a person named leads to a folder; raises MediumUnreadable."""
    mode = _mode(path, links=True)
    return mode is not None and stat.S_ISDIR(mode)


def _is_folder(path: Path) -> bool:
    """Whether a path on a medium is a folder of its own; a link to one is none."""
    mode = _mode(path, links=False)
    return mode is not None and stat.S_ISDIR(mode)


def _mode(path: Path, *, links: bool) -> int | None:
    """The mode of what lies at a path, `links` followed; None where nothing does."""
    try:
        return path.stat(follow_symlinks=links).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise MediumUnreadable(path=path, reason=system_said(error)) from error


def _names_in(folder: Path) -> list[Path]:
    try:
        return list(islice(folder.iterdir(), _MOST_NAMES))
    except OSError as error:
        raise MediumUnreadable(path=folder, reason=system_said(error)) from error


def _is_bundle(folder: Path) -> bool:
    metadata = folder / METADATA
    signed = _is_folder(metadata) and is_file(metadata / TIMESTAMP)
    return signed or is_file(folder / DOCUMENT) or is_file(folder / SPARE_DOCUMENTS)


def _once(paths: Iterable[Path]) -> list[Path]:
    kept: dict[Path, Path] = {}
    for path in paths:
        kept.setdefault(path.resolve(), path)
    return list(kept.values())


def _read(path: Path, most: int) -> bytes:
    """The document, or one byte more than `most` of it: a document that is cut off is refused."""
    linked = path.parent.name == METADATA and not _is_folder(path.parent)
    if linked or not is_file(path):
        raise DocumentMissing(path=path)
    return _bytes_of(path, most + 1)


def _bytes_of(path: Path, most: int) -> bytes:
    try:
        with opened(path) as file:
            return file.read(most)
    except OSError as error:
        raise MediumUnreadable(path=path, reason=system_said(error)) from error
