"""Where a registry is, as people type it: HOST, HOST:PORT or [ADDRESS]:PORT.

Invariant: an `Address` holds a host name or an IP address and a port, and no character of it means
anything in a URL, in TOML or in a path beyond what it is.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from champ_offline.errors import ChampError, ExitCode

DEFAULT_PORT = 443
_LARGEST_PORT = 65535
_LONGEST = 253
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9_-]*[A-Za-z0-9])?"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_TEXT = re.compile(
    r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<host>[^\[\]:/@]+))(?::(?P<port>[0-9]{1,5}))?"
)


class AddressInvalid(ChampError):
    """Text that should say where a registry is does not."""

    id = "node.address-invalid"
    exit_code = ExitCode.USAGE
    message = "“{text}” does not say where a registry is."
    remedy = "Write HOST:PORT as nodes reach it, for example registry.zone:5443 or 10.0.0.5:5443."


@dataclass(frozen=True)
class Address:
    """A registry's host (a name in lower case, or an IP address) and port."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Address:
        """Read HOST[:PORT]; `https://` before it is let pass. Raises AddressInvalid."""
        match = _TEXT.fullmatch(text.removeprefix("https://").removesuffix("/"))
        if match is None:
            raise AddressInvalid(text=text[:100])
        port = int(match["port"] or DEFAULT_PORT)
        host = _host(match["six"] or match["host"], six=match["six"] is not None)
        if not host or not 0 < port <= _LARGEST_PORT:
            raise AddressInvalid(text=text[:100])
        return cls(host, port)

    @property
    def is_ip(self) -> bool:
        """Whether the host is an IP address, which needs no name service."""
        return _ip(self.host) is not None

    @property
    def url(self) -> str:
        """`https://HOST:PORT`."""
        return f"https://{self}"

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


def _host(text: str, *, six: bool) -> str:
    """The host in its one form; "" where it is none."""
    address = _ip(text)
    if address is not None:
        return str(address) if six == (address.version == 6) else ""
    named = not six and len(text) <= _LONGEST and _NAME.fullmatch(text)
    return text.lower() if named and not text.replace(".", "").isdigit() else ""


def _ip(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None
