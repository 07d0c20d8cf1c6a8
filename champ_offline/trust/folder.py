"""Signing folders: the keys of one holder, and the public roots (FORMAT.md, "Signing folders").

Invariant: roots are only added, each following from the one before it; whoever is to sign is known
from public files before any key is unlocked.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from securesystemslib.signer import Signer
from tuf.api.metadata import Root

from champ_offline.durable.write import make_directory, write_atomic
from champ_offline.errors import ChampError, Phrase, system_said
from champ_offline.trust import keys, places
from champ_offline.trust.documents import Signers
from champ_offline.trust.errors import RootsGap, RootUnsigned, SigningFolderDamaged
from champ_offline.trust.external import SUFFIX, Command, CommandSigner
from champ_offline.trust.holders import PublicKeys, holder_of
from champ_offline.trust.key_errors import (
    AuditKeyMissing,
    ImagesKeyMissing,
    KeysExist,
    KeysMissing,
    KeyUnreadable,
    NoRootsHere,
    NotSigningFolder,
    RootsDiffer,
)
from champ_offline.trust.roots import follow, read_file, read_root, root_files
from champ_offline.trust.trusted import BUNDLE_ROLES

PUBLIC_LIMIT = 64 * 1024
_PROBE = b"champ: is this key there?"


class SigningFolder:
    """One folder: `keys/` and its `public.json`, `images.pub`, `audit.pub`; `roots/`, `root.json`
    and `draft/`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.public_file = path / "public.json"
        self.images_file = path / "images.pub"
        self.audit_file = path / "audit.pub"
        self.newest_file = path / "root.json"
        self._roots = path / "roots"

    @property
    def has_roots(self) -> bool:
        """Whether public roots lie here, or only keys."""
        return self.root_file(1).is_file()

    def root_file(self, version: int) -> Path:
        """Where the root of a version lies."""
        return self._roots / f"{version}.root.json"

    def draft_file(self, version: int) -> Path:
        """Where the draft of a root lies while it is being signed."""
        return self.path / "draft" / f"{version}.root.json"

    def roots(self) -> tuple[bytes, ...]:
        """All roots in order, each seen to follow.

        Raises NotSigningFolder, RootUnsigned where the first one is still a draft, RootsGap also
        where `root.json` is newer, SigningFolderDamaged, and trust errors.
        """
        if not self.has_roots:
            raise self._without_roots()
        found = tuple(read_file(path) for path in root_files(self._roots))
        with places.of(SigningFolderDamaged):
            shelf, first = str(self._roots), str(self.root_file(1))
            _newest, root = follow(found[0], found[1:], first, folder=shelf, first=2)
            if root.version != len(found):
                raise NotSigningFolder(
                    path=self.path, reason=Phrase("its roots do not follow one another")
                )
            if self.newest_file.is_file():
                carried = read_root(read_file(self.newest_file), str(self.newest_file)).version
                if carried > root.version:
                    raise RootsGap(path=self._roots, missing=root.version + 1, newest=carried)
        return found

    def _without_roots(self) -> ChampError:
        """Why there are none: the folder does not exist, waits for signatures, or is another."""
        draft = self.draft_file(1)
        if draft.is_file():
            return RootUnsigned(path=draft)
        if self.public_file.is_file():
            return NoRootsHere(path=self.path)
        exists = self.path.is_dir()
        reason = Phrase("it has no roots/1.root.json") if exists else Phrase("it does not exist")
        return NotSigningFolder(path=self.path, reason=reason)

    def refuse_stranger(self) -> None:
        """Raises NotSigningFolder where neither roots, nor a draft of one, nor keys lie here."""
        places = (self.public_file, self.draft_file(1), self.path / keys.FOLDER)
        if not self.has_roots and not any(place.exists() for place in places):
            raise self._without_roots()

    def add_root(self, data: bytes) -> None:
        """Keep a root that was found complete, first under its number, then as `root.json`."""
        make_directory(self._roots)
        write_atomic(self.root_file(read_root(data, str(self.path)).version), data)
        write_atomic(self.newest_file, data)

    def public(self) -> PublicKeys:
        """The public half of the keys here; raises NotSigningFolder, PublicFileUnreadable."""
        return read_public(self.public_file)

    def signer(self, role: str, unlock: keys.Unlock) -> Signer:
        """The signer of a role, seen to be the one that `public.json` names; raises as `load`."""
        signer = keys.load(self.path, role, unlock)
        if signer.public_key.keyid != self.public().keys[role].keyid:
            path = self.path / keys.FOLDER / f"{role}.pem"
            raise KeyUnreadable(path=path, reason=Phrase("public.json names another key"))
        return signer

    def make_keys(
        self, holder: str, roles: Sequence[str], algorithm: str, lock: keys.Lock
    ) -> PublicKeys:
        """Make a key for each role (adopting signer files that lie there) and the public file.

        Raises KeysExist, what `lock` raises, and SignerFailed and its like for a program that does
        not sign.
        """
        folder = self.path / keys.FOLDER
        if self.public_file.exists() or any((folder / f"{role}.pem").exists() for role in roles):
            raise KeysExist(path=self.path)
        adopted = {r: command for r in roles if (command := self._command(r)) is not None}
        made = {r: keys.generate(holder, algorithm) for r in roles if r not in adopted}
        passphrase = lock() if made else None
        for command in adopted.values():
            CommandSigner(command).sign(_PROBE)
        order = {r: made[r].public_key if r in made else adopted[r].key for r in roles}
        public = PublicKeys(holder, order)
        for role, signer in made.items():
            keys.save(signer, self.path, role, passphrase)
        write_atomic(self.public_file, public.to_bytes())
        return public

    def make_images_key(self, lock: keys.Lock) -> None:
        """Make the key for image signatures and its public half in PEM; raises as `make_keys`."""
        self._make_lone(keys.IMAGES, self.images_file, keys.P256, lock)

    def make_audit_key(self, algorithm: str, lock: keys.Lock) -> None:
        """Make the key for exported audit chains and its public half; raises as `make_keys`."""
        self._make_lone(keys.AUDIT, self.audit_file, algorithm, lock)

    def audit_signer(self, unlock: keys.Unlock) -> Signer:
        """The key for exported audit chains; raises AuditKeyMissing, and as `keys.load`."""
        folder = self.path / keys.FOLDER
        if not any((folder / f"{keys.AUDIT}{end}").is_file() for end in (".pem", SUFFIX)):
            raise AuditKeyMissing(path=self.path)
        return keys.load(self.path, keys.AUDIT, unlock)

    def _make_lone(self, name: str, public_file: Path, algorithm: str, lock: keys.Lock) -> None:
        """Make a key of no role, or take over the signer file that lies in its place."""
        private = self.path / keys.FOLDER / f"{name}.pem"
        if public_file.exists() or private.exists():
            raise KeysExist(path=self.path)
        command = self._command(name)
        if command is None:
            signer = keys.generate("", algorithm)
            keys.save(signer, self.path, name, lock())
        public = signer.public_key if command is None else command.key
        write_atomic(public_file, keys.public_pem(public))

    def _command(self, name: str) -> Command | None:
        path = self.path / keys.FOLDER / f"{name}{SUFFIX}"
        return Command.from_file(path) if path.is_file() else None


