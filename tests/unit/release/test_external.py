"""Plans of a zone whose nodes pull from a registry of the site: where images lead, and refusals."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from champ_offline.clock import now_utc
from champ_offline.events import ignore
from champ_offline.external.errors import ImagesNotPushed, TargetUnreachable
from champ_offline.external.target import Target
from champ_offline.external.verbs import External
from champ_offline.oci import media_types
from champ_offline.oci.descriptor import Descriptor
from champ_offline.oci.digest import Digest
from champ_offline.oci.manifest import image_manifest
from champ_offline.paths import ZonePaths
from champ_offline.release.plan import Change, Plan
from champ_offline.release.planner import Planner
from champ_offline.store.blobs import BlobStore
from champ_offline.store.refs import Ref, Refs
from tests.simulators.charts import PAUSE
from tests.simulators.target import FakeTarget, Told, fake_target
from tests.unit.release.conftest import NAME, PLACE, World, clock


@dataclass
class Site:
    """A zone that brought the image of the sample app, its verbs, and a registry beside it."""

    world: World
    verbs: External
    fake: FakeTarget
    digest: Digest

    def lead_to(self, external: External | None) -> None:
        """Plan for nodes that pull from there."""
        self.world.planner = Planner(
            self.world.helm,
            self.world.cluster,
            self.world.history,
            self.world.vault,
            zone="core",
            now=clock(),
            size=lambda _digest: 1,
            registry=external.address if external else "",
            refuse_missing=external.refuse_missing if external else None,
        )

    def plan(self, **values: object) -> Plan:
        request = self.world.request(**values)  # type: ignore[arg-type]
        return self.world.planner.change(replace(request, images={PAUSE: self.digest}))

    def reference(self, plan: Plan) -> str:
        """What the plan gives the container."""
        assert plan.sealed is not None
        [work] = [action for action in plan.actions if action.kind == "Deployment"]
        [line] = [line for line in work.diff.splitlines() if line[:1] == "+" and "@sha" in line]
        return line.partition("image: ")[2].strip('"')


@pytest.fixture
def site(world: World, tmp_path: Path) -> Iterator[Site]:
    blobs, refs = BlobStore(tmp_path / "store"), Refs(world.database)
    config = Descriptor(media_types.IMAGE_CONFIG, blobs.add(b"{}"), 2)
    data = image_manifest(config, [])
    image = Descriptor(media_types.IMAGE_MANIFEST, blobs.add(data), len(data))
    name, _, tag = PAUSE.rpartition(":")
    with world.database.transaction() as connection:
        refs.put(connection, [Ref(name, tag, image, "bundle")])
    with fake_target() as fake:
        verbs = External(
            *(world.database, blobs, refs, ZonePaths(tmp_path)),
            lambda _name: set(),
            now_utc,
            lambda _seconds: None,
        )
        verbs.use(Target(fake.host, "champ", plain_http=True), "anna")
        yield Site(world, verbs, fake, image.digest)


def test_plans_lead_to_the_external_registry_by_digest(site: Site) -> None:
    site.lead_to(site.verbs)
    with pytest.raises(ImagesNotPushed, match=PAUSE) as caught:
        site.plan()
    assert caught.value.exit_code == 4
    assert "champ registry push" in caught.value.advice
    site.verbs.push((), "anna", ignore)
    plan = site.plan()
    assert site.reference(plan) == f"{site.fake.host}/champ/{PAUSE.partition(':')[0]}@{site.digest}"
    assert [(image.name, image.digest) for image in plan.images] == [(PAUSE, site.digest)]
    site.world.apply(plan)
    assert not site.plan().has_changes


def test_a_plan_is_refused_when_the_target_lost_it_or_is_away(site: Site) -> None:
    site.lead_to(site.verbs)
    site.verbs.push((), "anna", ignore)
    kept = dict(site.fake.manifests)
    site.fake.manifests.clear()
    with pytest.raises(ImagesNotPushed):
        site.plan()
    site.fake.manifests.update(kept)
    site.fake.fault = lambda _asked: Told(503)
    with pytest.raises(TargetUnreachable) as caught:
        site.plan()
    assert caught.value.exit_code == 4
    assert site.world.history.releases() == ()


def test_a_rollback_leads_where_nodes_pull_from_now(site: Site) -> None:
    site.lead_to(None)
    site.world.apply(site.plan(greeting="first"))
    site.verbs.push((), "anna", ignore)
    site.lead_to(site.verbs)
    site.world.apply(site.plan(greeting="second"))
    back = site.world.planner.rollback(NAME, PLACE, 1)
    [work] = [action for action in back.actions if action.kind == "Deployment"]
    assert work.change is Change.UNCHANGED
    with fake_target() as second:
        second.blobs, second.manifests = site.fake.blobs, site.fake.manifests
        site.verbs.use(Target(second.host, "other", plain_http=True), "anna")
        site.lead_to(site.verbs)
        with pytest.raises(ImagesNotPushed):
            site.world.planner.rollback(NAME, PLACE, 1)
        site.verbs.push((), "anna", ignore)
        back = site.world.planner.rollback(NAME, PLACE, 1)
        path = PAUSE.partition(":")[0]
        assert site.reference(back) == f"{second.host}/other/{path}@{site.digest}"
    site.verbs.remove("anna")
    site.lead_to(None)
    assert site.reference(site.world.planner.rollback(NAME, PLACE, 2)) == f"{PAUSE}@{site.digest}"
