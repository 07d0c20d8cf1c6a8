"""A zone's clock that is wrong: the import says so, and a reason given lets it through once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from champ_offline.bundle.divide import Limits
from champ_offline.events import ignore
from champ_offline.workshop import PackOrder, Workshop
from tests.crash.zones import held
from tests.field.site import MIB, Site

AHEAD = timedelta(days=30)


@pytest.fixture
def ahead(site: Site, tmp_path: Path) -> Path:
    """The bundle as a machine packs it for which it is a month later: this clock is behind."""
    workshop = Workshop(site.folder / "cache/champ-offline", lambda: datetime.now(UTC) + AHEAD)
    order = PackOrder(site.recipe, (site.keys,), tmp_path, limits=Limits(8 * MIB), sboms=False)
    workshop.pack(order, ignore)
    return tmp_path


def test_a_clock_behind_needs_a_reason_each_time_and_is_written_down(
    site: Site, zone: Path, packed: Path, ahead: Path
) -> None:
    said = site.take(zone, ahead)
    assert (said.code, said.error["id"]) == (3, "trust.packed-in-future")
    assert "--accept-clock" in said.error["remedy"]
    assert held(zone).refs == ()
    assert site.run("--zone", zone, "import", ahead, "--accept-clock", " ").code == 2
    reason = "the battery of the clock is empty"
    taken = site.does("--zone", zone, "import", ahead, "--accept-clock", reason)
    assert taken["changed"]
    refused = site.take(zone, packed)  # what was accepted is a floor for time, too
    assert (refused.code, refused.error["id"]) == (3, "trust.clock-behind")
    replayed = site.run("--zone", zone, "import", packed, "--accept-clock", reason)
    assert (replayed.code, replayed.error["id"]) == (3, "trust.replayed")
    (written,) = site.does("--zone", zone, "trust", "show")["overrides"]
    assert (written["kind"], written["reason"]) == ("clock", reason)
