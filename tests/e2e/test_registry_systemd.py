"""systemd itself runs the units: with few rights, reloaded and restarted under clients."""

from __future__ import annotations

import threading
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from tests.cli.command import champ
from tests.e2e.busy_clients import NAME, clients, pull, pull_slowly
from tests.e2e.own_systemd import Systemd, booted
from tests.e2e.served_zone import HOST, ServedZone, until

SERVICE = "champ-registry.service"
# Nobody runs a journal here.
OUTPUT = "[Service]\nStandardOutput=null\nStandardError=append:{log}\n"


@pytest.fixture
def zone(tmp_path: Path) -> ServedZone:
    return ServedZone.made(tmp_path)


def unit_files(zone: ServedZone) -> Path:
    folder = zone.folder / "units"
    where = ["--host", HOST, "--port", str(zone.port), "--log", str(zone.log), "--drain", "100"]
    made = champ(
        "--zone", str(zone.zone), "registry", "unit", *where, "--write", str(folder)
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    extra = folder / f"{SERVICE}.d" / "output.conf"
    extra.parent.mkdir()
    extra.write_text(OUTPUT.format(log=zone.folder / "stderr"))
    return folder


def reloaded(zone: ServedZone, systemd: Systemd) -> None:
    before = len(zone.events("handover-done"))
    systemd.ctl("reload", SERVICE)
    until(lambda: len(zone.events("handover-done")) > before, "no hand-over")
    successor = str(zone.events("handover-done")[-1]["successor"])
    until(lambda: systemd.shows(SERVICE, "MainPID") == successor, "it watches another process")
    assert systemd.shows(SERVICE, "ActiveState") in {"active", "reloading"}


def test_reload_restart_and_stop(zone: ServedZone) -> None:
    layer = zone.image(NAME, bytes(range(256)) * 4000)
    zone.certify()
    with booted(unit_files(zone), SERVICE, zone.folder / "systemd") as systemd:
        zone.ready()
        with clients(zone) as at_work:

            def alone() -> None:
                with closing(at_work.connection()) as connection:
                    pull(connection, layer)

            at_work.over_and_over("new connections", alone)
            for _ in range(3):
                reloaded(zone, systemd)
                until(partial(at_work.moved, dict(at_work.counts)), "clients came to a halt")
            systemd.ctl("restart", SERVICE)
            zone.ready(5)
            until(partial(at_work.moved, dict(at_work.counts)), "clients came to a halt")
        assert at_work.failures == []
        assert len(zone.events("stopped")) == 4
        systemd.ctl("kill", "--signal", "KILL", SERVICE)
        zone.ready(6)
        assert systemd.shows(SERVICE, "NRestarts") == "1"
        reloaded(zone, systemd)
        systemd.ctl("stop", SERVICE)
        # A stop waits for the end of a successor too.
        assert systemd.shows(SERVICE, "Result") == "success"
        stopped = zone.events("stopped")
        assert stopped[-1]["process"] == zone.process


def test_a_stop_waits_for_the_answers_of_every_process(zone: ServedZone) -> None:
    big, over = zone.image("champ.local/big", bytes(256) * 4000 * 100), threading.Event()
    zone.certify()
    with booted(unit_files(zone), SERVICE, zone.folder / "systemd") as systemd:
        zone.ready()
        with clients(zone) as at_work:
            kept = []
            for _ in range(2):
                slow, begun = at_work.connection(), threading.Event()
                kept.append(slow)
                pulling = partial(pull_slowly, slow, big, over, begun)
                at_work.begin(partial(at_work.once, "slow", pulling))
                until(begun.is_set, "nothing comes")
                reloaded(zone, systemd)
            ending = at_work.begin(lambda: print(systemd.ctl("stop", SERVICE)))
            until(lambda: len(zone.events("stopping")) == 3, "nothing stops")
            over.set()
            ending.join(60)
        for connection in kept:
            connection.close()
        assert at_work.failures == []
        assert at_work.counts["slow"] == 2
    assert [line["cut_off"] for line in zone.events("stopped")] == [0] * 3
