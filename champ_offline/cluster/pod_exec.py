"""The channels of `pods/exec` over a WebSocket: paths, messages, and the status at the end.

Invariant: only a status that says Success is a good end; what is not exactly one of the statuses
below ends the command as broken. Source: k8s.io/apimachinery/pkg/util/remotecommand/constants.go,
k8s.io/apiserver/pkg/util/proxy/streamtranslator.go.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from urllib.parse import quote, urlencode

from champ_offline.cluster.commands import (
    CHUNK,
    ChannelBroke,
    ContainerNotRunning,
    Cut,
    End,
    Err,
    Event,
    InputHasNoEnd,
    Out,
    Place,
)
from champ_offline.cluster.interface import (
    ClusterFault,
    ClusterForbidden,
    ClusterUnreachable,
    CommandsForbidden,
)
from champ_offline.cluster.web_socket import (
    HandshakeRefused,
    Server,
    WebSocket,
    WebSocketBroke,
    connect,
)
from champ_offline.errors import ChampError, Phrase, Quoted, Reason, system_said
from champ_offline.oci.strict_json import NotStrict, parse

# With 5 the end of stdin can be told (Kubernetes 1.30); without stdin, 4 is as good.
WITH_STDIN = ("v5.channel.k8s.io",)
WITHOUT_STDIN = ("v5.channel.k8s.io", "v4.channel.k8s.io")
# A message is its channel and at most CHUNK bytes; servers write 32 KiB at a time.
LONGEST_MESSAGE = CHUNK + 1

_STDIN, _CLOSE = b"\0", b"\xff"
_PIECE = 32 * 1024
# Kubelets with containerd close a command's stdin, as if it ended, when nobody holds its stdout or
# stderr any more (`cat > file` does not), and keep an exit code back while input waits. So a
# command with input runs below a shell that holds all three until the input has ended.
_HOLDING = '"$@"; code=$?; cat > /dev/null; exit $code'
_LONGEST_STATUS = 64 * 1024
_CODE = re.compile(r"[1-9][0-9]{0,2}")
_HIGHEST_CODE = 255


def path_of(place: Place, *, stdin: bool) -> str:
    """The path and query below an API server's URL."""
    namespace, pod = quote(place.namespace, safe=""), quote(place.pod, safe="")
    words = ("sh", "-c", _HOLDING, "sh", *place.command) if stdin else place.command
    asked = [
        ("container", place.container),
        ("stdin", str(stdin).lower()),
        ("stdout", "true"),
        ("stderr", "true"),
        *(("command", word) for word in words),
    ]
    return f"/api/v1/namespaces/{namespace}/pods/{pod}/exec?{urlencode(asked)}"


@contextmanager
def opened(server: Server, place: Place, stdin: bool) -> Iterator[WebSocket]:  # noqa: FBT001
    """A connection on which the command was started.

    Raises ContainerNotRunning, CommandsForbidden, InputHasNoEnd, ChannelBroke, ClusterUnreachable
    and ClusterFault.
    """
    protocols = WITH_STDIN if stdin else WITHOUT_STDIN
    try:
        connection = connect(server, path_of(place, stdin=stdin), protocols, LONGEST_MESSAGE)
    except HandshakeRefused as refusal:
        raise _refusal(refusal, server.url, place, stdin=stdin) from refusal
    except WebSocketBroke as error:
        raise ChannelBroke(**place.fields, reason=error.reason) from error
    except OSError as error:
        raise ClusterUnreachable(address=server.url, reason=system_said(error)) from error
    try:
        yield connection
    finally:
        connection.close()


def events(
    connection: WebSocket, stdin: Iterable[bytes] | None, silence: float
) -> Generator[Event, None, None]:
    """What the command does, until its End or a Cut; closes the connection then."""
    source = _Input(stdin)
    try:
        while True:
            for message in connection.turn(source, silence):
                event = event_of(message)
                if event == End(0) and not source.told:
                    event = Cut(Phrase("its input was closed before it had ended"))
                yield event
                if isinstance(event, End | Cut):
                    return
    except WebSocketBroke as error:
        yield Cut(error.reason)
    finally:
        connection.close()


