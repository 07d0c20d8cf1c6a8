"""Commands in the simulated cluster keep the contract; how a command's end is judged."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from champ_offline.cluster.commands import (
    CHUNK,
    ChannelBroke,
    CommandFailed,
    CommandNotStarted,
    ContainerNotRunning,
    Cut,
    End,
    Err,
    Event,
    Out,
    Place,
    Running,
)
from champ_offline.cluster.interface import CommandsForbidden
from champ_offline.errors import Quoted
from tests.contracts.commands import ENDLESS, FAILING, KEEPING, LAZY, WORDY, CommandContract
from tests.contracts.logs import WRITING, LogContract
from tests.simulators.cluster import SimulatedCluster
from tests.simulators.programs import Process

PLACE = Place("contract", "box", "work", ("pg_dump", "--password=hidden"))


def _failing(_process: Process) -> Generator[Event, None, int]:
    yield Out(b"half\n")
    yield Err(b"first\nit went")
    yield Err(b" wrong\n")
    return 3


def _keeping(process: Process) -> Generator[Event, None, int]:
    process.files["/home/champ/kept"] = b"".join(process.stdin)
    yield from ()
    return 0


def _lazy(process: Process) -> Generator[Event, None, int]:
    next(process.stdin)
    yield from ()
    return 4


def _endless(_process: Process) -> Generator[Event, None, int]:
    while True:
        yield Out(b"endless\n")


def _wordy(_process: Process) -> Generator[Event, None, int]:
    for _ in range(3000):
        yield Err(b"warning..\n")
    yield Out(b"done\n")
    return 0


@pytest.fixture
def cluster() -> SimulatedCluster:
    cluster = SimulatedCluster()
    cluster.ensure_namespace("contract")
    box = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "box"},
        "spec": {"containers": [{"name": "work", "image": "box"}]},
        "status": {"phase": "Running"},
    }
    cluster.apply(box, "contract")
    cluster.computer.scripts = {FAILING: _failing, ENDLESS: _endless}
    cluster.computer.scripts |= {WORDY: _wordy, LAZY: _lazy, KEEPING: _keeping}

    def writing(_process: Process) -> Generator[Event, None, int]:
        cluster.logs["box", "work"] = "first\nsecond\n"
        yield from ()
        return 0

    cluster.computer.scripts[WRITING] = writing
    return cluster


class TestSimulatedCommands(CommandContract, LogContract):
    @pytest.fixture
    def place(self) -> Place:
        return PLACE


def test_a_program_acts_on_the_files_of_its_pod(cluster: SimulatedCluster) -> None:
    def keep(process: Process) -> Generator[Event, None, int]:
        process.files["/data/kept"] = b"".join(process.stdin)
        yield from ()
        return 0

    cluster.computer.programs["keep"] = keep
    with cluster.run_in("contract", "box", "work", ["keep"], stdin=[b"a", b"b"]) as running:
        running.wait()
    with cluster.run_in("contract", "box", "work", ["cat", "/data/kept"]) as running:
        assert list(running) == [b"ab"]
    assert cluster.computer.files["contract", "box"] == {"/data/kept": b"ab"}


def test_who_may_not_run_commands_is_told_what_is_missing(cluster: SimulatedCluster) -> None:
    cluster.computer.forbidden = True
    with pytest.raises(CommandsForbidden) as refused:
        with cluster.run_in("contract", "box", "work", ["true"]):
            pass
    assert "pods/exec" in refused.value.advice


def test_a_connection_that_breaks_is_never_a_good_end(cluster: SimulatedCluster) -> None:
    def breaking(_process: Process) -> Generator[Event, None, int]:
        yield Out(b"half")
        raise ConnectionError("connection reset")

    cluster.computer.programs["breaking"] = breaking
    got = []
    with pytest.raises(ChannelBroke, match="connection reset"):
        with cluster.run_in("contract", "box", "work", ["breaking"]) as running:
            got += [next(running)]
            running.wait()
    assert got == [b"half"]


def _running(*events: Event) -> Running:
    return Running(PLACE, (event for event in events))


@pytest.mark.parametrize(
    ("events", "error"),
    [
        ((), ChannelBroke),
        ((Out(b"a"),), ChannelBroke),
        ((Cut(Quoted("reset")),), ChannelBroke),
        ((Out(b"a"), Cut(Quoted("reset")), End(0)), ChannelBroke),
        ((End(None, Quoted("no such file")),), CommandNotStarted),
        ((Err(b"a"), End(None, Quoted("the node went away"))), ChannelBroke),
        ((End(None, Quoted('container not found ("work")')),), ContainerNotRunning),
        ((Out(b"a"), End(1), End(0)), CommandFailed),
    ],
)
def test_every_end_but_code_0_is_raised(events: tuple[Event, ...], error: type[Exception]) -> None:
    running = _running(*events)
    with pytest.raises(error) as raised:
        running.wait()
    assert "hidden" not in str(raised.value)
    assert list(running) == [], "what failed once stays at its end"


def test_pieces_are_bounded_and_nothing_is_lost() -> None:
    got = list(_running(Out(b"a" * (2 * CHUNK + 1)), Out(b""), Out(b"b"), End(0)))
    assert [len(piece) for piece in got] == [CHUNK, CHUNK, 1, 1]


@pytest.mark.parametrize(
    ("said", "last"),
    [
        (b"", "it wrote nothing"),
        (b"\n \n", "it wrote nothing"),
        (b"one\ntwo.\n\n", "two"),
        (b"\xff" + b"x" * 9000, "x" * 300),
    ],
)
def test_the_last_line_of_stderr_is_told(said: bytes, last: str) -> None:
    with pytest.raises(CommandFailed) as failed:
        _running(Err(said), End(2)).wait()
    assert failed.value.fields["last"] == last
