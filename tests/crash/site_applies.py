"""A zone with two clusters on disk: who applies a site plan there can be killed at any effect.

Invariant: as in tests/crash/applies.py every effect is durable when it is done, and gone when the
process was killed just before. The zone is opened only by processes of their own (`kills.run`), so
this one holds nothing of it.
"""

from __future__ import annotations

import itertools
import pickle
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from champ_offline.appliance import Appliance
from champ_offline.cluster.interface import ClusterUnreachable
from champ_offline.errors import ChampError
from champ_offline.events import ignore
from champ_offline.helm.engine import PENDING
from champ_offline.journal.audit import Audit
from champ_offline.journal.journal import Journal
from champ_offline.site.execute import Ended, Ending
from champ_offline.site.plan import SitePlan
from tests.tui.sample_app import ZONE, Media
from tests.unit.site.conftest import Place, Zone

HEAD = """\
format: 1
defaults:
  greeter: {version: "1.0", answers: {site: North, greeting: GREETING}}
zones:
  core-business:
    clusters:
      main:
        apps:
          db: {app: greeter}
          pacs: {app: greeter, needs: [db]}
      edge:
        apps:
          viewer: {app: greeter, needs: [main/db]}
"""
PLACES = {
    "main/db": ("main", "db"),
    "main/pacs": ("main", "pacs"),
    "edge/viewer": ("edge", "viewer"),
}
IDENTITIES = {"main": "uid-1", "edge": "uid-99"}


@dataclass
class SiteOnDisk:
    """`folder` holds the zone, its clusters as they stand, and a plan."""

    folder: Path

    @classmethod
    def made(cls, folder: Path, media: Media) -> SiteOnDisk:
        """Everything is installed; the plan is to upgrade all of it."""
        site = cls(folder)
        folder.mkdir()
        made = Appliance.create(folder / "zone", ZONE, media.root, media.fingerprint)
        made.import_media([media.stick / "champ" / "greeter-1.0"], ignore)
        with site.opened() as zone:
            for name, place in zone.places.items():
                made.releases.clusters.add(name, place.cluster, Path(f"/srv/{name}.conf"), "bo")
            zone.apply(zone.plan(HEAD.replace("GREETING", "hello")))
            plan = zone.plan(HEAD.replace("GREETING", "servus"))
        (folder / "plan").write_bytes(plan.to_bytes())
        return site

    def copy(self, folder: Path) -> SiteOnDisk:
        return SiteOnDisk(Path(shutil.copytree(self.folder, folder)))

    @property
    def plan(self) -> SitePlan:
        return SitePlan.from_bytes((self.folder / "plan").read_bytes())

    @contextmanager
    def opened(self, away: str = "") -> Iterator[Zone]:
        """The zone as a process finds it that starts now; the cluster `away` does not answer."""
        zone = Zone(self.folder / "zone")
        for name, place in zone.places.items():
            self._keep(name, place)
            place.cluster.reachable = name != away
        yield zone

    def _keep(self, name: str, place: Place) -> None:
        kept, cluster = self.folder / f"{name}.cluster", place.cluster
        if kept.exists():
            found = pickle.loads(kept.read_bytes())  # noqa: S301 (our own file)
            cluster._store, place.helm._records, uids = found
            cluster._uids = itertools.count(uids)

        @contextmanager
        def effect(_name: str) -> Iterator[None]:
            yield
            following = next(cluster._uids)
            cluster._uids = itertools.count(following)
            fresh = kept.with_suffix(".fresh")
            with fresh.open("wb") as file:
                pickle.dump((cluster._store, place.helm._records, following), file)
            fresh.rename(kept)  # counted as a step by tests/crash/kills.py

        cluster.effect = effect

    def act(self) -> None:
        """Apply the plan with two workers."""
        with self.opened() as zone:
            zone.apply(self.plan)

    def look(self, *, applied: bool) -> None:
        """Recover, twice: everything is at rest, and what is said to be left is what is not new."""
        with self.opened() as zone:
            found = zone.sites.recover(None)
            new = self._new(zone)
            for one in found:
                assert one.outcome in {"done", "put-back", "untouched", "incomplete"}, one
                if one.operation == "site.apply":
                    assert {*one.left} == PLACES.keys() - new, (one, new)
                    assert one.outcome == ("incomplete" if one.left else "done")
            assert sum(one.operation == "site.apply" for one in found) <= 1
            assert zone.sites.recover(None) == ()
            self._at_rest(zone)
            if applied:
                ended = zone.apply(self.plan)
                assert all(ending_of(one, new) for one in ended.values()), (ended, new)
                assert self._new(zone) == PLACES.keys()
                self._at_rest(zone)
                assert set(zone.endings(self.plan).values()) == {Ending.THERE}

    def look_without(self, away: str) -> None:
        """One cluster does not answer: the other is put right all the same, and nothing is lost."""
        with self.opened(away) as zone:
            journal = Journal(zone.appliance._database, zone.appliance._clock)
            left = {one.intent.get("cluster") for one in journal.interrupted()} - {None}
            told: list[ChampError] = []
            lost = IDENTITIES[away]
            (other,) = {*IDENTITIES.values()} - {lost}
            if left == {lost}:
                with pytest.raises(ClusterUnreachable):
                    zone.sites.recover(None, unreached=told.append)
            else:
                found = zone.sites.recover(None, unreached=told.append)
                ended = {one.cluster: one.outcome for one in found if one.cluster == other}
                assert set(ended) == left & {other}
                assert [one.id for one in told] == ["cluster.unreachable"] * (lost in left)
        self.look(applied=True)

    def _new(self, zone: Zone) -> set[str]:
        return {
            name
            for name, (cluster, release) in PLACES.items()
            if zone.places[cluster].helm.values(release, release)["greeting"] == "servus"
        }

    def _at_rest(self, zone: Zone) -> None:
        for place in zone.places.values():
            assert not {one.status for one in place.helm.releases()} & PENDING
        appliance = zone.appliance
        assert Journal(appliance._database, appliance._clock).under_way() == ()
        Audit(appliance._database, appliance._clock).check()


def ending_of(one: Ended, new: set[str]) -> bool:
    """Whether it ended as it should, being as planned before or not."""
    return one.ending in ({Ending.THERE, Ending.APPLIED} if one.name in new else {Ending.APPLIED})
