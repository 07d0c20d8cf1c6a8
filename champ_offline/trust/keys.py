"""Signing keys: Ed25519 or ECDSA P-256, one a role, in `<folder>/keys/`.

A key is `<role>.pem`, PKCS #8 locked with a passphrase (`pkcs8.py`), or `<role>.command.yaml`, a
program that signs (`external.py`). Both are securesystemslib's `Signer` to whoever signs.

Invariant: private keys exist in memory and in those files only; no error, event or document ever
carries one. This module and `pkcs8.py` are the only ones that touch private keys. The same key and
payload give the same signature (P-256: RFC 6979), so the same content packs to the same bytes.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

from cryptography.exceptions import InternalError, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)
from securesystemslib.exceptions import UnverifiedSignatureError, VerificationError
from securesystemslib.signer import Key, SecretsHandler, Signature, Signer, SSlibKey

from champ_offline.durable.write import make_directory, write_atomic
from champ_offline.errors import Phrase, system_said
from champ_offline.trust import pkcs8
from champ_offline.trust.external import SUFFIX, Command, CommandSigner
from champ_offline.trust.key_errors import (
    KeyFileOpen,
    KeyUnreadable,
    PassphraseNeeded,
    PassphraseWrong,
    PublicKeyUnreadable,
)

ROLES = ("root", "targets", "snapshot", "timestamp")
IMAGES = "images"
AUDIT = "audit"
ED25519, P256 = "ed25519", "p256"
ALGORITHMS = (ED25519, P256)
FOLDER = "keys"
HOLDER = "x-champ-holder"
_PRIVATE, _PRIVATE_FOLDER = 0o600, 0o700
_LONGEST = 64 * 1024

PrivateKey = Ed25519PrivateKey | EllipticCurvePrivateKey
Unlock = Callable[[Path], bytes]
"""Gives the passphrase of a folder's keys; asked only for locked ones."""
Lock = Callable[[], bytes | None]
"""Gives the passphrase for new keys, None for keys that are not locked; asked where one is made."""


class KeySigner(Signer):
    """securesystemslib's Signer over a private key in memory; its signatures are deterministic."""

    def __init__(self, private: PrivateKey, holder: str = "") -> None:
        self._private = private
        self._public = SSlibKey.from_crypto(private.public_key())
        if holder:
            self._public.unrecognized_fields[HOLDER] = holder

    @property
    def public_key(self) -> SSlibKey:
        """The public half, with its holder where one is known."""
        return self._public

    @classmethod
    def from_priv_key_uri(
        cls, priv_key_uri: str, public_key: Key, secrets_handler: SecretsHandler | None = None
    ) -> KeySigner:
        """Signers are made from files here, never from URIs."""
        raise NotImplementedError

    def sign(self, payload: bytes) -> Signature:
        """Ed25519 (RFC 8032), or ECDSA with SHA-256 and the nonce of RFC 6979, as DER."""
        if isinstance(self._private, Ed25519PrivateKey):
            raw = self._private.sign(payload)
        else:
            raw = self._private.sign(payload, ECDSA(SHA256(), deterministic_signing=True))
        return Signature(self._public.keyid, raw.hex())

    def pem(self, passphrase: bytes | None) -> bytes:
        """The private key as PKCS #8 PEM, locked unless `passphrase` is None."""
        if passphrase is None:
            return self._private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        der = self._private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        return pkcs8.encrypt(der, passphrase)


def generate(holder: str, algorithm: str = ED25519) -> KeySigner:
    """A new key of one of ALGORITHMS; `holder` travels with the public half."""
    if algorithm == P256:
        return KeySigner(generate_private_key(SECP256R1()), holder)
    return KeySigner(Ed25519PrivateKey.generate(), holder)


def save(signer: KeySigner, folder: Path, name: str, passphrase: bytes | None) -> None:
    """Write a private key to `folder`/keys/`name`.pem, mode 0600 from the first byte on."""
    make_directory(folder / FOLDER, _PRIVATE_FOLDER)
    write_atomic(folder / FOLDER / f"{name}.pem", signer.pem(passphrase), _PRIVATE)


