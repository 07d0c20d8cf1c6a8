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
# What opening a key may cost: bytes of memory and rounds of scrypt, iterations of PBKDF2. Far more
# than anybody sets, and no more than a few seconds.
_MOST_MEMORY, _MOST_ROUNDS, _MOST_ITERATIONS = 512 * 1024 * 1024, 2**24, 5 * 10**6
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
    key_bytes: int | None = None


@asn1.sequence
class _Function:
    """AlgorithmIdentifier of a pseudorandom function."""

    algorithm: ObjectIdentifier
    parameters: asn1.Null | None


@asn1.sequence
class _Pbkdf2Parameters:
    """RFC 8018 appendix A.2."""

    salt: bytes
    iterations: int
    key_bytes: int | None
    function: _Function | None


@asn1.sequence
class _AnyDerivation:
    """AlgorithmIdentifier of any key derivation function."""

    algorithm: ObjectIdentifier
    parameters: asn1.TLV


@asn1.sequence
class _AnyScheme:
    """PBES2-params of any algorithms."""

    derivation: _AnyDerivation
    encryption: asn1.TLV


@asn1.sequence
class _AnyAlgorithm:
    """AlgorithmIdentifier of PBES2 with any algorithms."""

    algorithm: ObjectIdentifier
    parameters: _AnyScheme


@asn1.sequence
class _AnyLocked:
    """EncryptedPrivateKeyInfo under PBES2."""

    algorithm: _AnyAlgorithm
    data: bytes


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
    try:
        asn1.decode_der(_Locked, _body(pem))
    except ValueError:
        return False
    return True


def is_costly(pem: bytes) -> bool:
    """Whether opening a locked key would take gigabytes or minutes, as its own numbers say."""
    try:
        locked = asn1.decode_der(_AnyLocked, _body(pem))
        costly = _is_costly(locked.algorithm.parameters.derivation)
    except ValueError:
        # Of a scheme without numbers to set, or not whole.
        return False
    return costly


def _is_costly(derivation: _AnyDerivation) -> bool:
    if derivation.algorithm != _SCRYPT:
        other: _Pbkdf2Parameters = derivation.parameters.parse(_Pbkdf2Parameters)
        return other.iterations > _MOST_ITERATIONS
    scrypt: ScryptParameters = derivation.parameters.parse(ScryptParameters)
    memory = 128 * scrypt.block * (scrypt.cost + scrypt.parallel)
    rounds = scrypt.block * scrypt.cost * scrypt.parallel
    return memory > _MOST_MEMORY or rounds > _MOST_ROUNDS


def _body(pem: bytes) -> bytes:
    return base64.b64decode(pem.partition(_BEGIN)[2].partition(b"-----")[0])


def _pem(der: bytes) -> bytes:
    text = base64.b64encode(der).decode()
    lines = [text[start : start + _LINE] for start in range(0, len(text), _LINE)]
    return "\n".join([f"-----BEGIN {LABEL}-----", *lines, f"-----END {LABEL}-----", ""]).encode()
