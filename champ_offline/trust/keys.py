"""Signing keys: Ed25519, PKCS #8 PEM files of mode 0600, one file a role.

Invariant: private keys exist in memory and in those files only; no error, event or document ever
carries one. This is the only module that touches private keys.
"""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives.serialization import load_pem_private_key
from securesystemslib.signer import CryptoSigner, SSlibKey

from champ_offline.durable.write import make_directory, write_atomic
from champ_offline.trust.errors import KeyUnreadable

ROLES = ("root", "targets", "snapshot", "timestamp")
HOLDER = "x-champ-holder"
_PRIVATE = 0o600


def generate(holder: str) -> CryptoSigner:
    """A new Ed25519 key; `holder` says whose it is and travels with the public half."""
    signer = CryptoSigner.generate_ed25519()
    public = signer.public_key
    if not isinstance(public, SSlibKey):
        raise TypeError(public)
    public.unrecognized_fields[HOLDER] = holder
    return signer


def save(signer: CryptoSigner, directory: Path, role: str) -> None:
    """Write the private key of `role` to `directory/<role>.pem`, mode 0600 from the first byte."""
    make_directory(directory, 0o700)
    write_atomic(directory / f"{role}.pem", signer.private_bytes, _PRIVATE)


def load(directory: Path, role: str) -> CryptoSigner:
    """The signing key of `role`; raises KeyUnreadable."""
    path = directory / f"{role}.pem"
    try:
        return CryptoSigner(load_pem_private_key(path.read_bytes(), password=None))
    except (OSError, ValueError, TypeError) as error:
        reason = (
            error.strerror if isinstance(error, OSError) else "it is not an unencrypted PEM key"
        )
        raise KeyUnreadable(path=path, reason=reason or str(error)) from error
