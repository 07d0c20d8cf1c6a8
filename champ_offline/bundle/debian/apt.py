"""A private apt: own lists, an invented package status, the host's mirror and nothing else of it.

Invariant: the host's packages and settings neither decide about a result nor are changed; an index
without a valid signature by the distribution's keyring is never read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import unquote

from champ_offline.bundle.debian import control
from champ_offline.bundle.debian.errors import (
    DebianToolMissing,
    IndexRefused,
    PackagesUnsolvable,
)
from champ_offline.bundle.debian.lock import LockedPackage
from champ_offline.bundle.debian.mirror import SECURITY, UPDATES, Mirror
from champ_offline.bundle.debian.process import run
from champ_offline.durable.write import make_directory, write_atomic
from champ_offline.errors import Phrase, Quoted, Reason

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
HELPER = "/usr/lib/apt/apt-helper"
_OFFER = re.compile(r"'(?P<uri>[^']+)' (?P<file>\S+) (?P<size>[0-9]+) SHA256:(?P<sha>[0-9a-f]{64})")
# How this host reaches its mirror (proxy, retries) and how far it trusts its clock stays its own.
_TRANSPORT = re.compile(r"Acquire::(http|https|Retries|Check-|Max-ValidTime|ForceIPv)")
_SETTINGS = """\
Dir::State "{root}/state";
Dir::State::status "{root}/state/status";
Dir::Cache "{root}/cache";
Dir::Etc::sourcelist "/dev/null";
Dir::Etc::sourceparts "{root}/etc";
Dir::Etc::main "/dev/null";
Dir::Etc::parts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Dir::Etc::trusted "/dev/null";
Dir::Etc::trustedparts "/dev/null";
APT::Architecture "{architecture}";
APT::Architectures {{ "{architecture}"; }};
APT::Install-Recommends "false";
APT::Install-Suggests "false";
Acquire::Languages "none";
Acquire::ForceHash "SHA256";
Acquire::AllowInsecureRepositories "false";
Acquire::AllowWeakRepositories "false";
Acquire::AllowDowngradeToInsecureRepositories "false";
// The cache need not be readable by apt's own user; signatures and hashes are what is relied on.
APT::Sandbox::User "root";
"""
_SOURCE = """\
Types: deb
URIs: {uri}
Suites: {suites}
Components: main
Signed-By: {keyring}
"""


@dataclass(frozen=True)
class Solution:
    """The packages a layer adds, sorted by name, and their index stanzas by name."""

    packages: tuple[LockedPackage, ...]
    stanzas: dict[str, str]


class PrivateApt:
    """apt for one suite under `root`, with its own state; use under a lock, one at a time."""

    def __init__(self, root: Path, suite: str, mirror: Mirror, architecture: str = "amd64") -> None:
        if not KEYRING.is_file():
            raise DebianToolMissing(tool=KEYRING)
        self._root, self._suite, self._mirror = root.absolute(), suite, mirror
        self._config = self._root / "apt.conf"
        for name in ("state/lists/partial", "cache/archives/partial", "etc"):
            make_directory(self._root / name)
        settings = _transport() + _SETTINGS.format(root=self._root, architecture=architecture)
        write_atomic(self._config, settings.encode(), 0o600)
        write_atomic(self._root / "etc/debian.sources", self._sources().encode())
        self._status([])

    def update(self) -> None:
        """Fetch the indexes, unless they are fresh; raises IndexRefused."""
        done = run(["apt-get", "update", "-q", "-o", "APT::Update::Error-Mode=any"], self._config)
        if done.returncode != 0:
            raise IndexRefused(suite=self._suite, reason=_reason(done.stderr))

    def signed_at(self) -> int:
        """When the newest of the indexes was signed, in seconds since 1970; raises IndexRefused."""
        dates = []
        for path in sorted((self._root / "state/lists").glob("*_InRelease")):
            fields = control.fields(path.read_text("utf-8", "replace").partition("\n\n")[2])
            dates.append(int(parsedate_to_datetime(fields["Date"]).astimezone(UTC).timestamp()))
        if not dates:
            raise IndexRefused(suite=self._suite, reason=Phrase("no index was fetched"))
        return max(dates)

    def solve(self, layer: str, file: str, names: Iterable[str], installed: list[str]) -> Solution:
        """What must be added to the `installed` stanzas so that `names` are there.

        Raises PackagesUnsolvable; `layer` and `file` only stand in it.
        """
        self._status(installed)
        command = ["apt-get", "install", "--print-uris", "-qq", "-y", "--no-remove"]
        done = run([*command, "--", *sorted(names)], self._config)
        if done.returncode != 0:
            raise PackagesUnsolvable(layer=layer, file=file, reason=_reason(done.stderr))
        packages = sorted(map(self._package, _OFFER.finditer(done.stdout)), key=lambda p: p.name)
        return Solution(tuple(packages), self._stanzas(packages))

    def download(self, package: LockedPackage, target: Path) -> Reason | None:
        """Fetch a package to `target`; gives why that was not possible."""
        uri = self._mirror.base(package.suite) + package.path
        done = run([HELPER, "download-file", uri, str(target)], self._config)
        return None if done.returncode == 0 else _reason(done.stderr)

    def _package(self, offer: re.Match[str]) -> LockedPackage:
        name, version, architecture = unquote(offer["file"]).removesuffix(".deb").split("_")
        place = self._mirror.split(self._suite, offer["uri"])
        if place is None:
            raise IndexRefused(
                suite=self._suite, reason=Phrase("{name} comes from elsewhere", name=name)
            )
        size, sha256 = int(offer["size"]), offer["sha"]
        path = unquote(place[1])
        return LockedPackage(name, version, architecture, place[0], path, size, sha256)

    def _stanzas(self, packages: list[LockedPackage]) -> dict[str, str]:
        wanted = [f"{package.name}={package.version}" for package in packages]
        if not wanted:
            return {}
        done = run(["apt-cache", "show", "--no-all-versions", "--", *wanted], self._config)
        stanzas = [stanza for stanza in done.stdout.split("\n\n") if stanza.strip()]
        return {control.fields(stanza)["Package"]: stanza.strip() for stanza in stanzas}

    def _status(self, stanzas: list[str]) -> None:
        write_atomic(self._root / "state/status", "\n".join(stanzas).encode())

    def _sources(self) -> str:
        suite, mirror = self._suite, self._mirror
        both = ((mirror.archive, f"{suite} {suite}{UPDATES}"), (mirror.security, suite + SECURITY))
        sources = [_SOURCE.format(uri=uri, suites=names, keyring=KEYRING) for uri, names in both]
        return "\n".join(sources)


def installed(stanza: str) -> str:
    """An index stanza as dpkg's status would hold it."""
    return f"{stanza}\nStatus: install ok installed\n"


def provided(name: str) -> str:
    """A status stanza for a package that an image does without; newer than any real version."""
    return (
        f"Package: {name}\nStatus: install ok installed\nArchitecture: all\nMulti-Arch: foreign\n"
        "Version: 9999:9999\nMaintainer: none\nDescription: not in the image\n"
    )


def _transport() -> str:
    lines = run(["apt-config", "dump"]).stdout.splitlines()
    return "".join(f"{line}\n" for line in lines if _TRANSPORT.match(line))


def _reason(stderr: str) -> Reason:
    lines = [line[2:].strip() for line in stderr.splitlines() if line[:2] in {"E:", "W:"}]
    return Quoted("; ".join(lines)[:400]) if lines else Phrase("apt gave no reason")