def load(folder: Path, name: str, unlock: Unlock) -> Signer:
    """The signer `name` (a role, or IMAGES) of a signing folder.

    Raises KeyUnreadable, KeyFileOpen, PassphraseWrong, what `unlock` raises, and the errors of
    `typed_yaml`.
    """
    command = folder / FOLDER / f"{name}{SUFFIX}"
    if command.is_file():
        return CommandSigner(Command.from_file(command))
    return _read(folder / FOLDER / f"{name}.pem", folder, unlock)


def load_images(folder: Path, unlock: Unlock) -> Signer:
    """The P-256 key that images and apps are signed with in cosign's format; raises as `load`."""
    signer = load(folder, IMAGES, unlock)
    if algorithm_of(signer.public_key) != P256:
        path = folder / FOLDER / f"{IMAGES}.pem"
        raise KeyUnreadable(path=path, reason=Phrase("image signatures need a key of P-256"))
    return signer


def public_pem(key: Key) -> bytes:
    """A public key as PEM (SubjectPublicKeyInfo), as openssl and cosign read it.

    Raises ValueError, KeyError for one that is not of the scheme it names.
    """
    public = key.keyval["public"]
    if key.scheme == ED25519:
        loaded = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public))
        return loaded.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    try:
        other = load_pem_public_key(public.encode())
    except UnsupportedAlgorithm as error:
        raise ValueError("a key of no known kind") from error
    if not isinstance(other, EllipticCurvePublicKey) or not isinstance(other.curve, SECP256R1):
        raise ValueError("a key of another kind")  # noqa: TRY004 - as for every other wrong key
    return other.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def read_public(path: Path) -> Key:
    """The public key in a PEM file; raises PublicKeyUnreadable."""
    try:
        with path.open("rb") as file:
            public = load_pem_public_key(file.read(_LONGEST))
    except OSError as error:
        raise PublicKeyUnreadable(path=path, reason=system_said(error)) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise PublicKeyUnreadable(path=path, reason=Phrase("it is no PEM public key")) from error
    of_p256 = isinstance(public, EllipticCurvePublicKey) and isinstance(public.curve, SECP256R1)
    if not of_p256 and not isinstance(public, Ed25519PublicKey):
        raise PublicKeyUnreadable(path=path, reason=Phrase("it is neither Ed25519 nor P-256"))
    return SSlibKey.from_crypto(public)


def signed_by(key: Key, signature: bytes, payload: bytes) -> bool:
    """Whether a raw signature (as `KeySigner.sign` makes it) of `payload` is by `key`."""
    try:
        key.verify_signature(Signature(key.keyid, signature.hex()), payload)
    except (UnverifiedSignatureError, VerificationError):
        return False
    return True


def algorithm_of(key: Key) -> str:
    """The algorithm's name as people type it; the scheme's own name for any other."""
    return P256 if key.scheme == "ecdsa-sha2-nistp256" else key.scheme


def not_locked() -> None:
    """The `Lock` of keys that everybody who reads the file can use."""


def nobody(folder: Path) -> bytes:
    """The `Unlock` where nobody can be asked; raises PassphraseNeeded."""
    raise PassphraseNeeded(folder=folder)


def _read(path: Path, folder: Path, unlock: Unlock) -> KeySigner:
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            pem = file.read(_LONGEST)
    except OSError as error:
        raise KeyUnreadable(path=path, reason=system_said(error)) from error
    if pkcs8.is_costly(pem):
        raise KeyUnreadable(
            path=path, reason=Phrase("opening it would take too much memory or time")
        )
    passphrase = unlock(folder) if pkcs8.is_encrypted(pem) else None
    try:
        private = load_pem_private_key(pem, passphrase)
    except InternalError as error:
        raise KeyUnreadable(
            path=path, reason=Phrase("it is locked in a way that is not valid")
        ) from error
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        if passphrase is not None and pkcs8.is_sound(pem):
            raise PassphraseWrong(path=path) from error
        raise KeyUnreadable(path=path, reason=Phrase("it is no PEM private key")) from error
    if mode & (stat.S_IRWXG | stat.S_IRWXO) and passphrase is None:
        raise KeyFileOpen(path=path, mode=f"{mode:04o}")
    if isinstance(private, EllipticCurvePrivateKey) and isinstance(private.curve, SECP256R1):
        return KeySigner(private)
    if isinstance(private, Ed25519PrivateKey):
        return KeySigner(private)
    raise KeyUnreadable(path=path, reason=Phrase("it is neither Ed25519 nor P-256"))
