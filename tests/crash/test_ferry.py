"""Looks into a ferry folder, killed before every durable step: the next one completes."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from champ_offline.bundle.media import DOCUMENT
from champ_offline.events import ignore
from champ_offline.policy.document import Policy
from champ_offline.policy.ferry import Ferry, State, Told
from tests.crash import kills
from tests.crash.counts import check_count
from tests.crash.test_run import RULES, Site, made
from tests.tui.sample_app import Media, make_media


def look(site: Site) -> list[Told]:
    policy = Policy.from_bytes(RULES.encode(), "policy.yaml")
    way = site.folder / "kubeconfig"
    return list(Ferry(site.opened(), policy, way, site.folder / "ferry").look(ignore))


def drop(site: Site, media: Media, version: str) -> None:
    source = next(one.parent for one in media.stick.rglob(DOCUMENT) if version in one.parent.name)
    shutil.copytree(source, site.folder / "ferry" / version / source.name)


def _looking(site: Site) -> Callable[[], None]:
    def act() -> None:
        (told,) = look(site)
        assert told.state is State.DONE, told

    return act


def _completes(site: Site, last: int) -> None:
    assert {one.state for one in look(site)} <= {State.DONE}, last
    assert site.running() == [("greeter", "1.0", "healthy")], last
    assert look(site) == [], last
    appliance = site.opened()
    appliance.audit.check()
    acts = [row.act for row in appliance.audit.rows()]
    assert acts.count("bundle.import") == 1, last
    assert acts.count("release.apply.begin") >= 1, last


def test_a_look_is_killed_everywhere(tmp_path: Path) -> None:
    (tmp_path / "media").mkdir()
    media = make_media(tmp_path / "media")
    site = made(tmp_path / "site", media)
    drop(site, media, "1.0")
    whole = site.copy(tmp_path / "whole")
    steps = kills.run(_looking(whole)).steps
    assert whole.running() == [("greeter", "1.0", "healthy")]
    done = 0
    for last in range(1, steps + 1):
        killed = site.copy(tmp_path / "killed")
        ended = kills.run(_looking(killed), last)
        _completes(killed, last)
        shutil.rmtree(killed.folder)
        done = last
        if not ended.killed:
            break
    check_count("run: ferry folder", done)
