"""Which volume goes onto which medium."""

from __future__ import annotations

import pytest

from champ_offline.bundle.divide import Limits, divide
from champ_offline.bundle.placing import Load, Room, place
from champ_offline.bundle.volume import Member
from champ_offline.oci.digest import Digest


def of(*sizes: int) -> Room:
    return lambda number: sizes[number - 1] if number <= len(sizes) else None


def test_volumes_fill_one_medium_after_the_other() -> None:
    load = Load((40, 40, 40, 10), 5)
    assert place([load], of(100, 100)) == [(1, 1, 2, 2)]
    assert place([load], of(135)) == [(1, 1, 1, 1)]
    assert place([load], of(134)) is None


def test_every_medium_of_a_bundle_carries_its_documents() -> None:
    assert place([Load((50, 50), 50)], of(100, 100)) == [(1, 2)]
    assert place([Load((50, 50), 50)], of(100, 99)) is None


def test_a_medium_that_is_too_small_is_left_out() -> None:
    assert place([Load((50, 50), 1)], of(10, 200)) == [(2, 2)]
    assert place([Load((50, 50), 1)], of(10)) is None
    assert place([Load((50,), 1)], of()) is None


def test_the_next_bundle_begins_where_the_one_before_it_ended() -> None:
    first, second = Load((60, 60), 10), Load((20, 90), 5)
    assert place([first, second], lambda _number: 100) == [(1, 2), (2, 3)]


@pytest.mark.parametrize("medium", [70_000, 150_000, 333_333])
def test_media_hold_no_less_than_those_that_volumes_were_cut_for(medium: int) -> None:
    members = [Member.of_blob(Digest.of(bytes([n])), n * 997) for n in range(1, 80)]
    division = divide("demo", "1", members, Limits(40_000, medium), lambda piece: piece.digest)
    sizes = tuple(volume.size for volume in division.volumes)
    placed = place([Load(sizes, 0)], lambda _number: medium)
    assert placed is not None
    assert len(set(division.media)) > 3
    assert all(mine <= cut for mine, cut in zip(placed[0], division.media, strict=True))
    for number in set(placed[0]):
        assert sum(s for s, on in zip(sizes, placed[0], strict=True) if on == number) <= medium
