"""The acts on keys and roots: making keys, drafting roots, signing them, carrying them to zones.

Composition root beside `workshop` and `appliance`: it wires the parts and decides nothing. Every
function is one verb of `champ trust`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from champ_offline.bundle.errors import SeveralBundles
from champ_offline.bundle.media import bundle_folders, read_documents
from champ_offline.bundle.target import refuse_links
from champ_offline.durable.write import make_directory, write_atomic
from champ_offline.trust import keys, places
from champ_offline.trust.errors import ExportedRootsDamaged, RootFileDamaged
from champ_offline.trust.folder import SigningFolder, read_public
from champ_offline.trust.holders import PublicKeys
from champ_offline.trust.key_errors import DraftExists, DraftStale, KeysExist, NothingToSign
from champ_offline.trust.media import TRUST_SHELF, read_roots
from champ_offline.trust.roots import (
    fingerprint,
    follow,
    read_draft,
    read_file,
    read_root,
)
from champ_offline.trust.rotation import Change, Tally, asked, draft_root, sign_draft, tally
from champ_offline.trust.view import TrustView, view_documents, view_root


@dataclass(frozen=True)
class RootSummary:
    """A root that zones can be given: its file, version, fingerprint and end."""

    root: Path
    version: int
    fingerprint: str
    expires: datetime


@dataclass(frozen=True)
class KeySummary:
    """A holder's new keys: the public file to hand over, and the key ids by role."""

    public: Path
    holder: str
    keys: dict[str, str]


@dataclass(frozen=True)
class DraftSummary:
    """A draft, or the root it became: how many signatures each root wants and who gave them."""

    file: Path
    version: int
    fingerprint: str
    complete: bool
    tallies: tuple[Tally, ...]


@dataclass(frozen=True)
class ExportSummary:
    """Roots that were written to a medium: the folder and the newest version."""

    folder: Path
    newest: int


def init_alone(
    directory: Path, holder: str, algorithm: str, lock: keys.Lock, now: datetime
) -> RootSummary:
    """One person's keys, thresholds of one, and root 1 in `directory`; raises KeysExist."""
    folder = SigningFolder(directory)
    _refuse_used(folder)
    public = folder.make_keys(holder, keys.ROLES, algorithm, lock)
    folder.make_images_key(lock)
    draft = draft_root(None, Change(added=[public]), now, str(directory))
    signer = folder.signer("root", lambda _folder: lock() or b"")
    folder.add_root(sign_draft(draft, [signer], str(directory)))
    return _root_summary(folder)


def init_together(
    directory: Path,
    added: Sequence[Path],
    thresholds: dict[str, int],
    lock: keys.Lock,
    now: datetime,
) -> DraftSummary:
    """The draft of root 1 from holders' public files, in `directory`; raises KeysExist.

    The key for image signatures is made there as well: it belongs to no single holder.
    """
    folder = SigningFolder(directory)
    _refuse_used(folder)
    change = Change(added=_publics(added), thresholds=thresholds)
    draft = draft_root(None, change, now, str(directory))
    folder.make_images_key(lock)
    return _write_draft(folder, draft, None)


def new_keys(
    directory: Path, holder: str, roles: Sequence[str], algorithm: str, lock: keys.Lock
) -> KeySummary:
    """A holder's own keys in `directory` and the public file to hand over; raises KeysExist."""
    folder = SigningFolder(directory)
    public = folder.make_keys(holder, roles, algorithm, lock)
    ids = {role: key.keyid for role, key in public.keys.items()}
    return KeySummary(folder.public_file, holder, ids)


def new_images_key(directory: Path, lock: keys.Lock) -> Path:
    """Another key for image signatures in a signing folder; its public file.

    Raises KeysExist, NotSigningFolder.
    """
    folder = SigningFolder(directory)
    folder.refuse_stranger()
    folder.make_images_key(lock)
    return folder.images_file


def rotate(
    directory: Path,
    added: Sequence[Path],
    removed: Sequence[str],
    thresholds: dict[str, int],
    now: datetime,
) -> DraftSummary:
    """The draft of the next root of `directory`; raises DraftExists, KeyUnknown and others."""
    folder = SigningFolder(directory)
    newest = folder.roots()[-1]
    change = Change(added=_publics(added), removed=removed, thresholds=thresholds)
    return _write_draft(folder, draft_root(newest, change, now, str(directory)), newest)


def sign(draft: Path, signing: Sequence[Path], unlock: keys.Unlock) -> DraftSummary:
    """Add the signatures of the folders in `signing`; a complete draft becomes the next root.

    Raises NothingToSign, DraftStale, and what loading keys raises.
    """
    folder = _folder_of(draft)
    old = _before(folder, draft)
    data = read_file(draft)
    with places.of(RootFileDamaged):
        wanted = asked(data, old, str(draft))
    for path in signing:
        holder = SigningFolder(path)
        key = holder.public().keys.get("root")
        if key is None or key.keyid not in wanted:
            raise NothingToSign(folder=path, path=draft)
        data = sign_draft(data, [holder.signer("root", unlock)], str(draft))
    write_atomic(draft, data)
    found = _draft_summary(draft, data, old)
    if not found.complete or folder is None:
        return found
    folder.add_root(data)
    draft.unlink()
    return _draft_summary(folder.root_file(found.version), data, old)


