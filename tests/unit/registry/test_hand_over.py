"""Hand-overs that go wrong: whoever was to take over, the registry that is there serves on."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from champ_offline.registry.log import written
from champ_offline.registry.server import Listen, Service, run
from tests.contracts.distribution.client import Registry, free_port
from tests.e2e.served_zone import alive
from tests.unit.registry.conftest import Zone

# A redirection to `&12` is more than every shell takes.
SAYS = "printf 'SAID' >/proc/self/fd/${CHAMP_REGISTRY_HANDOVER#*:}"
PREPARED_ONLY = SAYS.replace("SAID", "p")


@dataclass
class Running:
    registry: Registry
    service: Service
    told: Callable[[Callable[[], object]], object]
    lines: list[dict[str, Any]]
    heard: threading.Condition

    def wait_for(self, event: str) -> dict[str, Any]:
        def found() -> list[dict[str, Any]]:
            return [line for line in self.lines if line["event"] == event]

        with self.heard:
            assert self.heard.wait_for(found, 30)
        return found()[-1]


@contextmanager
def running(zone: Zone, service: Service) -> Iterator[Running]:
    port, ready, stops = free_port(), threading.Event(), list[Callable[[Any], object]]()
    lines, heard = list[dict[str, Any]](), threading.Condition()

    def write(data: bytes) -> None:
        with heard:
            lines.extend(map(json.loads, data.splitlines()))
            heard.notify_all()

    async def main() -> None:
        stop, loop = asyncio.Event(), asyncio.get_running_loop()
        stops.append(lambda act: loop.call_soon_threadsafe(act))  # noqa: PLW0108
        stops.append(lambda _: loop.call_soon_threadsafe(stop.set))
        await run(zone.app, Listen("127.0.0.1", port, None), stop, ready.set, service)

    with written(write):
        thread = threading.Thread(target=asyncio.run, args=(main(),))
        thread.start()
        try:
            assert ready.wait(20)
            yield Running(Registry(port), service, stops[0], lines, heard)
        finally:
            stops[1](None)
            thread.join(30)
            zone.database.close()
    assert not thread.is_alive()


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ((), "may not start another"),
        (("/no/such/program",), "ended before it served"),
        (("false",), "ended before it served"),
        (("sh", "-c", PREPARED_ONLY), "ended before it served"),
        (
            (
                "sh",
                "-c",
                f"{PREPARED_ONLY}; {SAYS.replace('SAID', 'x')}",
            ),
            "ended",
        ),
        (("sh", "-c", SAYS.replace("SAID", "f")), "ended before it served"),
        (("sh", "-c", SAYS.replace("SAID", "fIts disk is full.")), "serve: Its disk is full. This"),
        (("sh", "-c", SAYS.replace("SAID", r"fa\nb\377")), "serve: a b\ufffd. This"),
    ],
)
def test_it_serves_on(zone: Zone, command: tuple[str, ...], reason: str) -> None:
    service = Service(command=command)
    with running(zone, service) as served:
        for _ in range(2):
            served.lines.clear()
            served.told(service.hand_over.set)
            failed = served.wait_for("handover-failed")
            assert (failed["process"], failed["level"]) == (os.getpid(), "error")
            assert reason in failed["message"]
            found = served.registry.send("GET", "/healthz")
            assert (found.status, "connection" in found.headers) == (200, False)
    assert served.lines[-1]["event"] == "stopped"


def test_a_successor_that_hangs_is_ended_with_a_stop(zone: Zone, tmp_path: Path) -> None:
    mine = tmp_path / "process"
    command = ("sh", "-c", f"echo $$ > {mine}.partial; mv {mine}.partial {mine}; exec sleep 600")
    service = Service(command=command)
    with running(zone, service) as served:
        served.told(service.hand_over.set)
        served.wait_for("handover-begun")
        while not mine.exists():
            assert served.registry.send("GET", "/healthz").status == 200
    assert "told to stop" in served.wait_for("handover-failed")["message"]
    assert not alive(int(mine.read_text()))


def test_it_looks_at_its_certificate(zone: Zone) -> None:
    asked: list[int] = []

    def due() -> bool:
        asked.append(1)
        if len(asked) == 1:
            raise OSError(5, "Input/output error")
        return len(asked) == 3

    with running(zone, Service(command=("false",), due=due, look=0.01)) as served:
        served.wait_for("handover-failed")
        assert "Input/output error" in served.wait_for("fault")["message"]
    assert len(asked) >= 3
    assert not logging.getLogger("champ.registry.access").handlers
