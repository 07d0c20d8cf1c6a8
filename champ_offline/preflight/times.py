"""Clocks that differ, and certificates that end.

Invariant: blocks only a certificate past its end without which nothing can be changed; clocks give
warnings, for nobody knows from here which of two is right.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from champ_offline.preflight.change import Planned
from champ_offline.preflight.concern import Concern, Sort, Weight
from champ_offline.preflight.facts import Facts

_TOLERANCE = timedelta(seconds=60)
_SOON = timedelta(days=30)

SERVER_CLOCK = Sort(
    "clock.server",
    Weight.WARNING,
    "The API server's clock and that of this machine differ by {seconds} seconds.",
    "Certificates and tokens are judged by these clocks, and histories stop fitting together.",
    "Set both by the same time source.",
)
NODE_CLOCK = Sort(
    "clock.node",
    Weight.WARNING,
    "The clocks of node {subject} and of the API server differ by {seconds} seconds.",
    "Certificates and tokens are judged by these clocks; pods there may fail to sign in.",
    "Set the node's clock by the same time source as the API server's.",
)
EXPIRED = Sort(
    "certificate.expired",
    Weight.BLOCKING,
    "The {subject} ended on {day}.",
    "Whoever checks it refuses the connection: nodes pull no images, or nothing can be changed.",
    "Renew it: the registry renews its own when it is restarted; for the cluster's see its manual.",
)
ENDS_SOON = Sort(
    "certificate.ends-soon",
    Weight.WARNING,
    "The {subject} ends on {day}.",
    "After that day whoever checks it refuses the connection.",
    "Renew it before: the registry renews its own when it is restarted; for the cluster's see its"
    " manual.",
)
REGISTRY_EXPIRED = replace(EXPIRED, id="certificate.registry-expired", weight=Weight.WARNING)
"""Nodes that have every image they need do not ask the registry."""

SORTS = (SERVER_CLOCK, NODE_CLOCK, EXPIRED, REGISTRY_EXPIRED, ENDS_SOON)

API_SERVER, CLIENT, REGISTRY = (
    "certificate of the API server",
    "client certificate of the kubeconfig",
    "certificate of the zone's registry",
)


def check(_planned: Planned, facts: Facts, now: datetime) -> Iterator[Concern]:
    """The same for every release."""
    if facts.server_time is not None:
        apart = abs(facts.server_time - facts.seen)
        if apart > _TOLERANCE:
            yield SERVER_CLOCK.of(API_SERVER, seconds=int(apart.total_seconds()))
        yield from _leases(facts, facts.server_time)
    ends = (
        (API_SERVER, facts.server_certificate, EXPIRED),
        (CLIENT, facts.client_certificate, EXPIRED),
        (REGISTRY, facts.registry_certificate, REGISTRY_EXPIRED),
    )
    for what, end, expired in ends:
        if end is not None and end - now <= _SOON:
            sort = expired if end <= now else ENDS_SOON
            yield sort.of(what, day=f"{end:%Y-%m-%d}")


def _leases(facts: Facts, server: datetime) -> Iterator[Concern]:
    """A node that is ready renews its lease every ten seconds, by its own clock."""
    for node in facts.nodes:
        renewed = facts.leases.get(node.name)
        if node.ready and renewed is not None:
            apart = abs(server - renewed)
            if apart > _TOLERANCE:
                yield NODE_CLOCK.of(node.name, seconds=int(apart.total_seconds()))
