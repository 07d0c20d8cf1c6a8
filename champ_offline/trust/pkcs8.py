"""Encrypted private keys: PKCS #8 EncryptedPrivateKeyInfo with PBES2, scrypt and AES-256-CBC.

RFC 5958 section 3, RFC 8018 section 6.2, RFC 7914 section 7. `cryptography` reads this form and
writes only PBKDF2, hence the encoder.

Invariant: what is written here is opened by `openssl pkey` as it is installed everywhere: OpenSSL
allows scrypt 32 MiB, which N=2^15 with the usual r=8 exceeds by a few bytes. r=7 with p=3 stays
below and costs an attacker more than OpenSSL's own default (N=2^14, r=8, p=1) five times over.
"""

from __future__ import annotations

import base64
import os

from cryptography.hazmat import asn1
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from cryptography.hazmat.primitives.padding import PKCS7
from cryptography.x509 import ObjectIdentifier

LABEL = "ENCRYPTED PRIVATE KEY"
_BEGIN = f"-----BEGIN {LABEL}-----".encode()
COST, BLOCK, PARALLEL = 2**15, 7, 3
_PBES2 = ObjectIdentifier("1.2.840.113549.1.5.13")
_SCRYPT = ObjectIdentifier("1.3.6.1.4.1.11591.4.11")
_AES_256_CBC = ObjectIdentifier("2.16.840.1.101.3.4.1.42")
_KEY_BYTES, _SALT_BYTES = 32, 16
_LINE = 64


@asn1.sequence
class _Locked:
    """EncryptedPrivateKeyInfo of any algorithm."""

    algorithm: asn1.TLV
    data: bytes


@asn1.sequence
class ScryptParameters:
    """RFC 7914 section 7.1; keyLength is left out, as OpenSSL does: the cipher fixes it."""

    salt: bytes
    cost: int
    block: int
    parallel: int


@asn1.sequence
class KeyDerivation:
    """AlgorithmIdentifier of the key derivation function."""

    algorithm: ObjectIdentifier
    parameters: ScryptParameters


@asn1.sequence
class Encryption:
    """AlgorithmIdentifier of the cipher; its parameter is the initialization vector."""

    algorithm: ObjectIdentifier
    vector: bytes


@asn1.sequence
class Scheme:
    """PBES2-params (RFC 8018 appendix A.4)."""

    derivation: KeyDerivation
    encryption: Encryption


@asn1.sequence
class Algorithm:
    """AlgorithmIdentifier of PBES2."""

    algorithm: ObjectIdentifier
    parameters: Scheme


@asn1.sequence
class EncryptedPrivateKeyInfo:
    """RFC 5958 section 3."""

    algorithm: Algorithm
    data: bytes


def encrypt(private: bytes, passphrase: bytes) -> bytes:
    """The PEM of a private key (PKCS #8 DER), locked with a passphrase of at least one byte."""
    salt, vector = os.urandom(_SALT_BYTES), os.urandom(algorithms.AES.block_size // 8)
    key = Scrypt(salt, _KEY_BYTES, COST, BLOCK, PARALLEL).derive(passphrase)
    padder = PKCS7(algorithms.AES.block_size).padder()
    encryptor = Cipher(algorithms.AES(key), modes.CBC(vector)).encryptor()
    padded = padder.update(private) + padder.finalize()
    parameters = ScryptParameters(salt=salt, cost=COST, block=BLOCK, parallel=PARALLEL)
    scheme = Scheme(
        derivation=KeyDerivation(algorithm=_SCRYPT, parameters=parameters),
        encryption=Encryption(algorithm=_AES_256_CBC, vector=vector),
    )
    info = EncryptedPrivateKeyInfo(
        algorithm=Algorithm(algorithm=_PBES2, parameters=scheme),
        data=encryptor.update(padded) + encryptor.finalize(),
    )
    return _pem(asn1.encode_der(info))


def is_encrypted(pem: bytes) -> bool:
    """Whether a PEM text says that it holds a locked key."""
    return _BEGIN in pem


def is_sound(pem: bytes) -> bool:
    """Whether a locked key is whole, by whatever scheme: what does not open it is the passphrase.

    A wrong passphrase passes the padding's check once in about 250 times, and gives nonsense then.
    """
    body = pem.partition(_BEGIN)[2].partition(b"-----")[0]
    try:
        asn1.decode_der(_Locked, base64.b64decode(body))
    except ValueError:
        return False
    return True


def _pem(der: bytes) -> bytes:
    text = base64.b64encode(der).decode()
    lines = [text[start : start + _LINE] for start in range(0, len(text), _LINE)]
    return "\n".join([f"-----BEGIN {LABEL}-----", *lines, f"-----END {LABEL}-----", ""]).encode()
