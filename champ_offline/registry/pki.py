"""The zone's own certificate authority and the registry's certificate (X.509, RFC 5280).

Invariant: the CA is made once and never replaced by itself (`registry.authority` remembers which
one it is); keys are 0600 from their first byte; a certificate lies beside a key only while it fits
it, so a crash between the two writes is healed by issuing again. Nodes trust `ca.crt`;
`registry.crt` carries the chain.

Folder: ca.key, ca.crt (10 years), registry.key, registry.crt (397 days, issued again when less than
30 days are left, when its names differ or when it does not fit key or CA); `.before` are those that
a person replaced.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from champ_offline.durable.write import make_directory, rename_all, write_atomic
from champ_offline.errors import Phrase
from champ_offline.registry.pki_errors import (
    AuthorityAway,
    AuthorityEnded,
    AuthorityOther,
    AuthorityUnusable,
    ClockBeforeAuthority,
    InvalidHost,
    NamesMissing,
)

_CA_DAYS = 3652
_LEAF_DAYS = 397
_RENEW_DAYS = 30
# Clocks in closed networks are seldom right; a certificate is valid a little before it was made.
_BACKDATED = timedelta(days=1)
_P256 = ec.SECP256R1()
_DNS_LONGEST = 253


@dataclass(frozen=True)
class Certificates:
    """Files for a TLS server and for those who trust it; `not_after` ends the server's own."""

    authority: Path
    certificate: Path
    key: Path
    not_after: datetime


def ensure_certificates(
    directory: Path, hosts: Sequence[str], now: datetime, known: str = ""
) -> Certificates:
    """The registry's certificate for `hosts` (DNS names, IP addresses), made where it lacks.

    `now` is aware, in UTC. `known` is the fingerprint of the authority that it must be of; without
    one an authority is made where there is none. A clock that stands before the authority's
    beginning is wrong, and judges no certificate: the one that is there stays. Raises
    AuthorityAway, AuthorityOther, AuthorityEnded, AuthorityUnusable, ClockBeforeAuthority,
    InvalidHost, NamesMissing.
    """
    names = _alternative_names(hosts)
    if known:
        check_authority(directory, now, known)
    make_directory(directory, 0o700)
    authority = _authority(directory, now)
    key_path, path = directory / "registry.key", directory / "registry.crt"
    leaf = _usable_leaf(path, key_path, names, authority.certificate, now)
    if leaf is None:
        _refuse_early(directory, authority.certificate, now)
        leaf = _issue(key_path, path, names, authority, now)
    return Certificates(directory / "ca.crt", path, key_path, leaf.not_valid_after_utc)


def check_authority(directory: Path, now: datetime, known: str) -> None:
    """Whether the authority with the fingerprint `known` is there and can sign.

    Raises AuthorityAway, AuthorityOther, AuthorityEnded, AuthorityUnusable.
    """
    path = directory / "ca.crt"
    if not path.exists():
        raise AuthorityAway(path=directory, known=known)
    found = authority_fingerprint(directory)
    if found and found != known:
        raise AuthorityOther(path=directory, found=found, known=known)
    _authority(directory, now)


def authority_fingerprint(directory: Path) -> str:
    """The SHA-256 of the authority's DER form, hex with colons; empty where none can be read."""
    certificate = _certificate_at(directory / "ca.crt")
    return certificate.fingerprint(hashes.SHA256()).hex(":").upper() if certificate else ""


def authority_end(directory: Path) -> datetime | None:
    """When the authority ends; None where none can be read."""
    certificate = _certificate_at(directory / "ca.crt")
    return certificate.not_valid_after_utc if certificate else None


