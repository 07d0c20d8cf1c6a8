"""Dates and floors: overrides with reasons, clocks that are wrong, versions a thief made up."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from champ_offline.durable.database import Database
from champ_offline.trust.documents import make_documents
from champ_offline.trust.errors import (
    ClockBehind,
    DocumentUnreadable,
    Expired,
    OtherRoot,
    PackedInFuture,
    ReasonEmpty,
    RevokedKey,
)
from champ_offline.trust.overrides import CLOCK, EXPIRED, Overrides
from champ_offline.trust.rotation import Change
from champ_offline.trust.state import TrustState
from champ_offline.trust.trusted import TrustedBundle, evaluate
from tests.unit.trust.signing import Holder, first_root, next_root, signers_of

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
BUNDLE = b'{"format":1}'
REASON = "the release engineer confirmed it by telephone"
A, B, C = Holder("A"), Holder("B"), Holder("C")
ROOT = first_root([A, B, C], NOW, {"root": 2})
AFTER_C = next_root(ROOT, Change(removed=["C"]), [A, B], NOW)


def packed_at(time: datetime) -> int:
    return int(time.timestamp() * 1000)


class Zone:
    """The trust state of a zone, in a database of its own."""

    def __init__(self, folder: Path) -> None:
        self.database = Database.create(folder / "champ.db")
        self.state = TrustState(self.database)
        self.follow(1, ROOT)

    def follow(self, version: int, root: bytes) -> None:
        with self.database.transaction() as connection:
            self.state.pin(connection, version, root)

    def judge(
        self,
        by: Holder,
        version: int,
        now: datetime = NOW,
        overrides: Overrides | None = None,
        roots: tuple[bytes, ...] = (ROOT,),
    ) -> TrustedBundle:
        signed = now if version > packed_at(NOW + timedelta(days=9000)) else None
        when = signed or datetime.fromtimestamp(version / 1000, UTC)
        documents = make_documents(roots, signers_of(by), BUNDLE, version, when)
        return evaluate(
            self.state.root(), documents, now, "stick", overrides or Overrides(),
            self.state.accepted(),
        )  # fmt: skip

    def take(
        self, by: Holder, version: int, now: datetime = NOW, overrides: Overrides | None = None
    ) -> None:
        found = self.judge(by, version, now, overrides)
        with self.database.transaction() as connection:
            self.state.accept(connection, "demo", found, now.isoformat())

    def floor(self, root: bytes | None = None) -> int | None:
        found = self.state.floor("demo", root or self.state.root())
        return None if found is None else found.version


@pytest.fixture
def zone(tmp_path: Path) -> Zone:
    return Zone(tmp_path)


def test_an_expired_bundle_is_accepted_with_a_reason_that_is_kept(zone: Zone) -> None:
    old = packed_at(NOW - timedelta(days=400))
    with pytest.raises(Expired):
        zone.judge(A, old)
    zone.take(A, old, overrides=Overrides(expired=REASON))
    (record,) = zone.state.overrides()
    assert (record.kind, record.bundle, record.reason) == (EXPIRED, "demo", REASON)
    assert [about.split(" ")[0] for about in record.about] == ["timestamp", "snapshot", "targets"]


def test_an_override_that_was_not_needed_leaves_no_record(zone: Zone) -> None:
    zone.take(A, packed_at(NOW), overrides=Overrides(REASON, REASON))
    assert zone.state.overrides() == []


@pytest.mark.parametrize("reason", ["", "  ", "\t\n"])
def test_an_override_wants_a_reason(reason: str) -> None:
    with pytest.raises(ReasonEmpty):
        Overrides(expired=reason)
    with pytest.raises(ReasonEmpty):
        Overrides(clock=reason)


def test_no_override_reaches_signatures(zone: Zone) -> None:
    with pytest.raises(OtherRoot):
        zone.judge(Holder("stranger"), packed_at(NOW), overrides=Overrides(REASON, REASON))


def test_a_clock_set_back_is_refused_and_never_raises_the_floor(zone: Zone) -> None:
    zone.take(A, packed_at(NOW))
    late = NOW + timedelta(days=300)
    zone.judge(B, packed_at(NOW) + 1, late)
    early = NOW - timedelta(days=2)
    with pytest.raises(ClockBehind) as caught:
        zone.judge(B, packed_at(NOW) + 1, early)
    assert "2026-03-01 12:00 UTC" in str(caught.value)
    zone.judge(B, packed_at(NOW) + 1, NOW - timedelta(hours=23))


def test_with_the_clock_accepted_the_floor_is_now(zone: Zone) -> None:
    zone.take(A, packed_at(NOW))
    dead_clock = datetime(1970, 1, 1, tzinfo=UTC)
    accepted = Overrides(clock=REASON)
    found = zone.judge(B, packed_at(NOW) + 1, dead_clock, accepted)
    assert [one.kind for one in found.overridden] == [CLOCK]
    with pytest.raises(Expired):
        zone.judge(B, packed_at(NOW - timedelta(days=400)), dead_clock, accepted)


def test_a_bundle_of_the_future_is_refused(zone: Zone) -> None:
    zone.judge(A, packed_at(NOW + timedelta(hours=24)))
    future = packed_at(NOW + timedelta(hours=25))
    with pytest.raises(PackedInFuture):
        zone.judge(A, future)
    assert zone.judge(A, future, overrides=Overrides(clock=REASON)).version == future


def test_where_nothing_was_accepted_no_clock_is_behind_it(zone: Zone) -> None:
    """Outside of a zone there is no packing time to be behind: the bundle's own is what counts."""
    before_the_epoch = datetime(1969, 7, 1, tzinfo=UTC)
    with pytest.raises(PackedInFuture):
        zone.judge(A, packed_at(NOW), before_the_epoch)


