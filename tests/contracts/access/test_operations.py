"""Who may ask how the registry is: health everybody, metrics whoever may pull or has a name."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from champ_offline.registry.clients import Anonymous
from tests.contracts.access.conftest import Zone, basic, challenge


@pytest.fixture
def closed(zone: Zone) -> Iterator[Zone]:
    zone.clients.allow(Anonymous.NONE, "anna")
    yield zone
    zone.clients.allow(Anonymous.PULL, "anna")


def test_in_an_open_zone_everybody_may_ask(zone: Zone) -> None:
    assert zone.registry.send("GET", "/healthz").status == 200
    assert zone.registry.send("GET", "/metrics").status == 200
    assert zone.registry.send("HEAD", "/metrics").status == 200


def test_in_a_closed_zone_metrics_want_a_name(closed: Zone) -> None:
    assert closed.registry.send("GET", "/healthz").status == 200
    stranger = closed.registry.send("GET", "/metrics")
    asked = challenge(stranger)
    assert b"champ_registry" not in stranger.body
    for name in ("reader", "pusher"):
        assert closed.registry.send("GET", "/metrics", headers=basic(name)).status == 200
    token = closed.bearer(asked, basic("pusher"))
    assert closed.registry.send("GET", "/metrics", headers=token).status == 200
    forged = {"authorization": "Bearer x.y.z"}
    assert closed.registry.send("GET", "/metrics", headers=forged).status == 401
    assert closed.registry.send("POST", "/metrics", headers=basic("reader")).status == 405


def test_wrong_passwords_are_counted(zone: Zone) -> None:
    def counted() -> float:
        lines = zone.registry.send("GET", "/metrics").body.decode().splitlines()
        name = "champ_registry_rejected_logins_total "
        return float(next(line for line in lines if line.startswith(name)).split()[1])

    before = counted()
    for target in ("/metrics", "/v2/", "/v2/token"):
        assert zone.registry.send("GET", target, headers=basic("ci", "wrong")).status == 401
    assert zone.registry.send("GET", "/v2/", headers=basic("nobody", "wrong")).status == 401
    assert counted() == before + 4