def replace_authority(directory: Path, now: datetime) -> str:
    """Make another authority in place of whatever is there; its fingerprint.

    What was there stays beside it as `ca.key.before` and `ca.crt.before`. A crash leaves the old
    one, the new one, or one whose parts do not fit, which is never used.
    """
    make_directory(directory, 0o700)
    key_path, path = directory / "ca.key.next", directory / "ca.crt.next"
    certificate = _sign_authority(path, _new_key(key_path), now)
    kept = [directory / "ca.key", directory / "ca.crt"]
    before = [(one, one.with_name(f"{one.name}.before")) for one in kept if one.exists()]
    rename_all([*before, (key_path, kept[0]), (path, kept[1])])
    return certificate.fingerprint(hashes.SHA256()).hex(":").upper()


def check_hosts(hosts: Sequence[str]) -> None:
    """Whether a certificate can be made for these; raises InvalidHost, NamesMissing."""
    _alternative_names(hosts)


def renewal_due(directory: Path, hosts: Sequence[str], now: datetime, known: str = "") -> bool:
    """Whether `ensure_certificates` would issue a certificate now; changes nothing.

    Raises as that does.
    """
    names, path = _alternative_names(hosts), directory / "registry.crt"
    if known:
        check_authority(directory, now, known)
    for name in ("ca.crt", "ca.key"):
        if not (directory / name).exists():
            raise AuthorityUnusable(path=directory, reason=Phrase("{name} is missing", name=name))
    issuer = _authority(directory, now).certificate
    return _usable_leaf(path, directory / "registry.key", names, issuer, now) is None


def names_differ(directory: Path, hosts: Sequence[str]) -> bool:
    """Whether the registry's certificate is there, and for others than `hosts`."""
    leaf = _certificate_at(directory / "registry.crt")
    return leaf is not None and _names_in(leaf) != _alternative_names(hosts)


def certified_names(directory: Path) -> list[str]:
    """The names and addresses that the registry's certificate is for; none where there is none."""
    leaf = _certificate_at(directory / "registry.crt")
    return [str(one.value) for one in _names_in(leaf)] if leaf else []


def certificate_end(directory: Path) -> datetime | None:
    """When the registry's certificate ends; None where none was made or it cannot be read."""
    leaf = _certificate_at(directory / "registry.crt")
    return leaf.not_valid_after_utc if leaf else None


@dataclass(frozen=True)
class _Authority:
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate


def _authority(directory: Path, now: datetime) -> _Authority:
    key_path, path = directory / "ca.key", directory / "ca.crt"
    if path.exists() and not key_path.exists():
        raise AuthorityUnusable(path=directory, reason=Phrase("ca.key is missing"))
    key = _key(key_path) if key_path.exists() else _new_key(key_path)
    if key is None:
        raise AuthorityUnusable(path=directory, reason=Phrase("ca.key is not an EC key"))
    certificate = _certificate(path) if path.exists() else _sign_authority(path, key, now)
    if certificate is None or certificate.public_key() != key.public_key():
        raise AuthorityUnusable(
            path=directory, reason=Phrase("ca.crt is damaged or not that of ca.key")
        )
    if not _is_authority(certificate):
        raise AuthorityUnusable(path=directory, reason=Phrase("ca.crt may not sign certificates"))
    if certificate.not_valid_after_utc <= now:
        raise AuthorityEnded(path=directory, day=f"{certificate.not_valid_after_utc:%Y-%m-%d}")
    return _Authority(key, certificate)


def _is_authority(certificate: x509.Certificate) -> bool:
    """Whether nodes would take it for one (RFC 5280, 4.2.1.9): a person may have put it there."""
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (x509.ExtensionNotFound, ValueError):
        return False


