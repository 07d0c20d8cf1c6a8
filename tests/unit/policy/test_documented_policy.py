"""The documented policy lets the preset's own upgrade through, and no more than that."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from champ_offline.bundle.charts import pack_chart
from champ_offline.catalog.entry import AppSource
from champ_offline.catalog.form import Form
from champ_offline.catalog.values import render_values
from champ_offline.helm.engine import Capabilities, Rendered, Values
from champ_offline.helm.remote import OfflineRenderer
from champ_offline.oci.digest import Digest
from champ_offline.policy.decide import Decision, Moment, Wish, decide
from champ_offline.policy.document import Policy
from champ_offline.policy.facts import plan_facts
from champ_offline.release.plan import Change, Plan
from champ_offline.release.request import ReleaseRequest
from champ_offline.release.review.volumes import CLAIM
from tests.architecture.source import ROOT
from tests.simulators import cluster as simulated
from tests.simulators.cluster import SimulatedCluster
from tests.simulators.helm import SimulatedHelm
from tests.unit.release.conftest import World, build

APP = AppSource.from_file(ROOT / "appstore_catalog" / "orthanc" / "app.yaml")
TEXT = (ROOT / "docs" / "scripted-upgrades.md").read_text(encoding="utf-8")
NAME, PLACE = "pacs", "imaging"
# A Saturday night in the document's zone.
OPEN = datetime(2026, 8, 1, 15, tzinfo=UTC)


class HelmsTemplates(SimulatedHelm):
    """Helm's own templates; everything else is simulated."""

    def __init__(self, cluster: SimulatedCluster, renderer: OfflineRenderer) -> None:
        super().__init__(cluster)
        self._renderer = renderer

    def render(
        self,
        chart: bytes,
        release: str,
        namespace: str,
        values: Values,
        *,
        upgrade: bool,
        capabilities: Capabilities,
        revision: int = 1,
    ) -> Rendered:
        return self._renderer.render(
            chart, release, namespace, values, upgrade=upgrade, capabilities=capabilities
        )

    def _wait(self, record: object, options: object) -> None:
        """Whether pods come up is not asked here."""


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """The preset's older version runs."""
    kinds = {("v1", "ServiceAccount"), ("networking.k8s.io/v1", "NetworkPolicy")}
    monkeypatch.setattr(simulated, "KINDS", {*simulated.KINDS, *kinds})
    cluster = SimulatedCluster()
    with OfflineRenderer() as renderer:
        made = build(tmp_path / "zone.db", cluster, HelmsTemplates(cluster, renderer))
        made.apply(planned(made, "1.10.1"))
        yield made
        made.database.close()


def planned(world: World, version: str) -> Plan:
    schema, hints = ((APP.folder / name).read_bytes() for name in (APP.form, APP.hints))
    answers = Form.from_bytes(schema, hints, "orthanc").complete({}, None, "x".__mul__)
    images = APP.components(version)
    values = render_values(
        (APP.folder / APP.values).read_bytes(), answers=answers, components=images,
        release={"name": NAME, "namespace": PLACE}, where="orthanc",
    )  # fmt: skip
    return world.planner.change(
        ReleaseRequest(
            release=NAME, namespace=PLACE, app="orthanc", version=version,
            chart=pack_chart(APP.chart, version), answers=answers, values=values,
            images={one: Digest.of(one.encode()) for one in images.values()}, secrets=(),
        )
    )  # fmt: skip


def decided(plan: Plan, text: str = "") -> Decision:
    block = text or TEXT.split("```yaml\n")[1].split("```")[0]
    policy = Policy.from_bytes(block.encode(), "scripted-upgrades.md")
    wish = Wish("orthanc", NAME, PLACE, "1.10.1", "1.12.7")
    return decide(policy, wish, plan_facts(plan, "main", None), Moment(OPEN, OPEN))


def ids(decision: Decision) -> list[tuple[str, str]]:
    return [(one.id, str(one.fields["object"])) for one in decision.reasons]


def test_the_documented_policy_upgrades_the_preset(world: World) -> None:
    plan = planned(world, "1.12.7")
    changed = [
        one.name for one in plan.actions if (one.kind, one.change) == (CLAIM, Change.CHANGED)
    ]
    assert changed == ["pacs-orthanc", "pacs-orthanc-postgresql"], "their labels name the version"
    assert ids(decided(plan)) == []


def test_every_word_of_it_is_needed(world: World) -> None:
    plan = planned(world, "1.12.7")
    block = TEXT.split("```yaml\n")[1].split("```")[0]
    narrow = block.replace('"Deployment/*", ', "")
    assert ids(decided(plan, narrow)) == [("policy.effect-not-allowed", "Deployment/pacs-orthanc")]
    strict = block.replace("warnings: [irreversible.data-converted]", "warnings: stop")
    assert ("policy.warning-stops", "Deployment/pacs-orthanc") in ids(decided(plan, strict))


def test_somebody_who_stopped_it_hides_nothing(world: World) -> None:
    live = world.cluster.get("apps/v1", "Deployment", PLACE, "pacs-orthanc")
    assert live is not None
    live["spec"]["replicas"] = 0
    world.cluster.edit(live, "kubectl", {"f:spec": {"f:replicas": {}}})
    facts = plan_facts(planned(world, "1.12.7"), "main", None)
    assert "irreversible.data-converted" in {one.id for one in facts.warnings}
