"""Commands over a WebSocket: what servers do wrong is told, and is never a good end."""

from __future__ import annotations

import json
import select
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest

from champ_offline.cluster.commands import (
    ChannelBroke,
    CommandFailed,
    CommandNotStarted,
    ContainerNotRunning,
    InputHasNoEnd,
    Running,
)
from champ_offline.cluster.interface import (
    ClusterFault,
    ClusterForbidden,
    ClusterUnreachable,
    CommandsForbidden,
)
from champ_offline.cluster.kube import KubeCluster
from champ_offline.cluster.pod_exec import LONGEST_MESSAGE
from champ_offline.cluster.web_frames import FrameReader, masked
from tests.simulators.api_server import api_server, kubeconfig
from tests.simulators.exec_server import (
    STATUS,
    STDERR,
    STDOUT,
    SUCCESS,
    ExecServer,
    Refusal,
    frame,
    said,
)

GOOD = said(STDOUT, b"") + said(STDOUT, b"some ") + said(STDERR, b"hm\n") + said(STDOUT, b"bytes")
ENDED = GOOD + said(STATUS, SUCCESS)
CLOSED = frame(b"\x03\xe8", 0x88)

Runs = Callable[[BaseHTTPRequestHandler], None]
Started = Callable[..., AbstractContextManager[Running]]


@pytest.fixture
def started(tmp_path: Path) -> Started:
    """Runs a command on the server that is given."""

    @contextmanager
    def start(
        runs: Runs, command: tuple[str, ...] = ("pg_dump",), **how: object
    ) -> Iterator[Running]:
        with api_server("one", runs) as address:
            cluster = KubeCluster(kubeconfig(tmp_path / "kubeconfig", address))
            with cluster.run_in("zone", "box", "work", command, **how) as running:  # type: ignore[arg-type]
                yield running
            cluster.close()

    return start


def _ends(started: Started, runs: Runs, **how: object) -> bytes:
    with started(runs, **how) as running:
        return b"".join(running)


def test_what_is_asked_reaches_the_server(started: Started) -> None:
    server = ExecServer(ENDED)
    assert _ends(started, server, command=("sh", "-c", "a & b=é")) == b"some bytes"
    [asked] = server.paths
    assert urlsplit(asked).path == "/api/v1/namespaces/zone/pods/box/exec"
    assert parse_qsl(urlsplit(asked).query) == [
        ("container", "work"), ("stdin", "false"), ("stdout", "true"), ("stderr", "true"),
        ("command", "sh"), ("command", "-c"), ("command", "a & b=é"),
    ]  # fmt: skip
    assert server.authorizations == ["Bearer hidden-token"]


def test_a_command_with_input_is_held_by_a_shell(started: Started) -> None:
    def serve(connection: socket.socket) -> None:
        _heard(connection, b"\xff\0")
        connection.sendall(said(STATUS, SUCCESS))

    server = ExecServer(serve=serve)
    assert _ends(started, server, command=("tar", "x"), stdin=[b"x"]) == b""
    asked = parse_qsl(urlsplit(server.paths[0]).query)
    words = [word for name, word in asked if name == "command"]
    assert (words[:2], words[3:]) == (["sh", "-c"], ["sh", "tar", "x"])
    assert ("stdin", "true") in asked


def test_success_before_the_input_has_ended_is_no_good_end(started: Started) -> None:
    def long() -> Iterator[bytes]:
        for _ in range(1000):
            yield b"x" * 65536

    with pytest.raises(ChannelBroke, match="before it had ended"):
        _ends(started, ExecServer(ENDED), stdin=long())


def test_cut_after_any_byte_it_is_no_good_end(started: Started, tmp_path: Path) -> None:
    server = ExecServer(ENDED)
    whole = len(server.head("x" * 24)) + len(ENDED)
    with api_server("one", server) as address:
        cluster = KubeCluster(kubeconfig(tmp_path / "kubeconfig", address))
        for server.cut in range(whole):
            with pytest.raises((ChannelBroke, ClusterUnreachable)):
                with cluster.run_in("zone", "box", "work", ["pg_dump"]) as running:
                    assert b"some bytes".startswith(b"".join(running))
        server.cut = whole
        with cluster.run_in("zone", "box", "work", ["pg_dump"]) as running:
            assert b"".join(running) == b"some bytes"
        cluster.close()


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({"Sec-WebSocket-Accept": "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="}, "not to this handshake"),
        ({"Sec-WebSocket-Accept": ""}, "not to this handshake"),
        ({"Upgrade": "h2c"}, "no WebSocket server"),
        ({"Connection": "keep-alive"}, "no WebSocket server"),
        ({"Sec-WebSocket-Protocol": "v1.channel.k8s.io"}, "not offered"),
        ({"Sec-WebSocket-Protocol": ""}, "not offered"),
        ({"Sec-WebSocket-Extensions": "permessage-deflate"}, "not offered"),
    ],
)
def test_a_wrong_handshake_is_refused(
    started: Started, headers: dict[str, str], reason: str
) -> None:
    with pytest.raises(ChannelBroke, match=reason):
        _ends(started, ExecServer(ENDED, headers))