def event_of(message: bytes) -> Event:
    """What one message says."""
    channel, data = message[:1], message[1:]
    match channel:
        case b"\1":
            return Out(data)
        case b"\2":
            return Err(data)
        case b"\3":
            return status_of(data)
        case b"":
            return Cut(Phrase("a message without a channel came"))
        case _:
            return Cut(Phrase("a message came on channel {channel}", channel=channel[0]))


def status_of(data: bytes) -> End | Cut:
    """The end as a metav1.Status tells it."""
    if len(data) > _LONGEST_STATUS:
        return Cut(Phrase("the status of its end is too long"))
    try:
        return _end(parse(data))
    except NotStrict as error:
        return Cut(Phrase("the status of its end cannot be read: {why}", why=error.reason))


def _refusal(refusal: HandshakeRefused, address: str, place: Place, *, stdin: bool) -> ChampError:
    said = " ".join(refusal.body.decode(errors="replace").split())[:500].rstrip(".")
    try:
        status = parse(refusal.body)
        reason: Reason = Quoted(str(status["message"])[:500].rstrip("."))
        is_status = True
    except (NotStrict, UnicodeError, ValueError, LookupError, TypeError):
        reason, is_status = Quoted(said) if said else Phrase("it gives no reason"), False
    if stdin and not is_status and refusal.status in {HTTPStatus.BAD_REQUEST, HTTPStatus.FORBIDDEN}:
        return InputHasNoEnd(address=address, reason=reason)
    match refusal.status:
        case HTTPStatus.FORBIDDEN:
            return CommandsForbidden(address=address, pod=place.pod, reason=reason)
        case HTTPStatus.UNAUTHORIZED:
            return ClusterForbidden(address=address, reason=reason)
        case HTTPStatus.NOT_FOUND | HTTPStatus.BAD_REQUEST:
            return ContainerNotRunning(**place.fields, reason=reason)
    return ClusterFault(address=address, status=refusal.status, reason=reason)


def _end(status: object) -> End:
    match status:
        case {"kind": kind} if kind != "Status":
            raise NotStrict(Phrase("it is no Status"))
        case {"status": "Success"}:
            return End(0)
        case {"status": "Failure", "reason": "NonZeroExitCode", "details": {"causes": [cause]}}:
            return End(_code(cause))
        case {"status": "Failure", "reason": "NonZeroExitCode"}:
            raise NotStrict(Phrase("it has no exit code"))
        case {"status": "Failure", "message": str(message)}:
            return End(None, Quoted(" ".join(message.split())[:500].rstrip(".")))
    raise NotStrict(Phrase("it is no Status"))


def _code(cause: object) -> int:
    match cause:
        case {"reason": "ExitCode", "message": str(text)} if _CODE.fullmatch(text):
            if int(text) <= _HIGHEST_CODE:
                return int(text)
    raise NotStrict(Phrase("it has no exit code"))


class _Input:
    """The messages that carry stdin in pieces, then its end; `told` when all were asked for.

    A message is asked for when the one before it was sent.
    """

    def __init__(self, stdin: Iterable[bytes] | None) -> None:
        self._messages = _messages(stdin) if stdin is not None else iter(())
        self.told = stdin is None

    def __iter__(self) -> _Input:
        return self

    def __next__(self) -> bytes:
        message = next(self._messages)
        self.told = message == _CLOSE + _STDIN
        return message


def _messages(stdin: Iterable[bytes]) -> Iterator[bytes]:
    """The input in pieces, then its end."""
    for piece in stdin:
        for start in range(0, len(piece), _PIECE):
            yield _STDIN + piece[start : start + _PIECE]
    yield _CLOSE + _STDIN