def read_public(path: Path) -> PublicKeys:
    """A holder's public file; raises NotSigningFolder, PublicFileUnreadable."""
    try:
        with path.open("rb") as file:
            data = file.read(PUBLIC_LIMIT)
    except OSError as error:
        reason = Phrase("{name}: {why}", name=path.name, why=system_said(error))
        raise NotSigningFolder(path=path.parent, reason=reason) from error
    return PublicKeys.from_bytes(data, str(path))


def common_roots(folders: Sequence[SigningFolder]) -> tuple[bytes, ...]:
    """The longest line of roots among the folders; raises RootsDiffer, NotSigningFolder."""
    holding = [folder for folder in folders if folder.has_roots] or list(folders[:1])
    lines = [(folder, folder.roots()) for folder in holding]
    longest, roots = max(lines, key=lambda line: len(line[1]))
    for folder, line in lines:
        for version, (one, other) in enumerate(zip(line, roots, strict=False), start=1):
            if one != other:
                raise RootsDiffer(path=folder.path, other=longest.path, version=version)
    return roots


def bundle_signers(folders: Sequence[SigningFolder], root: Root, unlock: keys.Unlock) -> Signers:
    """Everybody who can sign a bundle: for each role, the keys here that `root` gives it.

    Raises KeysMissing, before any key is unlocked, where a threshold cannot be reached.
    """
    chosen: dict[str, dict[str, SigningFolder]] = {role: {} for role in BUNDLE_ROLES}
    for folder in folders:
        if not folder.public_file.is_file():
            continue
        for role, key in folder.public().keys.items():
            if role in chosen and key.keyid in root.roles[role].keyids:
                chosen[role][key.keyid] = folder
    for role, found in chosen.items():
        _refuse_few(root, role, set(found))
    return {
        role: [found[keyid].signer(role, unlock) for keyid in sorted(found)]
        for role, found in chosen.items()
    }


def images_signer(folders: Sequence[SigningFolder], unlock: keys.Unlock) -> Signer:
    """The key for image signatures, from the first folder that has it; raises ImagesKeyMissing."""
    for folder in folders:
        if folder.images_file.is_file():
            return keys.load_images(folder.path, unlock)
    raise ImagesKeyMissing


def _refuse_few(root: Root, role: str, found: set[str]) -> None:
    needed = root.roles[role].threshold
    if len(found) < needed:
        others = {
            holder_of(root.keys[keyid]) for keyid in root.roles[role].keyids if keyid not in found
        }
        raise KeysMissing(
            role=role, needed=needed, found=len(found), holders=", ".join(sorted(others))
        )
