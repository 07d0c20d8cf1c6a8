"""Zones' namespaces: no way out, and a thread inside leaves the others outside."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab import network, resources
from tests.lab.commands import call
from tests.lab.records import Records
from tests.lab.zone import Zone


@pytest.fixture
def zones(tmp_path: Path) -> Iterator[list[Zone]]:
    records = Records(tmp_path)
    prefix = f"champ-unit{os.getpid()}"

    def none() -> Path:
        raise AssertionError

    try:
        yield [
            Zone(records, tmp_path / name, name, prefix, none, reachable=reachable)
            for name, reachable in (("a", False), ("b", True))
        ]
    finally:
        resources.remove_all(records)


def test_no_namespace_has_a_default_route(zones: list[Zone]) -> None:
    for zone in zones:
        for name in (zone.host_namespace, zone.node_namespace):
            assert call("ip", "-n", name, "route", "show", "default") == ""
            assert call("ip", "-n", name, "-6", "route", "show", "default") == ""


def test_nothing_outside_answers_from_inside(zones: list[Zone]) -> None:
    for zone in zones:
        with pytest.raises(OSError, match="unreachable"):
            network.inside(
                zone.host_namespace, lambda: socket.create_connection(("192.0.2.1", 80), 2)
            )
        assert zone.run(["getent", "hosts", "debian.org"], check=False).returncode != 0


def test_zones_of_the_same_numbers_do_not_meet(zones: list[Zone]) -> None:
    first, second = zones
    assert first.node_address == second.node_address

    def listen() -> socket.socket:
        return socket.create_server((first.node_address, 8080))

    with network.inside(first.node_namespace, listen):
        reach = (first.node_address, 8080)
        network.inside(first.host_namespace, lambda: socket.create_connection(reach, 5).close())
        with pytest.raises(ConnectionRefusedError):
            network.inside(second.host_namespace, lambda: socket.create_connection(reach, 5))


def test_only_a_reachable_zone_is_reached(zones: list[Zone]) -> None:
    closed, opened = zones
    assert closed.outside_address == ""
    assert opened.outside_address

    def listen() -> socket.socket:
        return socket.create_server(("0.0.0.0", 8081))  # noqa: S104 - inside the zone

    with network.inside(opened.node_namespace, listen):
        socket.create_connection((opened.outside_address, 8081), 5).close()
        reach = (opened.outside_address, 8081)
        network.inside(opened.host_namespace, lambda: socket.create_connection(reach, 5).close())


def test_a_thread_inside_leaves_this_one_outside(zones: list[Zone]) -> None:
    before = Path("/proc/thread-self/ns/net").readlink()
    inside = network.inside(
        zones[0].host_namespace, lambda: Path("/proc/thread-self/ns/net").readlink()
    )
    assert inside != before
    assert Path("/proc/thread-self/ns/net").readlink() == before


def test_an_error_inside_arrives_outside(zones: list[Zone]) -> None:
    def fail() -> None:
        raise LookupError("from inside")

    with pytest.raises(LookupError, match="from inside"):
        network.inside(zones[0].host_namespace, fail)


def test_a_zone_runs_commands_on_its_host(zones: list[Zone]) -> None:
    ended = zones[0].run(["cat"], input="你好")
    assert ended.stdout == "你好"
    assert zones[0].host_address in zones[0].run(["ip", "-4", "address"]).stdout


def test_the_node_side_can_be_made_again(zones: list[Zone]) -> None:
    for zone in zones:
        zone._remove_node_side()
        zone._make_node_side()
        reach = (zone.node_address, 8082)

        def listen(address: tuple[str, int] = reach) -> socket.socket:
            return socket.create_server(address)

        with network.inside(zone.node_namespace, listen):
            assert zone.run(["bash", "-c", f": < /dev/tcp/{reach[0]}/{reach[1]}"]).returncode == 0


def test_pairs_of_addresses_are_this_machines_to_give() -> None:
    here, there, length = network.outside_pair("some zone")
    assert (int(here) % 4, int(there) % 4, length) == (1, 2, 30)
    assert here in network.OUTSIDE
    assert network.outside_pair("some zone")[0] == here
    assert len(network.device_name("a zone with quite a long name")) <= 15
