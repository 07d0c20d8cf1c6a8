"""The certificate by which a node is to trust the zone's registry.

Invariant: pure. What comes out is one certificate, of an authority, valid at the given moment; its
fingerprint is what people read to each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from champ_offline.errors import ChampError, ExitCode, Fields, Phrase

LIMIT = 64 * 1024


class AuthorityUnreadable(ChampError):
    """A file that should be the zone's authority is something else."""

    id = "node.authority-unreadable"
    exit_code = ExitCode.USAGE
    message = "{path} does not hold one certificate in PEM form, but {found}."
    remedy = "Take pki/ca.crt from the zone's folder; `champ registry serve` makes it."


class NotAnAuthority(ChampError):
    """A certificate that may not sign others."""

    id = "node.not-an-authority"
    exit_code = ExitCode.USAGE
    message = "The certificate in {path} ({subject}) is not that of an authority."
    remedy = "Take pki/ca.crt from the zone's folder, not the registry's own registry.crt."


class AuthorityNotValid(ChampError):
    """An authority whose time has not come or is over, by this machine's clock."""

    id = "node.authority-not-valid"
    exit_code = ExitCode.PREFLIGHT
    message = "The authority in {path} is valid from {begin} to {end}; this clock says {now}."
    remedy = "Check this machine's clock first. If it is right, the zone needs a new authority."


class AuthorityDiffers(ChampError):
    """The authority is not the one whose fingerprint was read out."""

    id = "node.fingerprint-differs"
    exit_code = ExitCode.TRUST_REFUSED
    message = "The authority in {path} has the fingerprint {found}, not {expected}."
    remedy = (
        "Compare it again with what `champ registry authority show` says on the zone's host; do not"
        " go on while they differ."
    )


@dataclass(frozen=True)
class Authority:
    """A checked authority: its PEM alone, the SHA-256 of its DER form, and its last moment."""

    pem: bytes
    fingerprint: str
    not_after: datetime

    @property
    def file(self) -> str:
        """The name of its file beside the mirror file: another authority, another name."""
        return f"zone-ca-{self.fingerprint.replace(':', '')[:12].lower()}.crt"


def read_authority(
    data: bytes, path: object, now: datetime, expected: str | None = None
) -> Authority:
    """The authority in a PEM file; `now` is aware, in UTC.

    `expected` is a fingerprint that was read out; spaces, colons and case are ignored. Raises
    AuthorityUnreadable, NotAnAuthority, AuthorityNotValid, AuthorityDiffers.
    """
    certificate = _one(data, path)
    fingerprint = certificate.fingerprint(hashes.SHA256()).hex(":").upper()
    if expected is not None and _digits(expected) != _digits(fingerprint):
        shown = expected[: len(fingerprint)]
        raise AuthorityDiffers(path=path, found=fingerprint, expected=shown)
    if not _signs(certificate):
        subject = certificate.subject.rfc4514_string()[:100]
        raise NotAnAuthority(path=path, subject=subject)
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if not begin <= now <= end:
        days: Fields = {"begin": f"{begin:%Y-%m-%d}", "end": f"{end:%Y-%m-%d}"}
        raise AuthorityNotValid(path=path, now=f"{now:%Y-%m-%d %H:%M} UTC", **days)
    return Authority(certificate.public_bytes(serialization.Encoding.PEM), fingerprint, end)


def _one(data: bytes, path: object) -> x509.Certificate:
    if b"PRIVATE KEY-----" in data:
        raise AuthorityUnreadable(path=path, found=Phrase("a private key"))
    try:
        found = x509.load_pem_x509_certificates(data) if len(data) <= LIMIT else []
    except ValueError as error:
        raise AuthorityUnreadable(path=path, found=Phrase("something else")) from error
    if len(found) != 1:
        raise AuthorityUnreadable(path=path, found=Phrase("{count} certificates", count=len(found)))
    return found[0]


def _signs(certificate: x509.Certificate) -> bool:
    """Whether it is an authority's (RFC 5280, 4.2.1.9 and 4.2.1.3)."""
    try:
        extensions = certificate.extensions
        basic = extensions.get_extension_for_class(x509.BasicConstraints).value
        usage = extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound as missing:
        return missing.oid == x509.KeyUsage.oid and basic.ca
    except ValueError:
        return False
    return basic.ca and usage.key_cert_sign


def _digits(text: str) -> str:
    """The hexadecimal digits of a fingerprint, however it was written down."""
    plain = text.upper().replace("SHA256", "").replace("FINGERPRINT", "")
    return "".join(character for character in plain if character.isalnum())
