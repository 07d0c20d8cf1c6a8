"""Looks at a node's mirror files: do they send every pull to the zone's registry, and verified?

Invariant: only read; each problem is one error with the one command that mends it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from champ_offline.errors import ChampError, ExitCode, Fields, Phrase
from champ_offline.node import hosts
from champ_offline.node.address import Address
from champ_offline.node.authority import LIMIT
from champ_offline.node.hosts import Endpoint, HostsFileInvalid
from champ_offline.node.root import NodeFileUnreadable
from champ_offline.node.trust import DEFAULT, Trusted
from champ_offline.oci.reference import Reference

_OTHERS = 0o077
_MOST_SHOWN = 5


class MirrorMissing(ChampError):
    """The node was never taught."""

    id = "node.mirror-missing"
    exit_code = ExitCode.PREFLIGHT
    message = "There is no {path}: containerd asks the images' own registries."
    remedy = "Run `champ node trust {address} --ca ca.crt` with pki/ca.crt of the zone."


class MirrorElsewhere(ChampError):
    """The mirror file leads to another registry."""

    id = "node.mirror-elsewhere"
    exit_code = ExitCode.PREFLIGHT
    message = "{path} sends pulls to {found}, not to {address}."
    remedy = "Run `champ node trust {address} --ca ca.crt --confirm {address}`."


class MirrorUnverified(ChampError):
    """The mirror file switches verification off."""

    id = "node.mirror-unverified"
    exit_code = ExitCode.PREFLIGHT
    message = "{path} lets containerd trust any certificate (skip_verify)."
    remedy = "Run `champ node trust {address} --ca ca.crt --confirm {address}`."


class MirrorIncomplete(ChampError):
    """Some containerd would ask the internet in spite of the file, or before or after the zone."""

    id = "node.mirror-incomplete"
    exit_code = ExitCode.PREFLIGHT
    message = "With {path} containerd may ask the images' own registries: {reason}."
    remedy = "Run `champ node trust {address} --ca ca.crt --confirm {address}`."


class AuthorityMissing(ChampError):
    """The mirror file names an authority that is not there."""

    id = "node.authority-missing"
    exit_code = ExitCode.PREFLIGHT
    message = "{path} names the authority {name}, which is missing or no certificate."
    remedy = "Run `champ node trust {address} --ca ca.crt` with pki/ca.crt of the zone."


class SecretOpen(ChampError):
    """A mirror file with credentials that every user of the node can read."""

    id = "node.secret-open"
    exit_code = ExitCode.PREFLIGHT
    message = "{path} holds a password and has mode {mode}: others than its owner may read it."
    remedy = (
        "Run `chmod 600 {path}`, and give the client another password if strangers log in here."
    )


class NamesElsewhere(ChampError):
    """Some registries have a mirror file of their own, which counts instead."""

    id = "node.names-elsewhere"
    exit_code = ExitCode.PREFLIGHT
    message = (
        "Images of {names} are not asked from the zone: they have folders of their own in {path}."
    )
    remedy = (
        "Remove these folders unless they are meant; the one that is left serves for all names."
    )


@dataclass(frozen=True)
class Mirror:
    """What the mirror file gives a client: the registry, its authorities (PEM; None for the
    machine's own) and the value of the header that is sent along, "" for none."""

    address: Address | None
    authorities: str | None = None
    authorization: str = ""


def read_mirror(place: Trusted) -> tuple[Endpoint, ...]:
    """The registries of the mirror file in the order they are asked, none where there is no file.

    Raises HostsFileInvalid, NodeFileUnreadable.
    """
    data = place.data()
    return () if data is None else hosts.endpoints(data, place.node.at(place.path))


def client_of(place: Trusted, found: tuple[Endpoint, ...], address: Address) -> Mirror:
    """What a pull from `address` by this file is made with."""
    for endpoint in found:
        if endpoint.address == address:
            pems = [_certificates(place, name) for name in endpoint.authorities]
            joined = "".join(pem for pem in pems if pem) if pems else None
            return Mirror(address, joined, endpoint.authorization)
    return Mirror(address)


def problems(place: Trusted, found: tuple[Endpoint, ...], address: Address) -> Iterator[ChampError]:
    """What is wrong with a mirror file that is there; nothing where it serves."""
    path = place.node.at(place.path)
    where: Fields = {"path": path, "address": address}
    *tables, server = found
    first = (tables or [server])[0]
    ours = [endpoint for endpoint in found if endpoint.address == address]
    if not ours or first.address != address:
        yield MirrorElsewhere(found=_named(first), **where)
        return
    if any(endpoint.unverified for endpoint in found):
        yield MirrorUnverified(**where)
    for reason in _gaps(tables, server, address):
        yield MirrorIncomplete(reason=reason, **where)
    for name in dict.fromkeys(name for endpoint in ours for name in endpoint.authorities):
        if not _certificates(place, name):
            yield AuthorityMissing(name=name[:200], **where)
    mode = place.node.mode(place.path)
    if mode & _OTHERS and any(endpoint.authorization for endpoint in found):
        yield SecretOpen(path=path, mode=f"{mode:04o}")


def elsewhere(place: Trusted, address: Address, image: str | None) -> ChampError | None:
    """Whether registries with folders of their own are led past the zone's.

    With an image only its own registry counts. Raises InvalidReference.
    """
    wanted = _folders_of(Reference.parse(image).registry) if image else None
    names = []
    for name in place.node.names(place.certs):
        if name == DEFAULT or (wanted is not None and name not in wanted):
            continue
        own = Trusted(place.node, place.certs / name)
        if place.node.at(own.certs).is_dir() and not _leads(own, address):
            names.append(name)
    if not names:
        return None
    more = ", …" if len(names) > _MOST_SHOWN else ""
    shown = ", ".join(names[:_MOST_SHOWN]) + more
    return NamesElsewhere(names=shown, path=place.node.at(place.certs))


def _leads(own: Trusted, address: Address) -> bool:
    """Whether a folder for one registry leads to the zone's first."""
    path = own.certs / hosts.FILE
    try:
        data = own.node.read(path, hosts.LIMIT)
        return data is not None and hosts.endpoints(data, path)[0].address == address
    except (HostsFileInvalid, NodeFileUnreadable):
        return False


def _folders_of(registry: str) -> set[str]:
    """The folders in which containerd looks for a registry's mirror file (docs/hosts.md)."""
    host, colon, port = registry.rpartition(":")
    return {registry, f"{host}_{port}_"} if colon else {registry}


def _gaps(tables: list[Endpoint], server: Endpoint, address: Address) -> Iterator[Phrase]:
    if not tables:
        yield Phrase("it has no “host” table, without which containerd 1.6 ignores it")
    elif not tables[0].resolves:
        yield Phrase("its “capabilities” are not both “pull” and “resolve”")
    if server.address != address:
        yield Phrase("its “server” is not the zone's registry")


def _certificates(place: Trusted, name: str) -> str:
    """The certificates in a file that a mirror file names, "" where there are none."""
    try:
        data = place.node.read(place.folder / PurePosixPath(name), LIMIT)
    except NodeFileUnreadable:
        return ""
    try:
        found = x509.load_pem_x509_certificates(data or b"")
    except ValueError:
        return ""
    return b"".join(one.public_bytes(serialization.Encoding.PEM) for one in found).decode("ascii")


def _named(endpoint: Endpoint) -> str:
    own = Phrase("the images' own registries")
    return str(endpoint.address or hosts.without_user(endpoint.url[:200])) or own
