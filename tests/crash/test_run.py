"""Runs under a policy, killed before every durable step: the next run completes, and no third does.

Zone, cluster and Helm are on disk between the processes; every effect on the simulated cluster is
durable when it is done, as a real one's is.
"""

from __future__ import annotations

import itertools
import pickle
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from champ_offline.appliance import Appliance
from champ_offline.bundle.media import DOCUMENT
from champ_offline.errors import ExitCode
from champ_offline.events import ignore
from champ_offline.policy.document import Policy
from champ_offline.policy.result import Result, Verdict
from champ_offline.policy.run import Runner
from tests.crash import kills
from tests.crash.counts import check_count
from tests.tui.sample_app import ZONE, Media, make_media
from tests.tui.simulated import World

RULES = """\
format: 1
bundles: [greeter]
hours: always
rules: [{apps: [greeter], install: true, steps: [major], warnings: go-on}]
"""
ANSWERS = "site: North Clinic\nusers: [{name: admin, password: not-so-secret-1}]\n"


class Site:
    """A folder with a zone and its cluster."""

    def __init__(self, folder: Path, media: Media) -> None:
        self.folder, self.media = folder, media

    def opened(self) -> Appliance:
        """The zone, and the cluster as the last process left it."""
        world = World()
        kept, fresh = self.folder / "cluster", self.folder / "fresh"
        if kept.exists():
            found = pickle.loads(kept.read_bytes())  # noqa: S301 (our own file)
            world.cluster._store, world.helm._records, uids = found
            world.cluster._uids = itertools.count(uids)

        @contextmanager
        def effect(_name: str) -> Iterator[None]:
            yield
            following = next(world.cluster._uids)
            world.cluster._uids = itertools.count(following)
            with fresh.open("wb") as file:
                pickle.dump((world.cluster._store, world.helm._records, following), file)
            fresh.rename(kept)  # counted as a step by tests/crash/kills.py

        world.cluster.effect = effect
        return world.open(self.folder / "zone")

    def run(self, version: str) -> Result:
        stick = next(
            one.parent for one in self.media.stick.rglob(DOCUMENT) if version in one.parent.name
        )
        policy = Policy.from_bytes(RULES.encode(), "policy.yaml")
        return Runner(self.opened(), policy, self.folder / "kubeconfig").run([stick], ignore)

    def running(self) -> list[tuple[str, str, str]]:
        rows = self.opened().releases.status(None, None, self.folder / "kubeconfig")
        return [(one.release, one.version, one.health.value) for one in rows]

    def copy(self, folder: Path) -> Site:
        return Site(Path(shutil.copytree(self.folder, folder)), self.media)


def made(folder: Path, media: Media) -> Site:
    folder.mkdir()
    site = Site(folder, media)
    zone = Appliance.create(folder / "zone", ZONE, media.root, media.fingerprint)
    answers = zone.paths.answers("greeter", "greeter")
    answers.parent.mkdir(parents=True)
    answers.write_text(ANSWERS)
    return site


def kill_everywhere(site: Site, version: str, folder: Path) -> int:
    """How many kills there were of a run that brings that version."""
    whole = site.copy(folder / "whole")
    steps = kills.run(_ending_well(whole, version)).steps
    assert whole.running() == [("greeter", version, "healthy")]
    for last in range(1, steps + 1):
        killed = site.copy(folder / "killed")
        ended = kills.run(_ending_well(killed, version), last)
        _completes(killed, version, last)
        shutil.rmtree(killed.folder)
        if not ended.killed:
            return last
    return steps


def _ending_well(site: Site, version: str) -> Callable[[], None]:
    def act() -> None:
        result = site.run(version)
        assert result.exit_code is ExitCode.OK, result

    return act


def _completes(site: Site, version: str, last: int) -> None:
    again = site.run(version)
    assert again.exit_code is ExitCode.OK, (last, again)
    assert site.running() == [("greeter", version, "healthy")], last
    third = site.run(version)
    assert {row.verdict for row in third.rows} == {Verdict.AS_IS}, (last, third)
    appliance = site.opened()
    appliance.audit.check()
    acts = [row.act for row in appliance.audit.rows()]
    assert acts.count("bundle.import") == (1 if version == "1.0" else 2), last
    applied = acts.count("release.apply.begin")
    assert applied == acts.count("release.apply.end") + acts.count("release.recover"), last


def test_a_run_that_installs_is_killed_everywhere(tmp_path: Path) -> None:
    (tmp_path / "media").mkdir()
    site = made(tmp_path / "site", make_media(tmp_path / "media"))
    check_count("run: install", kill_everywhere(site, "1.0", tmp_path))


def test_a_run_that_upgrades_is_killed_everywhere(tmp_path: Path) -> None:
    (tmp_path / "media").mkdir()
    site = made(tmp_path / "site", make_media(tmp_path / "media"))
    assert site.run("1.0").exit_code is ExitCode.OK
    check_count("run: upgrade", kill_everywhere(site, "2.0", tmp_path))
