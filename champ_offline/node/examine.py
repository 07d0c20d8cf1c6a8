"""Looks along a node's whole way to the zone's registry, step by step, as a pull takes it.

Invariant: looking changes nothing, on the node and in the registry. Where a step fails, those that
need it are listed as not looked at, so the first that stops is the one to mend.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import PurePosixPath

from cryptography import x509

from champ_offline.errors import ChampError, ExitCode
from champ_offline.findings import Finding, State
from champ_offline.node import wire
from champ_offline.node.address import Address
from champ_offline.node.containerd import CONFIG, SeveralMirrorFolders, read_settings
from champ_offline.node.engines import others
from champ_offline.node.hosts import Endpoint, HostsFileInvalid
from champ_offline.node.mirror import (
    Mirror,
    MirrorIncomplete,
    MirrorMissing,
    NamesElsewhere,
    SecretOpen,
    client_of,
    elsewhere,
    problems,
    read_mirror,
)
from champ_offline.node.proxies import ProxyInTheWay, read_environment
from champ_offline.node.pull import Puller
from champ_offline.node.root import NodeFileUnreadable
from champ_offline.node.running import ConfigurationNewer, RunsOtherwise, running_problems
from champ_offline.node.trust import Trusted
from champ_offline.node.wire_errors import (
    CertificateNotValid,
    ClockDiffers,
    CredentialsRefused,
    NameNotInCertificate,
    NothingServed,
    NotRegistry,
    NotTls,
)
from champ_offline.oci.reference import Reference
from champ_offline.oci.strict_json import NotStrict, parse

_LISTING = 64 * 1024
_SKEW = timedelta(minutes=5)
_MOST_NAMES = 10
_OK, _UNAUTHORIZED = 200, 401
_MILD = (
    MirrorIncomplete, SecretOpen, SeveralMirrorFolders, NamesElsewhere, NothingServed,
    ConfigurationNewer, RunsOtherwise,
)  # fmt: skip


class RegistryNotNamed(ChampError):
    """No registry was named and the node's mirror file names none either."""

    id = "node.registry-not-named"
    exit_code = ExitCode.USAGE
    message = "No registry was named, and {path} names none."
    remedy = "Give HOST:PORT of the zone's registry, or teach the node with `champ node trust`."


@dataclass(frozen=True)
class Question:
    """What is looked at: the way of the node's pulls to `address`.

    `authority` is a PEM text to verify by instead of the mirror file's; `image` is what is read,
    None for anything.
    """

    place: Trusted
    address: Address
    authority: str | None = None
    image: str | None = None
    config: PurePosixPath = CONFIG


def taught(place: Trusted) -> Address:
    """The registry that a node's mirror file names.

    Raises RegistryNotNamed, HostsFileInvalid, NodeFileUnreadable.
    """
    for endpoint in read_mirror(place):
        if endpoint.address is not None:
            return endpoint.address
    raise RegistryNotNamed(path=place.node.at(place.path))


def examine(asked: Question, clock: Callable[[], datetime]) -> Iterator[Finding]:
    """One finding for each step: first what the node is told, then the way itself.

    Raises InvalidReference for an image that is none.
    """
    if asked.image is not None:
        Reference.parse(asked.image)
    found: tuple[Endpoint, ...] = ()
    try:
        found = read_mirror(asked.place)
    except (HostsFileInvalid, NodeFileUnreadable) as error:
        yield Finding("mirror file", State.BAD, error)
    else:
        yield from _mirror(asked, found)
    if found or asked.authority is None:
        yield from _engines(asked)
        yield from _containerd(asked)
        yield from _proxy(asked)
    else:
        # Whoever brings an authority along where there is no mirror file asks about the way alone.
        yield from (Finding(check, State.UNSEEN) for check in ("containerd", "proxy"))
    mirror = client_of(asked.place, found, asked.address)
    if asked.authority is not None:
        mirror = Mirror(asked.address, asked.authority, mirror.authorization)
    yield from _Way(asked, mirror, clock).findings()


def needed(place: Trusted, address: Address, config: PurePosixPath = CONFIG) -> Iterator[Finding]:
    """What a node with a mirror file still needs, before it pulls; nothing of the network.

    Engines that read no mirror file, containerd's configuration, proxies, other mirror files.
    """
    asked = Question(place, address, config=config)
    yield from _engines(asked)
    yield from _containerd(asked)
    yield from _proxy(asked)
    yield from _others(asked)


def _mirror(asked: Question, found: tuple[Endpoint, ...]) -> Iterator[Finding]:
    place, address = asked.place, asked.address
    if not found:
        missing = MirrorMissing(path=place.node.at(place.path), address=address)
        yield Finding("mirror file", State.WARN if asked.authority else State.BAD, missing)
        return
    yield from _each("mirror file", list(problems(place, found, address)))
    yield from _others(asked)


def _others(asked: Question) -> Iterator[Finding]:
    other = elsewhere(asked.place, asked.address, asked.image)
    if other is not None:
        state = State.BAD if asked.image else State.WARN
        yield Finding("other mirror files", state, other)


def _engines(asked: Question) -> Iterator[Finding]:
    for error in others(asked.place.node, asked.address):
        yield Finding("other engines", State.WARN, error)


def _containerd(asked: Question) -> Iterator[Finding]:
    place = asked.place
    try:
        settings = read_settings(place.node, asked.config)
    except ChampError as error:
        yield Finding("containerd", State.BAD, error)
        return
    wrong = settings.problems(place.certs, place.node)
    if place.node.is_this_machine:
        wrong += running_problems(asked.config, settings)
    yield from _each("containerd", wrong)