@pytest.mark.parametrize(
    ("frames", "reason"),
    [
        (GOOD, "without a word"),
        (GOOD + CLOSED, "closed with code 1000"),
        (GOOD + frame(b"\x03\xf3no more room", 0x88), r"code 1011 \(no more room\)"),
        (frame(b"", 0x88), "without a code"),
        (frame(b"\x03", 0x88), "does not allow"),
        (frame(b"\x03\xee", 0x88), "does not allow"),
        (frame(b"\x03\xe8\xff", 0x88), "not UTF-8"),
        (said(7, b"x"), "channel 7"),
        (said(0, b"x"), "channel 0"),
        (frame(b""), "without a channel"),
        (frame(b"\1text", 0x81), "a text"),
        (frame(b"\1\xff", 0x81), "not UTF-8"),
        (frame(b"\1x", 0xC2), "extension"),
        (frame(b"\1x", 0x83), "opcode 3"),
        (frame(b"\1x", 0x80), "not in order"),
        (frame(b"\1x", 0x02) + frame(b"\1y", 0x82), "not in order"),
        (frame(b"p" * 126, 0x89), "control frame"),
        (frame(b"p", 0x09), "control frame"),
        (b"\x82\x82\0\0\0\0\1x", "masked"),
        (b"\x82\x7e\0\2\1x", "shortest"),
        (b"\x82\x7f\0\0\0\0\0\0\0\2\1x", "shortest"),
        (b"\x82\x7f" + (LONGEST_MESSAGE + 1).to_bytes(8, "big"), "larger than"),
        (b"\x82\x7f" + b"\xff" * 8, "larger than"),
        (frame(b"\1" * LONGEST_MESSAGE, 0x02) + frame(b"x", 0x80), "larger than"),
        (said(STATUS, b"\xff"), "not JSON in UTF-8|cannot be read"),
        (said(STATUS, b"{}"), "cannot be read"),
        (said(STATUS, b""), "cannot be read"),
        (said(STATUS, b'"Success"'), "cannot be read"),
        (said(STATUS, b'{"status":"success"}'), "cannot be read"),
        (said(STATUS, b'{"status":"Success","status":"Failure"}'), "cannot be read"),
        (said(STATUS, b'{"kind":"Pod","status":"Success"}'), "cannot be read"),
        (said(STATUS, SUCCESS + b" " * 65536), "too long"),
    ],
)
def test_what_breaks_the_protocol_is_no_good_end(
    started: Started, frames: bytes, reason: str
) -> None:
    with pytest.raises(ChannelBroke, match=reason):
        _ends(started, ExecServer(frames + said(STATUS, SUCCESS) * (frames != GOOD)))


def _failure(reason: str, *causes: dict[str, str]) -> bytes:
    details = {"causes": list(causes)}
    status = {"status": "Failure", "reason": reason, "message": "it said so.", "details": details}
    return said(STATUS, json.dumps(status).encode())


def _code(text: str) -> dict[str, str]:
    return {"reason": "ExitCode", "message": text}


def test_an_exit_code_is_told_with_the_last_line(started: Started) -> None:
    with pytest.raises(CommandFailed) as failed:
        _ends(started, ExecServer(GOOD + _failure("NonZeroExitCode", _code("137"))))
    assert (failed.value.fields["code"], failed.value.fields["last"]) == (137, "hm")


@pytest.mark.parametrize(
    "causes", [(), (_code("0"),), (_code("256"),), (_code("-1"),), (_code("1"), _code("2")),
               ({"reason": "Other", "message": "1"},), (_code("١"),)],
)  # fmt: skip
def test_an_exit_code_that_is_none_is_no_end(
    started: Started, causes: tuple[dict[str, str], ...]
) -> None:
    with pytest.raises(ChannelBroke, match="exit code"):
        _ends(started, ExecServer(GOOD + _failure("NonZeroExitCode", *causes)))


def test_a_failure_before_anything_was_written_is_one_of_starting(started: Started) -> None:
    with pytest.raises(CommandNotStarted, match="it said so"):
        _ends(started, ExecServer(said(STDOUT, b"") + _failure("InternalError")))
    with pytest.raises(ChannelBroke, match="it said so"):
        _ends(started, ExecServer(GOOD + _failure("InternalError")))


def test_pieces_and_pings_do_not_disturb(started: Started) -> None:
    frames = (
        frame(b"\1so", 0x02)
        + frame(b"are you there?", 0x89)
        + frame(b"me by", 0x00)
        + frame(b"", 0x8A)
        + frame(b"tes", 0x80)
        + said(STATUS, SUCCESS)
    )
    assert _ends(started, ExecServer(frames)) == b"some bytes"


