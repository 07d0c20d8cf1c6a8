"""Which connections end, as a rule over what was seen; and what is seen of real ones."""

from __future__ import annotations

import multiprocessing
import resource
import socket
from contextlib import ExitStack

import pytest

from champ_offline.registry.limits import Limits
from champ_offline.registry.watch import Pace, Seen, end, look, room_for, shut

LIMITS = Limits(patience=10.0, slowest=100, connections_per_address=3)


def seen(key: int, waiting: int = 0, taken: int = 0, silent: float = 0.0, of: str = "a") -> Seen:
    return Seen(key, (of, key), waiting, taken, silent)


def test_whoever_takes_too_little_for_long_ends() -> None:
    pace = Pace(LIMITS)
    assert pace.ended([seen(1, 50, 1000)], 0.0) == set()
    assert pace.ended([seen(1, 50, 1500)], 9.0) == set()
    assert pace.ended([seen(1, 50, 1999)], 10.0) == {1}


def test_whoever_takes_enough_stays_and_is_measured_anew() -> None:
    pace = Pace(LIMITS)
    assert pace.ended([seen(1, 50, 0)], 0.0) == set()
    assert pace.ended([seen(1, 50, 1000)], 10.0) == set()
    assert pace.ended([seen(1, 50, 1999)], 20.0) == {1}


def test_whoever_has_nothing_waiting_may_be_silent() -> None:
    pace = Pace(LIMITS)
    for now in range(0, 100, 5):
        assert pace.ended([seen(1)], now) == set()


def test_time_counts_only_while_something_waits() -> None:
    pace = Pace(LIMITS)
    assert pace.ended([seen(1, 50)], 0.0) == set()
    assert pace.ended([seen(1, 0)], 9.0) == set()
    assert pace.ended([seen(1, 50)], 11.0) == set()
    assert pace.ended([seen(1, 50)], 20.0) == set()
    assert pace.ended([seen(1, 50)], 21.0) == {1}


def test_too_many_of_one_address_those_silent_longest() -> None:
    many = [seen(key, silent=float(key)) for key in range(1, 6)]
    others = [seen(key, silent=99.0, of="b") for key in range(11, 14)]
    assert Pace(LIMITS).ended([*many, *others], 0.0) == {4, 5}


def test_what_is_seen_and_ended() -> None:
    with ExitStack() as stack:
        listening = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        place = listening.getsockname()
        made = [stack.enter_context(socket.create_connection(place)) for _ in range(2)]
        held = [stack.enter_context(listening.accept()[0]) for _ in made]
        first, second = look(place[1])
        assert (first.waiting, first.taken, first.peer[0]) == (0, 0, "127.0.0.1")
        assert first.key != second.key
        assert end(place[1], set()) == 0
        assert end(place[1], {first.key}) == 1
        ended = next(one for one in made if one.getsockname() == first.peer)
        assert ended.recv(1) == b""
        assert len(held) == 2


def test_only_what_is_read_is_shut() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        with socket.create_connection(listening.getsockname()) as client:
            server = listening.accept()[0]
            with server:
                server.settimeout(5)
                address, own = client.getsockname()
                shut(listening.getsockname()[1], (address, own))
                assert server.recv(1) == b""
                server.sendall(b"answer")
                assert client.recv(6) == b"answer"


def test_what_waits_is_counted() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        with socket.create_connection(listening.getsockname()) as client:
            server = listening.accept()[0]
            with server:
                server.setblocking(False)
                sent = server.send(bytes(64 * 1024 * 1024))
                (found,) = look(listening.getsockname()[1])
                assert 0 < found.waiting <= sent
                assert found.peer == client.getsockname()


def _places(most: int, wanted: int) -> None:
    hard = min(most, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard))
    assert room_for(3072) == wanted
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (min(6400, hard), hard)


@pytest.mark.parametrize(("most", "wanted"), [(300, 22), (512, 128), (6400, 3072), (10_000, 3072)])
def test_places_follow_the_descriptors_there_may_be(most: int, wanted: int) -> None:
    process = multiprocessing.get_context("spawn").Process(target=_places, args=(most, wanted))
    process.start()
    process.join(60)
    assert process.exitcode == 0
