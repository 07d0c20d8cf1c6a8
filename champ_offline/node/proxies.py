"""The proxy that containerd's service would ask for the registry, and for what it makes exceptions.

Invariant: only read: systemd's files as systemd.unit(5) and systemd.exec(5) say, exceptions as Go's
HTTP client takes them (golang.org/x/net/http/httpproxy). A proxy's password is never shown.
"""

from __future__ import annotations

import ipaddress
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from urllib.parse import urlsplit

from champ_offline.errors import ChampError, ExitCode
from champ_offline.node.address import Address
from champ_offline.node.root import NodeRoot

_UNIT = "containerd.service"
# The later ones come first for systemd.
_FOLDERS = tuple(
    map(
        PurePosixPath,
        ("/lib/systemd/system", "/usr/lib/systemd/system", "/usr/local/lib/systemd/system",
         "/run/systemd/system", "/etc/systemd/system"),
    )
)  # fmt: skip
_LIMIT = 256 * 1024
_MOST_LINES = 2000


class ProxyInTheWay(ChampError):
    """containerd would ask a proxy for the zone's registry."""

    id = "node.proxy-in-the-way"
    exit_code = ExitCode.PREFLIGHT
    message = "containerd's service asks the proxy {proxy} for {host} ({path})."
    remedy = (
        "Add {host} to NO_PROXY in {path}, then run `systemctl daemon-reload && systemctl restart"
        " containerd`."
    )


@dataclass
class Environment:
    """The proxy settings of a service; `path` is the last file that set one."""

    values: dict[str, str] = field(default_factory=dict)
    path: PurePosixPath = _FOLDERS[-1] / f"{_UNIT}.d"

    def put(self, name: str, value: str, path: PurePosixPath) -> None:
        """Keep it if it is about proxies; Go takes both ways of writing these names."""
        if name.upper() in {"HTTPS_PROXY", "NO_PROXY"}:
            self.values[name.upper()] = value
            self.path = path

    def proxy(self, address: Address) -> str:
        """The proxy for an address, without its credentials; "" where none is asked."""
        proxy = self.values.get("HTTPS_PROXY", "")
        return _place(proxy) if proxy and not self._excepted(address) else ""

    def _excepted(self, address: Address) -> bool:
        if address.host == "localhost" or (
            address.is_ip and ipaddress.ip_address(address.host).is_loopback
        ):
            return True
        listed = self.values.get("NO_PROXY", "").split(",")
        return any(_matches(entry.strip().lower(), address) for entry in listed)


def read_environment(node: NodeRoot) -> Environment:
    """What systemd would hand to containerd. Raises NodeFileUnreadable."""
    found = Environment()
    for path in _files(node):
        data = node.read(path, _LIMIT) or b""
        for name, value in _assignments(data):
            if name == "Environment" and not value:
                found.values.clear()
            elif name == "Environment":
                for one in _split(value):
                    found.put(*_pair(one), path)
            elif name == "EnvironmentFile":
                _read_file(node, PurePosixPath(value.removeprefix("-")), found)
    return found


def _files(node: NodeRoot) -> Iterator[PurePosixPath]:
    """The unit, then its drop-ins by name, wherever they lie."""
    units = [folder / _UNIT for folder in _FOLDERS if node.has(folder / _UNIT)]
    yield from units[-1:]
    drop_ins: dict[str, PurePosixPath] = {}
    for folder in _FOLDERS:
        for name in node.names(folder / f"{_UNIT}.d", "*.conf"):
            drop_ins[name] = folder / f"{_UNIT}.d" / name
    yield from (drop_ins[name] for name in sorted(drop_ins))


def _read_file(node: NodeRoot, path: PurePosixPath, found: Environment) -> None:
    if path.is_absolute():
        for line in _lines(node.read(path, _LIMIT) or b""):
            for one in _split(line):
                found.put(*_pair(one), path)


def _assignments(data: bytes) -> Iterator[tuple[str, str]]:
    for line in _lines(data):
        name, equals, value = line.partition("=")
        if equals:
            yield name.strip(), value.strip()


def _lines(data: bytes) -> list[str]:
    """Lines that say something; one that ends in a backslash goes on with the next."""
    text = data.decode("utf-8", "replace").replace("\\\n", " ")
    lines = [line.strip() for line in text.splitlines()[:_MOST_LINES]]
    return [line for line in lines if line and line[0] not in "#;["]


def _split(value: str) -> list[str]:
    try:
        return shlex.split(value)
    except ValueError:
        return []


def _pair(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return name, value


def _matches(entry: str, address: Address) -> bool:
    """Whether one exception of NO_PROXY covers the address."""
    if entry == "*":
        return True
    host, colon, port = entry.rpartition(":")
    if colon and port.isdecimal() and host.count(":") == 0:
        return int(port) == address.port and _matches(host, address)
    entry = entry.strip("[]")
    if address.is_ip:
        try:
            return ipaddress.ip_address(address.host) in ipaddress.ip_network(entry, strict=False)
        except ValueError:
            return False
    if entry.startswith(("*.", ".")):
        return address.host.endswith("." + entry.lstrip("*."))
    return bool(entry) and (address.host == entry or address.host.endswith(f".{entry}"))


def _place(proxy: str) -> str:
    """HOST:PORT of a proxy: what else its URL holds may be a password."""
    try:
        parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "?"
    return f"{parts.hostname or '?'}{port}"