@pytest.mark.parametrize(
    ("refusal", "error"),
    [
        (Refusal(401, b"{}"), ClusterForbidden),
        (Refusal(403, b'{"message":"cannot create resource pods/exec"}'), CommandsForbidden),
        (Refusal(404, b'{"message":"pods box not found"}'), ContainerNotRunning),
        (Refusal(400, b'{"message":"container work is not valid"}'), ContainerNotRunning),
        (Refusal(500, b"<html>" + b"x" * 100_000), ClusterFault),
        (Refusal(200, b"{}"), ClusterFault),
        (Refusal(302, b"[" * 65536), ClusterFault),
    ],
)
def test_refusals_are_named(started: Started, refusal: Refusal, error: type[Exception]) -> None:
    with pytest.raises(error) as raised:
        _ends(started, refusal)
    assert len(str(raised.value)) < 700


def test_an_old_server_is_not_given_input_that_it_could_not_end(started: Started) -> None:
    refusal = Refusal(403, b"requested protocol(s) are not supported: [v5.channel.k8s.io]")
    with pytest.raises(InputHasNoEnd, match="not supported"):
        _ends(started, refusal, stdin=[b"x"])
    with pytest.raises(ChannelBroke, match="not offered"):
        server = ExecServer(ENDED, {"Sec-WebSocket-Protocol": "v4.channel.k8s.io"})
        _ends(started, server, stdin=[b"x"])
    assert _ends(started, ExecServer(ENDED, {"Sec-WebSocket-Protocol": "v4.channel.k8s.io"}))


def _heard(connection: socket.socket, until: bytes) -> list[bytes]:
    """The messages of a client, without their masks, until one of them came."""
    held, found = b"", list[bytes]()
    while until not in found:
        held += connection.recv(65536)
        while len(held) > 1 and len(held) >= 6 + (size := held[1] & 0x7F):
            assert size < 126
            assert held[1] & 0x80, "what a client sends is masked"
            found.append(masked(held[6 : 6 + size], held[2:6]))
            held = held[6 + size :]
    return found


def test_input_is_sent_with_its_end_and_pings_are_answered(started: Started) -> None:
    heard: list[bytes] = []

    def serve(connection: socket.socket) -> None:
        heard.extend(_heard(connection, b"\xff\0"))
        connection.sendall(frame(b"first", 0x89) + frame(b"second", 0x89))
        heard.extend(_heard(connection, b"second"))
        connection.sendall(said(STATUS, SUCCESS))
        connection.recv(65536)

    assert _ends(started, ExecServer(serve=serve), stdin=[b"some", b"", b"thing"]) == b""
    assert heard == [b"\0some", b"\0thing", b"\xff\0", b"second"]


def test_silence_ends_the_wait(started: Started) -> None:
    with pytest.raises(ChannelBroke, match="too long nothing"):
        _ends(started, ExecServer(GOOD, serve=lambda one: print(one.recv(65536))), silence=0.2)


def test_who_does_not_read_is_not_sent_more_than_that(started: Started) -> None:
    taken = 0

    def endless() -> Iterator[bytes]:
        nonlocal taken
        while True:
            taken += 1
            yield b"x" * 65536

    def serve(connection: socket.socket) -> None:
        ended = select.poll()
        ended.register(connection, select.POLLRDHUP)
        assert ended.poll(20_000)

    with pytest.raises(ChannelBroke, match="too long nothing"):
        _ends(started, ExecServer(serve=serve), stdin=endless(), silence=0.5)
    assert taken < 400, "what the kernel holds, and no more"


def test_who_ends_before_its_input_does_is_still_heard(started: Started) -> None:
    def endless() -> Iterator[bytes]:
        while True:
            yield b"x" * 65536

    def serve(connection: socket.socket) -> None:
        connection.recv(1)
        connection.sendall(_failure("NonZeroExitCode", _code("4")))

    for _ in range(8):
        with pytest.raises(CommandFailed, match="code 4"):
            _ends(started, ExecServer(GOOD, serve=serve), stdin=endless())


def test_leaving_early_says_good_bye(started: Started) -> None:
    heard: list[bytes] = []

    def serve(connection: socket.socket) -> None:
        while data := connection.recv(65536):
            heard.append(data)

    with started(ExecServer(GOOD, serve=serve)) as running:
        assert next(running) == b"some "
    [farewell] = heard
    assert (farewell[0], masked(farewell[6:], farewell[2:6])) == (0x88, b"\x03\xe8")


def test_a_connection_reset_is_told(started: Started) -> None:
    def serve(connection: socket.socket) -> None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        connection.close()

    with pytest.raises(ChannelBroke, match=r"reset|without a word|Bad file"):
        _ends(started, ExecServer(GOOD, serve=serve))


def test_frames_are_the_same_however_they_come() -> None:
    whole = list(FrameReader(100).feed(ENDED))
    reader = FrameReader(100)
    single = [one for byte in ENDED for one in reader.feed(bytes([byte]))]
    assert single == whole
    assert len(whole) == 5
