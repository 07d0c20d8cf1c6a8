"""Talks to a registry step by step: name, port, TLS, HTTP; each step fails with its own error.

Invariant: everything read is bounded in size and in time, and no connection whose certificate was
not verified is ever asked anything. Python's own ssl and http.client; no environment is consulted,
so a proxy that this process has is not used.
"""

from __future__ import annotations

import errno
import http.client
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from champ_offline.errors import Quoted, system_said
from champ_offline.node.address import Address
from champ_offline.node.wire_errors import (
    AnswerUnreadable,
    ChainUnknown,
    NameNotInCertificate,
    NameUnknown,
    NoRoute,
    NotTls,
    PortClosed,
    PortSilent,
    TlsTooOld,
)

_MOST_ADDRESSES = 8
_CONNECT_SECONDS = 5.0
_DEADLINE_SECONDS = 20.0
# X509_V_FLAG_NO_CHECK_TIME (openssl, x509_vfy.h): dates are looked at in a step of their own.
_NO_CHECK_TIME = 0x200000
_NAME_DIFFERS = {62, 64}  # X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH
_OLD = ("UNSUPPORTED_PROTOCOL", "PROTOCOL_VERSION", "NO_PROTOCOLS_AVAILABLE")
_UNREACHABLE = {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EHOSTDOWN, errno.EACCES, errno.EPERM}


@dataclass(frozen=True)
class Shown:
    """What a server shows before anybody trusts it: its TLS version, its certificate (DER)."""

    version: str
    certificate: bytes


@dataclass(frozen=True)
class Answer:
    """An HTTP answer; names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def resolve(address: Address) -> tuple[str, ...]:
    """The IP addresses of a host, at most eight; raises NameUnknown."""
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise NameUnknown(host=address.host) from error
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))[:_MOST_ADDRESSES]


def connect(address: Address, found: tuple[str, ...]) -> str:
    """The first of the IP addresses whose port answers.

    Raises the last one's PortClosed, PortSilent or NoRoute.
    """
    for ip in found[:-1]:
        try:
            _dial(ip, address.port).close()
        except (PortClosed, PortSilent, NoRoute):
            continue
        return ip
    _dial(found[-1], address.port).close()
    return found[-1]


def shown(address: Address, ip: str) -> Shown:
    """What the server shows to everybody; nothing is asked and nothing trusted.

    Raises NotTls, TlsTooOld, and what `connect` raises.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    with _secured(address, ip, context) as secured:
        certificate = secured.socket.getpeercert(binary_form=True)
        return Shown(secured.socket.version() or "", certificate or b"")


def verify_chain(address: Address, ip: str, authorities: str | None) -> None:
    """Whether an authority vouches for the server, whatever its name and the dates.

    `authorities` are certificates in PEM form, None for this machine's own. Raises ChainUnknown.
    """
    context = _verifying(authorities)
    context.check_hostname = False
    with _secured(address, ip, context):
        pass


def verify_name(address: Address, ip: str, authorities: str | None) -> None:
    """Whether the certificate is for the host; raises NameNotInCertificate, with no names in it."""
    with _secured(address, ip, _verifying(authorities)):
        pass


class Asking:
    """Asks a registry whose certificate is verified; each answer on a connection of its own."""

    def __init__(
        self, address: Address, ip: str, authorities: str | None, authorization: str = ""
    ) -> None:
        self._address, self._ip, self._authorities = address, ip, authorities
        self._headers = {"Host": str(address), "User-Agent": "champ", "Connection": "close"}
        if authorization:
            self._headers["Authorization"] = authorization

    def __call__(
        self, method: str, target: str, limit: int, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """The answer to one request, its body cut off behind `limit` bytes.

        Raises AnswerUnreadable and what the steps before raise.
        """
        asked = {**self._headers, **(headers or {})}
        with _secured(self._address, self._ip, _verifying(self._authorities)) as secured:
            connection = http.client.HTTPConnection(self._address.host, self._address.port)
            connection.sock = secured.socket
            try:
                connection.request(method, target, headers=asked)
                response = connection.getresponse()
                body = b"" if method == "HEAD" else response.read(limit)
            except (http.client.HTTPException, OSError, ValueError) as error:
                raise AnswerUnreadable(address=self._address) from error
        left = 0 if method == "HEAD" or response.length is None else response.length
        if secured.late or (len(body) < limit and left):
            raise AnswerUnreadable(address=self._address)
        found = {name.lower(): value[:1000] for name, value in response.getheaders()}
        return Answer(response.status, found, body)


@dataclass
class _Secured:
    """A TLS connection; `late` once its time was up."""

    socket: ssl.SSLSocket
    late: bool = False

    def cut(self) -> None:
        """End it; whoever waits on it wakes up."""
        self.late = True
        try:
            # Not the TLS socket's own: that one forgets its state while another thread reads.
            socket.socket.shutdown(self.socket, socket.SHUT_RDWR)
        except OSError:
            return


def _verifying(authorities: str | None) -> ssl.SSLContext:
    """A context that trusts these authorities alone, and looks at no dates."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # As Go does: a name counts only where the certificate lists it (RFC 6125, 6.4.4).
    context.hostname_checks_common_name = False
    context.verify_flags |= _NO_CHECK_TIME
    if authorities is None:
        context.load_default_certs()
    elif authorities:
        context.load_verify_locations(cadata=authorities)
    return context


@contextmanager
def _secured(address: Address, ip: str, context: ssl.SSLContext) -> Iterator[_Secured]:
    """A TLS connection that ends by itself when its time is up."""
    plain = _dial(ip, address.port)
    with (
        plain,
        context.wrap_socket(
            plain, server_hostname=address.host, do_handshake_on_connect=False
        ) as secured,
    ):
        # Each read has a time of its own; a server that sends a byte now and then has this one.
        found = _Secured(secured)
        timer = threading.Timer(_DEADLINE_SECONDS, found.cut)
        timer.daemon = True
        timer.start()
        try:
            _handshake(address, ip, secured)
            yield found
        finally:
            timer.cancel()


def _handshake(address: Address, ip: str, secured: ssl.SSLSocket) -> None:
    try:
        secured.do_handshake()
    except ssl.SSLCertVerificationError as error:
        if error.verify_code in _NAME_DIFFERS:
            raise NameNotInCertificate(host=address.host, names="") from error
        raise ChainUnknown(address=address, reason=Quoted(error.verify_message[:200])) from error
    except ssl.SSLError as error:
        if any(word in (error.reason or "") for word in _OLD):
            raise TlsTooOld(address=address) from error
        raise NotTls(address=address) from error
    except TimeoutError as error:
        raise PortSilent(ip=ip, port=address.port) from error
    except OSError as error:
        raise NotTls(address=address) from error


def _dial(ip: str, port: int) -> socket.socket:
    try:
        return socket.create_connection((ip, port), _CONNECT_SECONDS)
    except ConnectionRefusedError as error:
        raise PortClosed(ip=ip, port=port) from error
    except TimeoutError as error:
        raise PortSilent(ip=ip, port=port) from error
    except OSError as error:
        if error.errno in _UNREACHABLE:
            raise NoRoute(ip=ip, reason=system_said(error)) from error
        raise PortSilent(ip=ip, port=port) from error
