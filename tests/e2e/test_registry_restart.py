"""The registry is reloaded, upgraded and restarted while clients pull and push: none notices."""

from __future__ import annotations

import http.client
import json
import os
import random
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.busy_clients import (
    MEBIBYTE,
    NAME,
    asked,
    clients,
    pull,
    pull_slowly,
    push,
    push_slowly,
    skopeo,
)
from tests.e2e.served_zone import HOST, ServedZone, alive, until

LAYER = random.Random(7).randbytes(2 * MEBIBYTE)
BIG = random.Random(8).randbytes(160 * MEBIBYTE)


@pytest.fixture
def zone(tmp_path: Path) -> ServedZone:
    return ServedZone.made(tmp_path)


def trusted(zone: ServedZone) -> Path:
    folder = zone.folder / "certs"
    folder.mkdir()
    (folder / "ca.crt").write_bytes((zone.zone / "pki" / "ca.crt").read_bytes())
    return folder


def test_ten_hand_overs_while_clients_pull_and_push(zone: ServedZone) -> None:
    layer, big = zone.image(NAME, LAYER), zone.image("champ.local/big", BIG)
    with zone.served("--drain", "300"):
        zone.ready()
        with clients(zone) as at_work:
            trust, kept = trusted(zone), at_work.connection()

            def alone() -> None:
                with closing(at_work.connection()) as connection:
                    pull(connection, layer)

            slow = at_work.connection()
            at_work.begin(
                lambda: at_work.once("slow pull", lambda: pull_slowly(slow, big, at_work.stop))
            )
            slow_push = at_work.connection()
            at_work.begin(
                lambda: at_work.once(
                    "slow push", lambda: push_slowly(zone, slow_push, at_work.stop)
                )
            )
            at_work.over_and_over("new connections", alone)
            at_work.over_and_over("kept connection", lambda: pull(kept, layer))
            at_work.over_and_over("skopeo", lambda: skopeo(zone, trust))
            at_work.over_and_over("pushes", lambda: push(zone, at_work.connection))
            for _ in range(10):
                before = dict(at_work.counts)
                zone.handed_over()
                until(partial(at_work.moved, before), "some client came to a halt")
            first = zone.events("started")[0]["process"]
            assert alive(first)  # it still sends the slow answer
        kept.close()
        slow.close()
        slow_push.close()
        assert at_work.failures == []
        assert at_work.counts["slow pull"] == at_work.counts["slow push"] == 1
        assert len({line["process"] for line in zone.events("started")}) == 11
        until(lambda: len(zone.events("stopped")) == 10, "predecessors do not end")
    assert [line["cut_off"] for line in zone.events("stopped")] == [0] * 11
    assert zone.events("fault") == []
    zone.audited()


def held(zone: ServedZone, path: str = "/healthz") -> tuple[int, Any]:
    with closing(
        http.client.HTTPSConnection(HOST, zone.port, context=zone.context(), timeout=30)
    ) as one:
        one.request("GET", path)
        found = one.getresponse()
        return found.status, json.loads(found.read())


def test_a_successor_that_does_not_come_up_changes_nothing(zone: ServedZone) -> None:
    layer = zone.image(NAME, LAYER)
    with zone.served() as first:
        zone.ready()
        database = zone.zone / "champ.db"
        database.rename(zone.zone / "away.db")
        os.kill(first.pid, signal.SIGHUP)
        until(lambda: zone.events("handover-failed"), "it did not fail")
        (zone.zone / "away.db").rename(database)
        with closing(http.client.HTTPSConnection(HOST, zone.port, context=zone.context())) as one:
            pull(one, layer)
        assert zone.handed_over() != first.pid
        assert held(zone) == (200, {"status": "ok"})
    message = zone.events("handover-failed")[0]["message"]
    assert "the zone's database champ.db is missing" in message
    assert str(zone.zone) in message


ACTIVATE = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
os.execv(sys.argv[2], sys.argv[2:])
"""


def test_the_first_process_of_a_container_stays(zone: ServedZone) -> None:
    """Its end would be the container's, successor and all."""
    inside = ["unshare", "--pid", "--fork", "--kill-child", *zone.command()]
    with zone.served(command=inside) as outside:
        zone.ready()
        assert zone.process == 1
        [child] = Path(f"/proc/{outside.pid}/task/{outside.pid}/children").read_text().split()
        os.kill(int(child), signal.SIGHUP)
        until(lambda: zone.events("handover-failed"), "it did not refuse")
        assert held(zone) == (200, {"status": "ok"})
        os.kill(int(child), signal.SIGTERM)
        assert outside.wait(30) == 0


class Supervisor:
    """Holds a socket and starts the registry on it, again and again (sd_listen_fds(3))."""

    def __init__(self, zone: ServedZone) -> None:
        self._zone = zone
        self._socket = socket.create_server((HOST, zone.port), backlog=512)

    @contextmanager
    def served(self) -> Iterator[subprocess.Popen[bytes]]:
        handle = self._socket.fileno()
        activate = [sys.executable, "-c", ACTIVATE, str(handle)]
        command = [*activate, *self._zone.command("--drain", "60")]
        with self._zone.served(command=command, pass_fds=[handle]) as process:
            yield process

    def close(self) -> None:
        self._socket.close()


