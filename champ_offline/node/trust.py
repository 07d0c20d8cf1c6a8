"""A node's mirror file and the zone's authority beside it: planned, written, and put back.

Invariant: planning writes nothing. The authority's file is named after its fingerprint, so that a
new one never replaces the old: it is written first, then the mirror file in one step. A crash
anywhere leaves the old pair or the new pair. What somebody else wrote is kept beside it.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from champ_offline.errors import ChampError, ExitCode
from champ_offline.node import hosts
from champ_offline.node.address import Address
from champ_offline.node.authority import LIMIT, Authority
from champ_offline.node.containerd import CERTS
from champ_offline.node.hosts import HostsFile, HostsFileInvalid
from champ_offline.node.root import NodeRoot

DEFAULT = "_default"
ASIDE = f"{hosts.FILE}.before"
_AUTHORITIES = "zone-ca-*.crt"
_OPEN, _SECRET = 0o644, 0o600


class NothingTrusted(ChampError):
    """The mirror file is not there or not ours, so there is nothing to put back."""

    id = "node.nothing-trusted"
    exit_code = ExitCode.NOT_FOUND
    message = "{path} is not there or was not written by `champ node trust`."
    remedy = "Nothing was changed. Name the node's folders with --root and --certs-dir."


class MirrorMoved(ChampError):
    """Somebody else changed the mirror file after the plan was made."""

    id = "node.mirror-moved"
    exit_code = ExitCode.PREFLIGHT
    message = "{path} was changed by somebody else meanwhile. Nothing was written."
    remedy = "Run the command again and look at what it says now."


@dataclass(frozen=True)
class Trusted:
    """Where the mirror file of a node lies: in `folder`, the one that serves for all names."""

    node: NodeRoot
    certs: PurePosixPath = CERTS

    @property
    def folder(self) -> PurePosixPath:
        """The folder for every registry that has none of its own (containerd, docs/hosts.md)."""
        return self.certs / DEFAULT

    @property
    def path(self) -> PurePosixPath:
        """The mirror file."""
        return self.folder / hosts.FILE

    def data(self) -> bytes | None:
        """The mirror file's bytes, None where there is none. Raises NodeFileUnreadable."""
        return self.node.read(self.path, hosts.LIMIT)


@dataclass(frozen=True)
class Write:
    """One file to be written; its content is never shown, for it may hold a password."""

    path: PurePosixPath
    data: bytes = field(repr=False)
    mode: int = _OPEN


@dataclass(frozen=True)
class TrustPlan:
    """What will be done: `writes` in this order, then `removes`; nothing where both are empty.

    `name` is the registry it is about, by which a severe plan is confirmed: one that replaces what
    says something else. `diff` tells what (lines of a unified diff, credentials hidden). The plan
    was made for the mirror file `before`.
    """

    name: str
    fingerprint: str
    writes: tuple[Write, ...]
    removes: tuple[PurePosixPath, ...]
    diff: tuple[str, ...]
    severe: bool
    before: bytes | None = field(repr=False)


def plan_trust(
    place: Trusted, address: Address, authority: Authority, authorization: str = ""
) -> TrustPlan:
    """What it takes to let the node pull from `address` alone.

    `authorization` is the value of the header that is sent along, "" for none. Raises
    NodeFileUnreadable.
    """
    wanted = HostsFile(address, authority.file, authorization).to_bytes()
    mode = _SECRET if authorization else _OPEN
    before = place.data()
    writes = list(_authority(place, authority))
    stale: list[PurePosixPath] = []
    if before is not None and before != wanted:
        if hosts.is_untouched(before, place.path):
            stale = _ours(place, but=wanted)
        else:
            kept = _aside(place, max(_kept(place), default=0) + 1)
            writes.append(Write(kept, before, place.node.mode(place.path) & _OPEN))
    if before != wanted or place.node.mode(place.path) != mode:
        writes.append(Write(place.path, wanted, mode))
    return TrustPlan(
        name=str(address),
        fingerprint=authority.fingerprint,
        writes=tuple(writes),
        removes=tuple(stale),
        diff=_diff(before, wanted, place) if before is not None else (),
        severe=before is not None and before != wanted,
        before=before,
    )


def plan_return(place: Trusted) -> TrustPlan:
    """What it takes to put back what was there before; always severe.

    Raises NothingTrusted, HostsFileInvalid, NodeFileUnreadable.
    """
    before = place.data()
    if before is None or not hosts.is_ours(before):
        raise NothingTrusted(path=place.node.at(place.path))
    kept = max(_kept(place), default=0)
    aside = _aside(place, kept)
    old = place.node.read(aside, hosts.LIMIT) if kept else None
    first = hosts.endpoints(before, place.node.at(place.path))[0]
    return TrustPlan(
        name=str(first.address or hosts.without_user(first.url)),
        fingerprint="",
        writes=() if old is None else (Write(place.path, old, place.node.mode(aside)),),
        removes=(place.path if old is None else aside, *_ours(place, but=old or b"")),
        diff=_diff(before, old or b"", place),
        severe=True,
        before=before,
    )


def carry_out(place: Trusted, plan: TrustPlan) -> None:
    """Do exactly what the plan says; a plan is good as long as the mirror file stays as it was.

    Raises MirrorMoved, NodePathLinked, NodeNotWritable, NodeFileUnreadable.
    """
    if place.data() != plan.before:
        raise MirrorMoved(path=place.node.at(place.path))
    for write in plan.writes:
        place.node.write(write.path, write.data, write.mode)
    for path in plan.removes:
        place.node.remove(path)


def _authority(place: Trusted, authority: Authority) -> Iterator[Write]:
    path = place.folder / authority.file
    if place.node.read(path, LIMIT) != authority.pem:
        yield Write(path, authority.pem)


def _ours(place: Trusted, but: bytes) -> list[PurePosixPath]:
    """The authorities' files of ours, without those that `but` mentions."""
    names = place.node.names(place.folder, _AUTHORITIES)
    return [place.folder / name for name in names if name.encode() not in but]


def _aside(place: Trusted, number: int) -> PurePosixPath:
    """Where a file is kept that was replaced: the first has no number in its name."""
    return place.folder / (ASIDE if number <= 1 else f"{ASIDE}-{number}")


def _kept(place: Trusted) -> Iterator[int]:
    """The numbers of the files that were kept."""
    for name in place.node.names(place.folder, f"{ASIDE}*"):
        rest = name.removeprefix(ASIDE)
        if not rest:
            yield 1
        elif rest.startswith("-") and rest[1:].isdecimal():
            yield int(rest[1:])


def _diff(before: bytes, after: bytes, place: Trusted) -> tuple[str, ...]:
    path = str(place.node.at(place.path))
    old, new = _lines(before, path), _lines(after, path)
    return tuple(difflib.unified_diff(old, new, path, path, n=2, lineterm=""))


def _lines(data: bytes, path: str) -> list[str]:
    try:
        return hosts.shown(data, path)
    except HostsFileInvalid as error:
        # Without its structure nobody can tell what in it is secret.
        return [f"({error})"]
