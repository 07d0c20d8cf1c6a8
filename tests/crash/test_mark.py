"""Killed before every durable step of giving a zone's store its identity: no zone is locked out."""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path

from champ_offline.durable.database import Database
from champ_offline.store.mark import Mark
from tests.crash import kills
from tests.crash.counts import check_count
from tests.unit.store.test_home import make_older, mark, opened, put, readable


def test_a_zone_made_before_is_never_locked_out(tmp_path: Path) -> None:
    template = tmp_path / "template"
    digest = put(template)
    make_older(template)
    check_count("mark: a zone made before", kill_everywhere(template, tmp_path))
    assert mark(template) == Mark()
    assert readable(template, digest)


def test_a_zone_that_is_made_is_never_locked_out(tmp_path: Path) -> None:
    template = tmp_path / "template"
    template.mkdir()
    check_count("mark: a zone that is made", kill_everywhere(template, tmp_path))


def kill_everywhere(template: Path, folder: Path) -> int:
    """Kill before every step, and open each zone again; returns how many kills there were."""
    whole = Path(shutil.copytree(template, folder / "whole"))
    steps = kills.run(lambda: open_once(whole)).steps
    for last in range(1, steps + 1):
        zone = Path(shutil.copytree(template, folder / "zone"))
        assert kills.run(lambda: open_once(zone), last).killed  # noqa: B023
        given = Mark.of(zone / "store")
        digest = put(zone)
        settled = mark(zone)
        assert settled.zone == "core"
        assert known(zone) == settled.identity
        # What was durable under its name before the kill is the store's from then on.
        assert given in {None, Mark(), settled}, last
        assert readable(zone, digest)
        assert not list(zone.rglob(".partial-*"))
        shutil.rmtree(zone)
    return steps


def open_once(zone: Path) -> None:
    with opened(zone):
        pass


def known(zone: Path) -> str:
    with closing(Database(zone / "champ.db")) as database:
        return str(database.query("SELECT identity FROM store")[0]["identity"])
