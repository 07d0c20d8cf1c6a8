"""20,000 requests of fixed seeds, plain and over TLS; every answer and what is left is judged."""

from __future__ import annotations

import pytest

from tests.hostile.served.__main__ import HASTE
from tests.hostile.served.aftermath import Before, sound
from tests.hostile.served.campaign import fire
from tests.hostile.served.ground import Ground, seed
from tests.hostile.served.process import served

EXPECTED = {200, 201, 202, 204, 400, 401, 403, 404, 405, 414, 416, 431}


@pytest.mark.parametrize(("tls", "requests"), [(False, 14_000), (True, 6_000)])
def test_the_surface(place: Ground, tls: bool, requests: int) -> None:
    with served(place.zone, HASTE) as target:
        seed(target.registry)
    with served(place.zone, HASTE, tls=tls) as target:
        before = Before.of(target)
        tally = fire(target, place, "CHAMP", requests)
        print(tally, before.compared(target))
    assert tally.requests >= requests
    assert set(tally.statuses) >= EXPECTED
    sound(place)
