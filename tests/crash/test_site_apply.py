"""A site plan on two clusters, killed in the middle: every cluster is put right, the rest is named.

Wherever it falls, applying the same plan again does what was left, and nothing twice.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crash import kills
from tests.crash.counts import check_count
from tests.crash.site_applies import SiteOnDisk
from tests.tui.sample_app import Media, make_media

# Every how many steps: the steps of one application alone are all tried in tests/crash/test_apply.
STRIDE = 4


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Media:
    return make_media(tmp_path_factory.mktemp("media"))


@pytest.fixture(scope="module")
def template(media: Media, tmp_path_factory: pytest.TempPathFactory) -> SiteOnDisk:
    folder = tmp_path_factory.mktemp("site") / "template"
    kills.run(lambda: SiteOnDisk.made(folder, media))
    return SiteOnDisk(folder)


def test_killed_along_its_way_every_cluster_is_put_right(
    template: SiteOnDisk, tmp_path: Path
) -> None:
    whole = template.copy(tmp_path / "whole")
    steps = kills.run(whole.act).steps
    kills.run(lambda: whole.look(applied=False))
    killed = 0
    for last in range(1, steps + 1, STRIDE):
        site = template.copy(tmp_path / str(last))
        ended = kills.run(site.act, last)
        killed += ended.killed
        kills.run(lambda site=site: site.look(applied=True))  # type: ignore[misc]
    check_count("site: apply", killed)


@pytest.mark.parametrize("away", ["main", "edge"])
def test_one_cluster_out_of_reach_keeps_no_other_from_its_recovery(
    template: SiteOnDisk, tmp_path: Path, away: str
) -> None:
    whole = template.copy(tmp_path / "whole")
    steps = kills.run(whole.act).steps
    for last in range(steps // 4, steps, steps // 6):
        site = template.copy(tmp_path / str(last))
        kills.run(site.act, last)
        kills.run(lambda site=site: site.look_without(away))  # type: ignore[misc]