def test_clients_wait_while_the_service_starts_again(zone: ServedZone) -> None:
    layer, supervisor = zone.image(NAME, LAYER), Supervisor(zone)
    zone.certify()  # clients are there before the server
    with closing(supervisor), clients(zone) as at_work:

        def alone() -> None:
            with closing(at_work.connection()) as connection:
                pull(connection, layer)

        at_work.over_and_over("new connections", alone)
        for number in range(3):
            with supervisor.served() as process:
                zone.ready(number + 1)
                until(partial(at_work.moved, dict(at_work.counts)), "clients came to a halt")
                process.terminate()
                assert process.wait(60) == 0
            time.sleep(0.5)
        with supervisor.served():
            at_work.stop.set()
            at_work.join()
    assert at_work.failures == []
    assert [line["cut_off"] for line in zone.events("stopped")] == [0] * 4


def test_the_socket_activation_of_systemd(zone: ServedZone) -> None:
    layer = zone.image(NAME, LAYER)
    zone.certify()
    command = ["systemd-socket-activate", "-l", zone.address, "--", *zone.command()]
    with zone.served(command=command), closing(socket.socket()) as early:
        until(lambda: early.connect_ex((HOST, zone.port)) == 0, "nobody listens")
        with closing(http.client.HTTPSConnection(HOST, zone.port, context=zone.context())) as one:
            pull(one, layer)
        activated = zone.process
        assert zone.handed_over() != activated
        with closing(http.client.HTTPSConnection(HOST, zone.port, context=zone.context())) as one:
            pull(one, layer)


def test_what_systemd_is_told(zone: ServedZone) -> None:
    place = zone.folder / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        heard.bind(str(place))
        heard.settimeout(30)

        def next_message() -> dict[str, str]:
            lines = heard.recv(4096).decode().splitlines()
            return dict(line.split("=", 1) for line in lines)

        with zone.served(environment={"NOTIFY_SOCKET": str(place)}):
            assert next_message()["READY"] == "1"
            zone.ready()
            successor = zone.handed_over()
            reloading = next_message()
            assert reloading["RELOADING"] == "1"
            assert int(reloading["MONOTONIC_USEC"]) > 0
            taken = next_message()
            assert (taken["MAINPID"], taken["READY"]) == (str(successor), "1")
            os.kill(successor, signal.SIGTERM)
            assert next_message()["STOPPING"] == "1"


def test_the_drain_has_an_end_and_a_second_signal_is_one(zone: ServedZone) -> None:
    big = zone.image("champ.local/big", BIG)
    for options, signals in ((("--drain", "1"), 1), (("--drain", "600"), 2)):
        with zone.served(*options) as process:
            zone.ready(len(zone.events("stopped")) + 1)
            with closing(
                http.client.HTTPSConnection(HOST, zone.port, context=zone.context())
            ) as one:
                found = asked(one, "GET", f"/v2/champ.local/big/blobs/{big.digest}", 200)
                found.read(MEBIBYTE)
                for _ in range(signals):
                    process.terminate()
                    time.sleep(0.5)
                assert process.wait(30) == 0
                with pytest.raises((http.client.IncompleteRead, ssl.SSLError, OSError)):
                    found.read()
        assert zone.events("stopped")[-1]["cut_off"] == 1


RENEWING = """
import os, sys
from datetime import timedelta
from pathlib import Path
from champ_offline.clock import now_utc
from champ_offline.durable.database import Database
from champ_offline.paths import ZonePaths
from champ_offline.registry.start import Address, LogFile, Running, serve_zone
folder, port, me = Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])
zone, days = ZonePaths(folder / "zone"), folder / "days"
def clock():
    return now_utc() + timedelta(days=int(days.read_text()))
log = LogFile(folder / "registry.log", 10**7, 3)
address = Address("127.0.0.1", port, ["127.0.0.1"])
running = Running(60.0, [sys.executable, str(me), *sys.argv[1:]], log, look=0.2)
serve_zone(zone, Database(zone.database), clock, address, running=running)
"""


def serial(zone: ServedZone) -> str:
    with socket.create_connection((HOST, zone.port), timeout=30) as raw:
        with zone.context().wrap_socket(raw, server_hostname=HOST) as one:
            found = one.getpeercert()
    assert found is not None
    return str(found["serialNumber"])


def test_the_certificate_is_renewed_without_an_outage(zone: ServedZone) -> None:
    layer, script, days = zone.image(NAME, LAYER), zone.folder / "serve.py", zone.folder / "days"
    script.write_text(RENEWING)
    days.write_text("-380")
    words = [sys.executable, str(script), str(zone.folder), str(zone.port), str(script)]
    with zone.served(command=words):
        zone.ready()
        before, trust = serial(zone), zone.context()
        with clients(zone) as at_work:

            def alone() -> None:
                with closing(
                    http.client.HTTPSConnection(HOST, zone.port, context=trust, timeout=30)
                ) as connection:
                    pull(connection, layer)

            at_work.over_and_over("new connections", alone)
            days.write_text("0")
            until(lambda: zone.events("handover-done"), "not renewed")
            after = serial(zone)
        assert at_work.failures == []
        assert after != before
        assert len(zone.events("certificate")) == 2
        until(lambda: zone.events("stopped"), "the predecessor does not end")
        assert len(zone.events("started")) == 2
