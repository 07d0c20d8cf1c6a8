"""Nobody notices: clients ask an app of two replicas through an upgrade and a rollback."""

from __future__ import annotations

import json

from tests.e2e.one_zone import OneZone
from tests.e2e.steady_clients import SteadyClients, answer
from tests.e2e.twin_app import APP, NEW, NODE_PORT, OLD
from tests.e2e.web_app import PORT
from tests.lab import network
from tests.lab.processes import wait_until

RELEASE = "nonstop"
# Seconds of the way there and back, at least, times a few clients.
MANY = 500


def test_no_request_fails_through_an_upgrade_and_a_rollback(twins: OneZone) -> None:
    answers = {"nodePort": NODE_PORT}
    twins.apply(twins.plan(APP, OLD, RELEASE, answers), RELEASE)
    service = json.loads(twins.kubectl("get", "service", RELEASE, "-n", RELEASE, "-o", "json"))
    by_service = (service["spec"]["clusterIP"], PORT)
    by_node = (twins.ground.node_address, NODE_PORT)
    inside = twins.zone.host_namespace

    def served() -> bool:
        try:
            return bool(answer(*by_service) and answer(*by_node))
        except OSError:
            return False

    assert network.inside(inside, lambda: wait_until(served, 20, pause=0.2))
    with SteadyClients(inside, [by_service, by_service, by_node, by_node]) as clients:
        twins.apply(twins.plan(APP, NEW, RELEASE, answers), RELEASE)
        upgraded = clients.good
        twins.champ("rollback", RELEASE, "--confirm", RELEASE, *twins.cluster)
    rate = clients.good / clients.seconds
    print(
        f"\n{clients.good} requests over new connections in {clients.seconds:.1f} s ({rate:.0f}/s),"
        f" {upgraded} of them by the end of the upgrade; {len(clients.failed)} failed;"
        f" answered by {dict(clients.said)}"
    )
    assert clients.failed == []
    assert clients.said.keys() == {f"{OLD} hello", f"{NEW} hello"}
    assert min(upgraded, clients.good - upgraded) >= MANY
    assert rate >= 20
    outcomes = [row["outcome"] for row in twins.champ.json("history", RELEASE)]
    assert outcomes == ["deployed"] * 3
