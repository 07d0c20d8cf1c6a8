"""Sockets from outside: what is taken over, what is refused; and what systemd hears."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from champ_offline.registry import notify
from champ_offline.registry.listening import (
    HANDOVER,
    CannotListen,
    SocketUnusable,
    handed,
    opened,
)
from champ_offline.registry.watch import connections, end, held


@pytest.fixture
def third() -> Iterator[None]:
    """Descriptor 3, where systemd puts its socket; whatever was there comes back."""
    kept = None
    with suppress(OSError):
        kept = os.dup(3)
    try:
        yield
    finally:
        if kept is None:
            with suppress(OSError):
                os.close(3)
        else:
            os.dup2(kept, 3)
            os.close(kept)


def given(count: str = "1", process: str = "") -> dict[str, str]:
    named = {"LISTEN_FDNAMES": "x", "OTHER": "stays"}
    return {"LISTEN_FDS": count, "LISTEN_PID": process or str(os.getpid()), **named}


@pytest.mark.usefixtures("third")
def test_a_socket_of_systemd() -> None:
    with socket.create_server(("127.0.0.1", 0)) as one:
        os.dup2(one.fileno(), 3)
        environment = given()
        found = handed(environment)
        assert found is not None
        with found.socket:
            assert found.address == one.getsockname()[:2]
            assert found.answer == -1
            assert not os.get_inheritable(3)
            assert found.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
    assert environment == {"OTHER": "stays"}


def test_variables_for_another_process_are_dropped() -> None:
    for environment in (given(process="1"), given(count="0"), given(count="x"), {"OTHER": "stays"}):
        assert handed(environment) is None
        assert environment == {"OTHER": "stays"}


@pytest.mark.usefixtures("third")
def test_what_is_no_listening_socket() -> None:
    with pytest.raises(SocketUnusable, match="2 sockets"):
        handed(given(count="2"))
    other, pair = socket.socketpair()
    with (
        other,
        pair,
        socket.socket() as unbound,
        socket.socket(type=socket.SOCK_DGRAM) as datagrams,
    ):
        for one in (other, unbound, datagrams):
            os.dup2(one.fileno(), 3)
            with pytest.raises(SocketUnusable, match="another kind"):
                handed(given())
    reading, writing = os.pipe()
    os.dup2(reading, 3)
    os.close(reading)
    os.close(writing)
    with pytest.raises(SocketUnusable):
        handed(given())


@pytest.mark.parametrize("text", ["x", "1", "3:4:5", "-1:2", "999999:999998"])
def test_a_hand_over_that_is_none(text: str) -> None:
    with pytest.raises(SocketUnusable):
        handed({HANDOVER: text})


def test_a_predecessors_socket() -> None:
    one = opened("127.0.0.1", 0)
    reading, writing = os.pipe()
    environment = {HANDOVER: f"{os.dup(one.fileno())}:{writing}"}
    found = handed(environment)
    assert found is not None
    with found.socket, one:
        assert found.address == one.getsockname()
        assert found.answer == writing
    assert environment == {}
    os.close(reading)
    os.close(writing)


def test_addresses() -> None:
    with opened("127.0.0.1", 0) as one:
        port = one.getsockname()[1]
        with pytest.raises(CannotListen, match=str(port)):
            opened("127.0.0.1", port)
    for address in ("no such name.", "192.0.2.1"):
        with pytest.raises(CannotListen):
            opened(address, 0)
    with opened("::1", 0) as six:
        assert six.family == socket.AF_INET6


def test_what_is_open(tmp_path: Path) -> None:
    (tmp_path / "blob").write_bytes(b"x")
    with opened("127.0.0.1", 0) as one, (tmp_path / "blob").open("rb"):
        port = one.getsockname()[1]
        assert held(port, tmp_path) == held(0, tmp_path)
        with socket.create_connection(("127.0.0.1", port)) as client:
            one.setblocking(True)
            taken, _ = one.accept()
            with taken:
                assert connections(port) == [client.getsockname()[1]]
                assert (held(port, tmp_path).connections, held(port, tmp_path).files) == (1, 1)
                assert end(port) == 1
                assert client.recv(1) == b""
        assert end(port) == 0


@pytest.mark.parametrize("abstract", [False, True])
def test_what_is_told(tmp_path: Path, *, abstract: bool) -> None:
    place = f"@champ-{os.getpid()}" if abstract else str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        heard.bind(f"\0{place[1:]}" if abstract else place)
        notify.tell({"NOTIFY_SOCKET": place}, ready=1, status="It is well.")
        assert heard.recv(100) == b"READY=1\nSTATUS=It is well."


def test_nobody_who_hears(tmp_path: Path) -> None:
    for place in ("", "relative", str(tmp_path / "none")):
        notify.tell({"NOTIFY_SOCKET": place}, ready=1)
    notify.tell({}, ready=1)
