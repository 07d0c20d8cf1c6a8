"""An existing registry that a zone's nodes pull from: where it is and how one speaks to it.

Invariant: what is here can be written into image references and certificates are always checked,
except on this machine's own loopback; the password shows itself in no text of the value.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field

from champ_offline.errors import ChampError, ExitCode
from champ_offline.oci.reference import as_path, is_host, is_repository

_LONGEST_PORT = 65535


class InvalidTarget(ChampError):
    """An address that no image reference could begin with."""

    id = "external.invalid-address"
    exit_code = ExitCode.USAGE
    message = "“{text}” is not the address of a registry."
    remedy = (
        "Write it as host:port/prefix, without https:// or http://, for example"
        " harbor.zone:443/champ."
    )


class PlainHttpElsewhere(ChampError):
    """HTTP without TLS to another machine."""

    id = "external.plain-http"
    exit_code = ExitCode.USAGE
    message = "{host} is not this machine, so it is not spoken to without TLS."
    remedy = "Leave out --plain-http and name the registry's CA with --ca FILE."


class CredentialsIncomplete(ChampError):
    """A user name without a password, or the other way round."""

    id = "external.credentials-incomplete"
    exit_code = ExitCode.USAGE
    message = "The user name or the password is empty."
    remedy = "Give both, the password on the first line of its file; or neither of them."


class CredentialsUnfit(ChampError):
    """A user name or password that HTTP cannot carry."""

    id = "external.credentials-unfit"
    exit_code = ExitCode.USAGE
    message = "The user name or the password cannot be used."
    remedy = "The name has no colon, and each is one line of at most 1024 bytes."


class NameUnfit(ChampError):
    """A name of the zone that cannot be a repository of the target."""

    id = "external.name-unfit"
    exit_code = ExitCode.PREFLIGHT
    message = "“{name}” cannot be a repository at {target}."
    remedy = "A repository's path has at most 255 characters; configure a shorter prefix."


@dataclass(frozen=True)
class Target:
    """`host` (with its port, if it has one) and `prefix` as they stand in image references.

    `ca` is PEM; without one the system's authorities count. `token_server` is a second host, with
    its port, that may be given the password for a token.
    """

    host: str
    prefix: str = ""
    ca: str = field(default="", repr=False)
    username: str = ""
    password: str = field(default="", repr=False)
    token_server: str = ""
    plain_http: bool = False

    @classmethod
    def parse(cls, text: str) -> Target:
        """Read HOST[:PORT][/PREFIX]; raises InvalidTarget."""
        host, _, prefix = text.strip().partition("/")
        prefix = prefix.removesuffix("/")
        if not is_host(host) or not _port_fits(host) or (prefix and not is_repository(prefix)):
            raise InvalidTarget(text=text[:300])
        return cls(host.lower(), prefix)

    def check(self) -> None:
        """Raises PlainHttpElsewhere, InvalidTarget, CredentialsIncomplete, CredentialsUnfit."""
        if self.plain_http and not is_loopback(self.host):
            raise PlainHttpElsewhere(host=self.host)
        if self.token_server and not (is_host(self.token_server) and _port_fits(self.token_server)):
            raise InvalidTarget(text=self.token_server[:300])
        pair = (self.username, self.password)
        if any(pair) and not all(text.strip() for text in pair):
            raise CredentialsIncomplete
        if any(pair) and not (all(map(_fits_a_header, pair)) and ":" not in self.username):
            raise CredentialsUnfit

    @property
    def address(self) -> str:
        """What references begin with: `harbor.zone:443/champ`."""
        return f"{self.host}/{self.prefix}" if self.prefix else self.host

    @property
    def origin(self) -> str:
        """The beginning of the target's URLs."""
        return f"{'http' if self.plain_http else 'https'}://{self.host}"

    def repository(self, name: str) -> str:
        """The path of the repository for a name of the zone; raises NameUnfit."""
        path = as_path(name)
        path = f"{self.prefix}/{path}" if self.prefix else path
        if not is_repository(path):
            raise NameUnfit(name=name[:300], target=self.address)
        return path


def is_loopback(host: str) -> bool:
    """Whether a host, with or without a port, is this very machine."""
    name = host.rpartition(":")[0] or host
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"


def _port_fits(host: str) -> bool:
    _, colon, port = host.partition(":")
    return not colon or 0 < int(port) <= _LONGEST_PORT


def _fits_a_header(text: str) -> bool:
    return text.isprintable() and len(text.encode()) <= 1024
