"""Positions in a parity file: each used once, within the share, and a dead stretch shared out."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from champ_offline.bundle.parity import erasure
from champ_offline.bundle.parity.layout import (
    LARGEST_GROUP,
    LEAST_SHARE,
    MOST_SHARE,
    ROW,
    SECTOR,
    SPARE,
    UNIT,
    Layout,
)

SHARES = (LEAST_SHARE, 5, 17, MOST_SHARE)
SECTORS = (1, 31, 32, 33, 400, 5000, LARGEST_GROUP, LARGEST_GROUP + 1, 95_000)
LARGEST_VOLUME = 4 * 1024**3 - 1024**2


@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize("sectors", SECTORS)
def test_every_place_is_used_once(sectors: int, share: int) -> None:
    layout = Layout.of(sectors * SECTOR, share)
    used = [
        place + offset
        for group in range(layout.groups)
        for _, place in layout.parity_runs(group)
        for offset in range(ROW)
    ]
    used += [
        layout.capsule_sector(capsule, index)
        for capsule in range(layout.capsules)
        for index in range(layout.table + layout.table_parity)
    ]
    assert sorted(used) == list(range(layout.file_sectors))
    units = sorted(unit for group in range(layout.groups) for unit in layout.units_of(group))
    assert units == list(range(layout.units))
    assert sum(layout.group_length(group) for group in range(layout.groups)) == sectors


@pytest.mark.parametrize("share", range(LEAST_SHARE, MOST_SHARE + 1))
@pytest.mark.parametrize("size", [SECTOR, 1024**2, 60 * 1024**2, LARGEST_VOLUME, 40 * 1024**4])
def test_the_share_is_kept_and_the_codes_exist(size: int, share: int) -> None:
    layout = Layout.of(size, share)
    assert layout.file_sectors <= size // SECTOR * share // 100 + SPARE
    assert erasure.supports(layout.group_length(0), layout.parity)
    assert layout.group_length(0) <= LARGEST_GROUP
    assert erasure.supports(layout.table, layout.table_parity)
    assert layout.capsules * layout.capsule_entries >= layout.entries


@pytest.mark.parametrize("size", [1024**2, 7 * 1024**2, 100 * 1024**2, LARGEST_VOLUME])
def test_three_percent_are_lost_from_five_once_in_many_millions(size: int) -> None:
    """The worst group's loss, data and parity, stays six standard deviations below its parity."""
    layout = Layout.of(size, 5)
    sectors = layout.group_length(0) + layout.parity
    mean, deviation = 0.03 * sectors, (0.03 * 0.97 * sectors) ** 0.5
    assert mean + 6 * deviation < layout.parity
    table = layout.table + layout.table_parity
    assert 0.03 * table + 6 * (0.03 * 0.97 * table) ** 0.5 < layout.table_parity


@pytest.mark.parametrize("size", [1024**2, 60 * 1024**2, LARGEST_VOLUME])
def test_a_dead_stretch_of_four_percent_is_shared_out_evenly(size: int) -> None:
    layout = Layout.of(size, 5)
    length = size // SECTOR * 4 // 100
    place = random.Random(3)
    for _ in range(4):
        first = place.randrange(layout.sectors - length)
        lost: Counter[int] = Counter()
        for unit in range(first // UNIT, (first + length - 1) // UNIT + 1):
            begin, end = max(first, unit * UNIT), min(first + length, (unit + 1) * UNIT)
            lost[unit % layout.groups] += end - begin
        assert max(lost.values()) <= layout.parity
