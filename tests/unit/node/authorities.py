"""Authorities and certificates for the tests of nodes, made by the zone's own code."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from champ_offline.registry.pki import Certificates, ensure_certificates

NOW = datetime.now(UTC)
YEAR = timedelta(days=365)


def made(folder: Path, *names: str, when: datetime = NOW) -> Certificates:
    """A zone's authority and a certificate for `names`, both made at `when`."""
    return ensure_certificates(folder, names or ("127.0.0.1",), when)