def _proxy(asked: Question) -> Iterator[Finding]:
    node, host = asked.place.node, asked.address.host
    try:
        environment = read_environment(node)
    except NodeFileUnreadable as error:
        yield Finding("proxy", State.WARN, error)
        return
    proxy = environment.proxy(asked.address)
    path = node.at(environment.path)
    yield from _each("proxy", [ProxyInTheWay(proxy=proxy, host=host, path=path)] if proxy else [])


def _each(check: str, wrong: list[ChampError]) -> Iterator[Finding]:
    if not wrong:
        yield Finding(check, State.OK)
    for error in wrong:
        yield Finding(check, State.WARN if isinstance(error, _MILD) else State.BAD, error)


class _Way:
    """The steps from a name to a blob; each uses what the ones before found."""

    def __init__(self, asked: Question, mirror: Mirror, clock: Callable[[], datetime]) -> None:
        self._address, self._image = asked.address, asked.image
        self._mirror, self._clock = mirror, clock
        self._addresses: tuple[str, ...] = ()
        self._ip = self._date = ""
        self._certificate: x509.Certificate | None = None
        self._dated: tuple[datetime, datetime] | None = None

    def findings(self) -> Iterator[Finding]:
        """A finding for each step; those that need one that failed are not looked at."""
        steps = (
            ("name", self._name),
            ("port", self._port),
            ("tls", self._tls),
            ("authority", self._authority),
            ("certificate's name", self._certificate_name),
            ("registry", self._registry),
        )
        broken = False
        for check, step in steps:
            if check == "registry":
                # What stops a pull in any case is told before what only may.
                yield self._seen("certificate's dates", self._dates, skip=self._dated is None)
            finding = self._seen(check, step, skip=broken)
            broken = broken or finding.state is State.BAD
            yield finding
        yield self._seen("clock", self._skew, skip=not self._date)
        yield self._seen("image", self._read, skip=broken)

    def _seen(self, check: str, step: Callable[[], str], *, skip: bool) -> Finding:
        if skip:
            return Finding(check, State.UNSEEN)
        try:
            return Finding(check, State.OK, note=step())
        except ChampError as error:
            mild = isinstance(error, (*_MILD, ClockDiffers))
            return Finding(check, State.WARN if mild else State.BAD, error)

    def _name(self) -> str:
        self._addresses = wire.resolve(self._address)
        return ", ".join(self._addresses)

    def _port(self) -> str:
        self._ip = wire.connect(self._address, self._addresses)
        return f"{self._ip} {self._address.port}"

    def _tls(self) -> str:
        shown = wire.shown(self._address, self._ip)
        try:
            certificate = x509.load_der_x509_certificate(shown.certificate)
            self._dated = certificate.not_valid_before_utc, certificate.not_valid_after_utc
        except ValueError as error:
            raise NotTls(address=self._address) from error
        self._certificate = certificate
        return shown.version

    def _authority(self) -> str:
        wire.verify_chain(self._address, self._ip, self._mirror.authorities)
        return ""

    def _certificate_name(self) -> str:
        try:
            wire.verify_name(self._address, self._ip, self._mirror.authorities)
        except NameNotInCertificate as error:
            names = ", ".join(_names(self._certificate)) or "—"
            raise NameNotInCertificate(host=self._address.host, names=names) from error
        return ""

    def _dates(self) -> str:
        if self._dated is None:
            return ""
        now, (begin, end) = self._clock(), self._dated
        if not begin <= now <= end:
            raise CertificateNotValid(begin=_moment(begin), end=_moment(end), now=_moment(now))
        return _moment(end)

    def _registry(self) -> str:
        answer = self._ask("GET", "/v2/", _LISTING, {})
        self._date = answer.headers.get("date", "")
        known = bool(self._mirror.authorization)
        if answer.status == _UNAUTHORIZED and "www-authenticate" in answer.headers:
            if known:
                raise CredentialsRefused(address=self._address)
            return ""
        if answer.status != _OK or not _is_registry(answer):
            raise NotRegistry(address=self._address, target="/v2/", status=answer.status)
        return ""

    def _skew(self) -> str:
        """Compares the clocks; a date that is none says nothing."""
        own = self._clock()
        try:
            other = parsedate_to_datetime(self._date).astimezone(UTC)
        except (ValueError, OverflowError):
            return ""
        apart = abs(own - other)
        if apart > _SKEW:
            minutes = int(apart.total_seconds() // 60)
            raise ClockDiffers(own=_moment(own), other=_moment(other), minutes=minutes)
        return _moment(own)

    def _read(self) -> str:
        known = bool(self._mirror.authorization)
        return Puller(self._ask, self._address, known=known).read(self._image)

    @property
    def _ask(self) -> wire.Asking:
        mirror = self._mirror
        return wire.Asking(self._address, self._ip, mirror.authorities, mirror.authorization)


def _is_registry(answer: wire.Answer) -> bool:
    """By its header, or an answer in JSON: the specification asks for 200 alone."""
    if answer.headers.get("docker-distribution-api-version", "").startswith("registry/2"):
        return True
    try:
        return isinstance(parse(answer.body), dict)
    except NotStrict:
        return False


def _names(certificate: x509.Certificate | None) -> list[str]:
    """The names and addresses a certificate is for, at most ten."""
    if certificate is None:
        return []
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except (x509.ExtensionNotFound, ValueError):
        return []
    names = [str(getattr(name, "value", "?"))[:100] for name in found.value]
    return names[:_MOST_NAMES]


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