def export(media: Path, signing: Path) -> ExportSummary:
    """Write every root of a signing folder to `media`/champ/trust; nothing else is touched.

    Raises TargetLinked before.
    """
    roots = SigningFolder(signing).roots()
    shelf = media / TRUST_SHELF
    refuse_links(media, shelf)
    make_directory(shelf)
    for version, root in enumerate(roots, start=1):
        write_atomic(shelf / f"{version}.root.json", root)
    return ExportSummary(shelf, len(roots))


def show_folder(signing: Path) -> TrustView:
    """The newest root of a signing folder, and the draft that waits for signatures there.

    Where there is no root yet, the draft of the first one.
    """
    folder = SigningFolder(signing)
    if not folder.has_roots and folder.draft_file(1).is_file():
        return show_root(folder.draft_file(1))
    roots = folder.roots()
    draft = folder.draft_file(len(roots) + 1)
    with places.of(RootFileDamaged):
        waiting = tally(read_file(draft), roots[-1], str(draft)) if draft.is_file() else ()
    return view_root(roots[-1], str(signing), draft=waiting)


def show_root(path: Path) -> TrustView:
    """A root in a file, or a draft with what it lacks.

    Raises RootUnreadable, RootFileDamaged, trust errors.
    """
    data = read_file(path)
    with places.of(RootFileDamaged):
        tallies = tally(data, None, str(path))
        complete = all(one.complete for one in tallies)
        draft = () if complete else tallies
        return view_root(data, str(path), draft=draft, unsigned=not complete)


def show_media(media: Path) -> TrustView:
    """A bundle's documents under its own newest root; where there is no bundle, the roots alone.

    Raises SeveralBundles, NoSuchFolder, RootsMissing, ExportedRootsDamaged and trust errors.
    """
    folders = bundle_folders(media)
    if len(folders) > 1:
        raise SeveralBundles(path=media, names=", ".join(folder.name for folder in folders))
    if folders:
        return view_documents(read_documents(folders[0]), str(folders[0]))
    roots = read_roots(media)
    with places.of(ExportedRootsDamaged):
        shelf = media / TRUST_SHELF
        first = str(shelf / "1.root.json")
        newest, _root = follow(roots[0], roots[1:], first, folder=str(shelf), first=2)
    return view_root(newest, str(media))


def _refuse_used(folder: SigningFolder) -> None:
    used = (folder.newest_file, folder.public_file, folder.images_file, folder.draft_file(1))
    if folder.has_roots or any(path.exists() for path in used):
        raise KeysExist(path=folder.path)


def _publics(files: Sequence[Path]) -> list[PublicKeys]:
    return [read_public(path) for path in files]


def _root_summary(folder: SigningFolder) -> RootSummary:
    data = folder.roots()[-1]
    root = read_root(data, str(folder.path))
    return RootSummary(folder.newest_file, root.version, fingerprint(data), root.expires)


def _write_draft(folder: SigningFolder, draft: bytes, old: bytes | None) -> DraftSummary:
    path = folder.draft_file(read_draft(draft, str(folder.path)).signed.version)
    if path.exists():
        raise DraftExists(path=path)
    make_directory(path.parent)
    write_atomic(path, draft)
    return _draft_summary(path, draft, old)


def _draft_summary(path: Path, draft: bytes, old: bytes | None) -> DraftSummary:
    tallies = tally(draft, old, str(path))
    return DraftSummary(
        file=path,
        version=read_draft(draft, str(path)).signed.version,
        fingerprint=fingerprint(draft),
        complete=all(one.complete for one in tallies),
        tallies=tallies,
    )


def _folder_of(draft: Path) -> SigningFolder | None:
    """The signing folder whose draft this is; None for a copy that lies elsewhere."""
    folder = SigningFolder(draft.absolute().parent.parent)
    at_home = draft.absolute().parent == folder.draft_file(1).parent
    return folder if at_home and (folder.has_roots or folder.images_file.is_file()) else None


def _before(folder: SigningFolder | None, draft: Path) -> bytes | None:
    """The root that the draft follows; None for the first, and for a copy that lies elsewhere."""
    with places.of(RootFileDamaged):
        version = read_draft(read_file(draft), str(draft)).signed.version
    if folder is None:
        return None
    roots = folder.roots() if folder.has_roots else ()
    if version != len(roots) + 1:
        raise DraftStale(path=draft, found=version, folder=folder.path, wanted=len(roots) + 1)
    return roots[-1] if roots else None
