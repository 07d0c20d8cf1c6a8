"""The zone's certificates: made once, issued again in time, keys for their owner only."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from champ_offline.registry.pki import ensure_certificates, renewal_due
from champ_offline.registry.pki_errors import (
    AuthorityEnded,
    AuthorityUnusable,
    ClockBeforeAuthority,
    InvalidHost,
    NamesMissing,
)

NOW = datetime(2026, 5, 1, tzinfo=UTC)
HOSTS = ["registry.zone", "10.0.0.5", "::1"]


def _leaf(directory: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate((directory / "registry.crt").read_bytes())


def test_made_once(tmp_path: Path) -> None:
    first = ensure_certificates(tmp_path / "pki", HOSTS, NOW)
    kept = {path.name: path.read_bytes() for path in (tmp_path / "pki").iterdir()}
    assert sorted(kept) == ["ca.crt", "ca.key", "registry.crt", "registry.key"]
    assert ensure_certificates(tmp_path / "pki", HOSTS[::-1], NOW + timedelta(days=300)) == first
    assert {path.name: path.read_bytes() for path in (tmp_path / "pki").iterdir()} == kept
    assert (tmp_path / "pki").stat().st_mode & 0o777 == 0o700
    for name in ("ca.key", "registry.key"):
        assert (tmp_path / "pki" / name).stat().st_mode & 0o777 == 0o600


def test_contents(tmp_path: Path) -> None:
    made = ensure_certificates(tmp_path, HOSTS, NOW)
    leaf = _leaf(tmp_path)
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["registry.zone"]
    assert sorted(map(str, names.get_values_for_type(x509.IPAddress))) == ["10.0.0.5", "::1"]
    assert made.not_after == NOW + timedelta(days=397)
    authority = x509.load_pem_x509_certificate(made.authority.read_bytes())
    assert authority.not_valid_after_utc == NOW + timedelta(days=3652)
    leaf.verify_directly_issued_by(authority)
    ssl.create_default_context(cafile=str(made.authority))
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(made.certificate, made.key)


@pytest.mark.parametrize("days", [368, 397, 500])
def test_issued_again_before_it_runs_out(tmp_path: Path, days: int) -> None:
    before = ensure_certificates(tmp_path, HOSTS, NOW)
    authority = before.authority.read_bytes()
    after = ensure_certificates(tmp_path, HOSTS, NOW + timedelta(days=days))
    assert after.not_after == NOW + timedelta(days=days + 397)
    assert after.authority.read_bytes() == authority


def test_issued_again_for_other_names(tmp_path: Path) -> None:
    ensure_certificates(tmp_path, HOSTS, NOW)
    first = _leaf(tmp_path).serial_number
    ensure_certificates(tmp_path, [*HOSTS, "10.0.0.6"], NOW)
    assert _leaf(tmp_path).serial_number != first


def test_a_crash_between_key_and_certificate_is_healed(tmp_path: Path) -> None:
    other = ensure_certificates(tmp_path / "other", HOSTS, NOW)
    made = ensure_certificates(tmp_path / "pki", HOSTS, NOW)
    made.key.unlink()
    other.key.rename(made.key)
    again = ensure_certificates(tmp_path / "pki", HOSTS, NOW)
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(again.certificate, again.key)


def test_a_crash_after_the_authoritys_key_is_healed(tmp_path: Path) -> None:
    key = ensure_certificates(tmp_path, HOSTS, NOW)
    bytes_before = (tmp_path / "ca.key").read_bytes()
    key.authority.unlink()
    ensure_certificates(tmp_path, HOSTS, NOW)
    assert (tmp_path / "ca.key").read_bytes() == bytes_before


def test_the_authority_never_ends_after_itself(tmp_path: Path) -> None:
    ensure_certificates(tmp_path, HOSTS, NOW)
    late = NOW + timedelta(days=3600)
    assert ensure_certificates(tmp_path, HOSTS, late).not_after == NOW + timedelta(days=3652)
    serial = _leaf(tmp_path).serial_number
    ensure_certificates(tmp_path, HOSTS, late + timedelta(days=40))
    assert _leaf(tmp_path).serial_number == serial


@pytest.mark.parametrize("damage", ["key gone", "key broken", "certificate broken", "other", "end"])
def test_an_authority_that_cannot_be_used(tmp_path: Path, damage: str) -> None:
    ensure_certificates(tmp_path, HOSTS, NOW)
    now = NOW
    if damage == "key gone":
        (tmp_path / "ca.key").unlink()
    elif damage == "key broken":
        (tmp_path / "ca.key").write_bytes(b"x")
    elif damage == "certificate broken":
        (tmp_path / "ca.crt").write_bytes(b"x")
    elif damage == "other":
        other = ensure_certificates(tmp_path / "other", HOSTS, NOW)
        other.authority.replace(tmp_path / "ca.crt")
    else:
        now = NOW + timedelta(days=3653)
    before = {path.name: path.read_bytes() for path in tmp_path.glob("ca.*")}
    with pytest.raises(AuthorityEnded if damage == "end" else AuthorityUnusable) as caught:
        ensure_certificates(tmp_path, HOSTS, now)
    assert str(tmp_path) in str(caught.value)
    assert {path.name: path.read_bytes() for path in tmp_path.glob("ca.*")} == before


@pytest.mark.parametrize(
    "hosts", [[], ["a b"], ["a:5000"], ["http://x"], [""], ["a..b"], ["0"], ["10.0.0.500"]]
)
def test_hosts_that_are_none(tmp_path: Path, hosts: list[str]) -> None:
    with pytest.raises(InvalidHost):
        ensure_certificates(tmp_path, hosts, NOW)


@pytest.mark.parametrize("hosts", [["0.0.0.0"], ["::"], ["registry.zone", "0:0::0"]])  # noqa: S104
def test_every_address_is_no_name(tmp_path: Path, hosts: list[str]) -> None:
    with pytest.raises(NamesMissing):
        ensure_certificates(tmp_path / "pki", hosts, NOW)
    assert not (tmp_path / "pki").exists()


@pytest.mark.parametrize("days", [2, 400, 12_000])
def test_a_clock_before_the_authority_judges_no_certificate(tmp_path: Path, days: int) -> None:
    """Without its battery a machine wakes up long ago; nodes are served all the same."""
    early = NOW - timedelta(days=days)
    made = ensure_certificates(tmp_path, HOSTS, NOW)
    kept = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert ensure_certificates(tmp_path, HOSTS, early) == made
    assert not renewal_due(tmp_path, HOSTS, early)
    with pytest.raises(ClockBeforeAuthority, match=f"{early:%Y-%m-%d}.*2026-05-01"):
        ensure_certificates(tmp_path, [*HOSTS, "more.zone"], early)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == kept
