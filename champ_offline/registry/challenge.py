"""What a client hears that must say who it is: where tokens are to be had, and for what.

Invariant: pure. The address in a challenge is one the registry was told it has: whatever else a
Host header says, no client is ever sent elsewhere with its password.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass

from champ_offline.registry.requests import Refusal
from champ_offline.registry.routes import TOKEN_PATH

_HOST = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<name>[A-Za-z0-9.-]+))(?::[0-9]{1,5})?")


@dataclass(frozen=True)
class Called:
    """How clients reach the registry: names in its certificate, the first its own, and its port.

    `secure` is False for plain HTTP on loopback.
    """

    names: tuple[str, ...]
    port: int
    secure: bool = True

    @property
    def service(self) -> str:
        """The registry's own name, which is also the audience of its tokens."""
        name = self.names[0].lower()
        return f"[{name}]:{self.port}" if ":" in name else f"{name}:{self.port}"

    def realm(self, headers: Mapping[str, str]) -> str:
        """Where tokens are to be had, under the name this client knows if that is one of ours.

        Its port is kept too: the name is what the certificate vouches for, and ports are mapped.
        """
        host = headers.get("host", "")
        place = host.lower() if self._ours(host) else self.service
        return f"{'https' if self.secure else 'http'}://{place}{TOKEN_PATH}"

    def challenge(self, headers: Mapping[str, str], scope: str = "", error: str = "") -> str:
        """The value of WWW-Authenticate (RFC 6750, 3)."""
        fields = {"realm": self.realm(headers), "service": self.service}
        fields |= {"scope": scope} if scope else {}
        fields |= {"error": error} if error else {}
        return "Bearer " + ",".join(f'{name}="{value}"' for name, value in fields.items())

    def _ours(self, host: str) -> bool:
        match = _HOST.fullmatch(host)
        return match is not None and _plain(match["six"] or match["name"]) in set(
            map(_plain, self.names)
        )


def unauthorized(challenge: str, message: str) -> Refusal:
    """The refusal that carries a challenge."""
    return Refusal(401, "UNAUTHORIZED", message, (("www-authenticate", challenge),))


def _plain(name: str) -> str:
    """One text for one name or address."""
    try:
        return str(ipaddress.ip_address(name))
    except ValueError:
        return name.lower()
