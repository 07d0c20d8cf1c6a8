"""What TLS and HTTP show in passing; nothing of it is an error."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from pathlib import Path

import pytest

from champ_offline.cluster.certificates import http_date, peer_end, pem_end
from champ_offline.registry.pki import certificate_end, ensure_certificates

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Stream:
    """Of an HTTP library: what it tells of its TLS."""

    def __init__(self, told: object) -> None:
        self._told = told

    def get_extra_info(self, name: str) -> object:
        return self if name == "ssl_object" and self._told is not None else None

    def getpeercert(self) -> object:
        return self._told


def test_the_end_of_a_certificate_in_pem_is_read(tmp_path: Path) -> None:
    ensure_certificates(tmp_path, ["registry.example"], NOW)
    text = (tmp_path / "registry.crt").read_text("ascii")
    end = certificate_end(tmp_path)
    assert end is not None
    assert pem_end(text, coded=False) == end
    assert pem_end(base64.b64encode(text.encode()).decode(), coded=True) == end


@pytest.mark.parametrize("text", ["", "no certificate", "-----BEGIN CERTIFICATE-----"])
def test_what_is_no_certificate_has_no_end(text: str) -> None:
    assert pem_end(text, coded=False) is None
    assert pem_end(text, coded=True) is None


def test_the_other_sides_certificate_is_told_where_it_was_checked() -> None:
    shown = {"notAfter": "Jan  5 09:34:43 2027 GMT"}
    assert peer_end(Stream(shown)) == datetime(2027, 1, 5, 9, 34, 43, tzinfo=UTC)
    assert peer_end(Stream({})) is None
    assert peer_end(Stream(None)) is None
    assert peer_end(None) is None


def test_the_clock_in_a_header() -> None:
    assert http_date("Thu, 01 Jan 2026 00:00:00 GMT") == NOW
    assert http_date("") is None
    assert http_date("Thu, 01 Jan 2026 00:00:00") is None
