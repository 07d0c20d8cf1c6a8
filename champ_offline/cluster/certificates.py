"""Until when certificates hold, and what the other side's clock says, from what TLS and HTTP show.

Invariant: what cannot be read is None, never an error: these are looks in passing.
"""

from __future__ import annotations

import base64
import binascii
import ssl
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from cryptography import x509


def pem_end(text: str, *, coded: bool) -> datetime | None:
    """The end of the first certificate in PEM; `coded` when that is in base64 once more."""
    try:
        data = base64.b64decode(text) if coded else text.encode()
        return x509.load_pem_x509_certificate(data).not_valid_after_utc
    except (ValueError, binascii.Error):
        return None


def peer_end(stream: Any) -> datetime | None:  # noqa: ANN401 - of the HTTP library's own
    """The end of the other side's certificate; None without TLS, or where it was not checked."""
    tls = stream.get_extra_info("ssl_object") if stream is not None else None
    shown = tls.getpeercert() if tls is not None else None
    if not shown:
        return None
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(shown["notAfter"]), UTC)


def http_date(text: str) -> datetime | None:
    """The time in an HTTP header `Date`."""
    try:
        found = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    return found if found.tzinfo is not None else None
