"""Reads the headers of a request, and refuses those that two readers could read in two ways.

Invariant: pure. What decides where a request ends, to whom it is sent, or who sent it is known from
one header line alone, so no proxy before this registry can have read another request in the same
bytes (RFC 9112, 11.2, "Request Smuggling"); such a connection is ended with its answer.
"""

from __future__ import annotations

from collections.abc import Iterable

from champ_offline.registry.requests import Refusal

_ONCE = frozenset(
    {
        "authorization",
        "content-length",
        "content-range",
        "content-type",
        "expect",
        "host",
        "if-range",
        "range",
        "transfer-encoding",
    }
)
_END = (("connection", "close"),)
_TOO_LARGE = Refusal(431, "UNSUPPORTED", "the headers of the request are too large", _END)
_NO_HOST = Refusal(400, "UNSUPPORTED", "the request does not say to which host it goes", _END)
_FRAMING = Refusal(400, "UNSUPPORTED", "the only transfer coding known here is chunked", _END)


def read_head(
    pairs: Iterable[tuple[bytes, bytes]], version: str, most: int
) -> dict[str, str] | Refusal:
    """The headers by their names in lower case; `version` is that of HTTP, "1.1".

    Lines of one name are one list (RFC 9110, 5.3). Refused are more than `most` bytes, a second
    line of what may come once, and a request of HTTP/1.1 without a host (RFC 9112, 3.2).
    """
    found: dict[str, str] = {}
    size = 0
    for raw, value in pairs:
        size += len(raw) + len(value)
        name, text = raw.decode("latin-1").lower(), value.decode("latin-1")
        if name not in found:
            found[name] = text
        elif name in _ONCE:
            return Refusal(400, "UNSUPPORTED", f"the header {name} came twice", _END)
        else:
            found[name] += f", {text}"
    if size > most:
        return _TOO_LARGE
    if version == "1.1" and not found.get("host"):
        return _NO_HOST
    if found.get("transfer-encoding", "chunked").lower() != "chunked":
        return _FRAMING
    return found