def _sign_authority(path: Path, key: ec.EllipticCurvePrivateKey, now: datetime) -> x509.Certificate:
    serial = x509.random_serial_number()
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "CHAMP Offline"),
            x509.NameAttribute(NameOID.COMMON_NAME, f"Zone CA {serial & 0xFFFFFFFF:08x}"),
        ]
    )
    usage = _usage(signs_certificates=True)
    certificate = (
        x509.CertificateBuilder(serial_number=serial)
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now + timedelta(days=_CA_DAYS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    write_atomic(path, certificate.public_bytes(serialization.Encoding.PEM))
    return certificate


def _issue(
    key_path: Path,
    path: Path,
    names: list[x509.GeneralName],
    authority: _Authority,
    now: datetime,
) -> x509.Certificate:
    key = _new_key(key_path)
    issuer = authority.certificate
    end = min(now + timedelta(days=_LEAF_DAYS), issuer.not_valid_after_utc)
    issuer_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key())
    leaf = (
        x509.CertificateBuilder(serial_number=x509.random_serial_number())
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "CHAMP zone registry")]))
        .issuer_name(issuer.subject)
        .public_key(key.public_key())
        .not_valid_before(max(now - _BACKDATED, issuer.not_valid_before_utc))
        .not_valid_after(end)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(issuer_key, critical=False)
        .sign(authority.key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    write_atomic(path, leaf.public_bytes(pem) + issuer.public_bytes(pem))
    return leaf


def _refuse_early(directory: Path, authority: x509.Certificate, now: datetime) -> None:
    begin = authority.not_valid_before_utc
    if now < begin:
        made = f"{begin + _BACKDATED:%Y-%m-%d}"
        raise ClockBeforeAuthority(path=directory, now=f"{now:%Y-%m-%d}", made=made)


def _usable_leaf(
    path: Path,
    key_path: Path,
    names: list[x509.GeneralName],
    issuer: x509.Certificate,
    now: datetime,
) -> x509.Certificate | None:
    """The certificate in place if it can stay, else None."""
    if not (path.exists() and key_path.exists()):
        return None
    leaf, key = _certificate(path), _key(key_path)
    if leaf is None or key is None or leaf.public_key() != key.public_key():
        return None
    try:
        leaf.verify_directly_issued_by(issuer)
    except (InvalidSignature, ValueError, TypeError):
        return None
    if now < issuer.not_valid_before_utc:
        return leaf if _names_in(leaf) == names else None
    soon = leaf.not_valid_after_utc - timedelta(days=_RENEW_DAYS) <= now
    at_its_end = leaf.not_valid_after_utc >= issuer.not_valid_after_utc > now
    if _names_in(leaf) != names or (soon and not at_its_end) or leaf.not_valid_before_utc > now:
        return None
    return leaf


def _names_in(leaf: x509.Certificate) -> list[x509.GeneralName]:
    """What a certificate is for."""
    try:
        return list(leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
    except (x509.ExtensionNotFound, ValueError):
        return []  # somebody put one there that was not issued here


def _alternative_names(hosts: Sequence[str]) -> list[x509.GeneralName]:
    """Sorted and without repetitions, so that the order in a file changes nothing."""
    names = [_alternative_name(host) for host in sorted(set(hosts))]
    if not names:
        raise InvalidHost(host="")
    return names


def _alternative_name(host: str) -> x509.GeneralName:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        labels = host.split(".")
        plain = all(label.replace("-", "a").isalnum() and label.isascii() for label in labels)
        # Whatever ends in a number is read as an address (RFC 1123, 2.1): `0` would be 0.0.0.0.
        if not plain or labels[-1].isdigit() or len(host) > _DNS_LONGEST:
            raise InvalidHost(host=host[:100]) from None
        return x509.DNSName(host.lower())
    if address.is_unspecified:
        raise NamesMissing(host=host)
    return x509.IPAddress(address)


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _new_key(path: Path) -> ec.EllipticCurvePrivateKey:
    key = ec.generate_private_key(_P256)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    write_atomic(path, pem, 0o600)
    return key


def _key(path: Path) -> ec.EllipticCurvePrivateKey | None:
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (ValueError, TypeError):
        return None
    return key if isinstance(key, ec.EllipticCurvePrivateKey) else None


def _certificate_at(path: Path) -> x509.Certificate | None:
    return _certificate(path) if path.exists() else None


def _certificate(path: Path) -> x509.Certificate | None:
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except ValueError:
        return None