@pytest.mark.parametrize("version", [10**16, 2**63, 10**40])
def test_a_version_that_is_no_time_is_refused_whatever_was_said(zone: Zone, version: int) -> None:
    with pytest.raises(DocumentUnreadable, match="no time of packing"):
        zone.judge(C, version, overrides=Overrides(REASON, REASON))


def test_a_thief_cannot_hold_the_floor_up_once_the_key_is_withdrawn(zone: Zone) -> None:
    honest, inflated = packed_at(NOW), 9_999_999_999_999
    zone.take(A, honest)
    zone.take(C, inflated, overrides=Overrides(clock="it looked urgent"))
    assert zone.floor() == inflated
    zone.follow(2, AFTER_C)
    assert zone.floor() == honest
    found = zone.judge(A, honest + 1)
    assert found.version == honest + 1
    for version in (inflated + 1, honest - 1):
        with pytest.raises(RevokedKey):
            zone.judge(C, version, overrides=Overrides(REASON, REASON))


def test_a_bundle_that_brings_the_new_root_is_judged_under_it(zone: Zone) -> None:
    zone.take(C, 9_999_999_999_999, overrides=Overrides(clock="it looked urgent"))
    found = zone.judge(A, packed_at(NOW), roots=(ROOT, AFTER_C))
    assert found.root_version == 2
    assert zone.floor(found.root) is None


def test_withdrawing_one_key_lets_no_old_bundle_of_another_in(zone: Zone) -> None:
    zone.take(A, packed_at(NOW))
    zone.take(B, packed_at(NOW) + 5)
    zone.take(C, packed_at(NOW) + 9)
    zone.follow(2, AFTER_C)
    assert zone.floor() == packed_at(NOW) + 5


def test_the_floor_of_a_database_from_before_is_kept(tmp_path: Path) -> None:
    from champ_offline.trust.state import _SCHEMA

    database = Database.create(tmp_path / "old.db")
    database.migrate("trust", _SCHEMA[:1])
    with database.transaction() as connection:
        connection.execute("INSERT INTO trust_floor VALUES ('demo', 7, ?)", (f"sha256:{'0' * 64}",))
    state = TrustState(database)
    for root in (ROOT, AFTER_C):
        floor = state.floor("demo", root)
        assert floor is not None
        assert floor.version == 7
