"""containerd's mirror file, hosts.toml: what we write, and what any of them says.

Invariant: pure. What is written asks one registry alone, over TLS that is verified, and never its
names' own registries. Both `server` and a `host` table are written: containerd 1.6 ignores a file
without the table and asks the internet; without `server` it asks the internet next (containerd,
docs/hosts.md).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from champ_offline.errors import ChampError, ExitCode, Phrase
from champ_offline.node.address import Address, AddressInvalid
from champ_offline.node.toml import read_toml

FILE = "hosts.toml"
LIMIT = 1024 * 1024
FIRST_LINE = "# Written by `champ node trust`; `champ node untrust` puts back what was there."
_HIDDEN = "***"
_SECRET_WORD = re.compile(r"(?i)authorization|basic |bearer |password|token")
_USER = re.compile(r"://[^/\s@]*@")


class HostsFileInvalid(ChampError):
    """A mirror file that containerd cannot read: it would ask the internet."""

    id = "node.hosts-invalid"
    exit_code = ExitCode.PREFLIGHT
    message = "{path} cannot be read as a mirror file: {reason}."
    remedy = "Write it anew with `champ node trust`; the old one is kept beside it."


@dataclass(frozen=True)
class Endpoint:
    """One registry of a mirror file; `url` is "" for the names' own registries."""

    url: str
    authorities: tuple[str, ...] = ()
    capabilities: tuple[str, ...] = ()
    unverified: bool = False
    authorization: str = field(default="", repr=False)

    @property
    def address(self) -> Address | None:
        """Where it is; None for what is not reached by https."""
        if self.url.startswith("http://"):
            return None
        try:
            return Address.parse(self.url.removesuffix("/v2"))
        except AddressInvalid:
            return None

    @property
    def resolves(self) -> bool:
        """Whether names are looked up there, and content is fetched."""
        return not self.capabilities or {"pull", "resolve"} <= set(self.capabilities)


@dataclass(frozen=True)
class HostsFile:
    """What `champ node trust` writes: one registry, its authority's file, perhaps credentials."""

    address: Address
    authority: str
    authorization: str = field(default="", repr=False)

    def to_bytes(self) -> bytes:
        """The file; equal values give equal bytes."""
        shared = ['capabilities = ["pull", "resolve"]', f"ca = {json.dumps(self.authority)}"]
        sent = [f"authorization = {json.dumps(self.authorization)}"] if self.authorization else []
        url = json.dumps(self.address.url)
        lines = [FIRST_LINE, f"server = {url}", *shared]
        lines += ["[header]", *sent] if sent else []
        lines += ["", f"[host.{url}]", *shared]
        lines += [f"[host.{url}.header]", *sent] if sent else []
        return "".join(f"{line}\n" for line in lines).encode("ascii")


def endpoints(data: bytes, path: object) -> tuple[Endpoint, ...]:
    """The registries that a mirror file names, in the order containerd asks them.

    The last one is the file's `server`, "" where it names none. Raises HostsFileInvalid.
    """
    document = _document(data, path)
    tables = document.get("host", {})
    if not isinstance(tables, dict) or not all(isinstance(t, dict) for t in tables.values()):
        raise HostsFileInvalid(path=path, reason=Phrase("“host” is not a table of tables"))
    named = [_endpoint(url, table) for url, table in tables.items()]
    server = document.get("server", "")
    return (*named, _endpoint(server if isinstance(server, str) else "", document))


def is_ours(data: bytes) -> bool:
    """Whether `champ node trust` made it; somebody may have changed it since."""
    return data.startswith(FIRST_LINE.encode())


def is_untouched(data: bytes, path: object) -> bool:
    """Whether it is, byte for byte, what `champ node trust` wrote."""
    if not is_ours(data):
        return False
    try:
        first = endpoints(data, path)[0]
    except HostsFileInvalid:
        return False
    if first.address is None or len(first.authorities) != 1:
        return False
    return HostsFile(first.address, first.authorities[0], first.authorization).to_bytes() == data


def shown(data: bytes, path: object) -> list[str]:
    """The file's lines with its credentials hidden; raises HostsFileInvalid."""
    secrets = sorted(set(_secrets(_document(data, path))), key=len, reverse=True)
    lines = []
    for line in data.decode("utf-8").splitlines():
        text = without_user(line)
        for secret in secrets:
            text = text.replace(secret, _HIDDEN)
        told = _SECRET_WORD.search(text)
        lines.append(f"{text[: told.end()]} {_HIDDEN}" if told else text)
    return lines


def without_user(text: str) -> str:
    """A text with whatever stands before the host of a URL in it hidden."""
    return _USER.sub(f"://{_HIDDEN}@", text)


def _document(data: bytes, path: object) -> dict[str, Any]:
    return read_toml(data, lambda reason: HostsFileInvalid(path=path, reason=reason))


def _endpoint(url: str, table: Mapping[str, Any]) -> Endpoint:
    return Endpoint(
        url=url if "://" in url or not url else f"https://{url}",
        authorities=_texts(table.get("ca")),
        capabilities=_texts(table.get("capabilities")),
        unverified=table.get("skip_verify") is True,
        authorization=next(iter(_texts(_header(table).get("authorization"))), ""),
    )


def _header(table: Mapping[str, Any]) -> dict[str, Any]:
    """Names of headers are compared as HTTP does, whatever their case."""
    header = table.get("header")
    return {k.lower(): v for k, v in header.items()} if isinstance(header, dict) else {}


def _texts(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    return tuple(v for v in value if isinstance(v, str)) if isinstance(value, list) else ()


def _secrets(document: Mapping[str, Any]) -> Iterator[str]:
    """Every text below a table of headers, wherever it stands."""
    for key, value in document.items():
        if key == "header":
            yield from _leaves(value)
        elif isinstance(value, dict):
            yield from _secrets(value)


def _leaves(value: object) -> Iterator[str]:
    match value:
        case str() if value:
            yield value
        case dict():
            for item in value.values():
                yield from _leaves(item)
        case list():
            for item in value:
                yield from _leaves(item)
