"""What runs, compared with the sealed revision, over the simulated cluster."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Mapping
from typing import Any

import pytest

from champ_offline.cluster.interface import ObjectRefused
from champ_offline.errors import Quoted
from champ_offline.helm.records import Record, newest
from champ_offline.oci.digest import Digest
from champ_offline.release import seal
from champ_offline.release.apply.failures import ApplyPutBack
from champ_offline.release.drift.survey import Looked, Survey
from champ_offline.release.drift.values import Drift, Standing
from champ_offline.release.records.history import Current, Outcome, Revision
from tests.simulators.charts import NOWHERE, PAUSE, small
from tests.unit.release.conftest import IMAGES, NAME, PLACE, World


def nothing(_images: Mapping[str, Digest]) -> tuple[str, ...]:
    return ()


def pair(world: World) -> tuple[Revision, Current]:
    revision = world.history.current(world.cluster.identity(), PLACE, NAME)
    assert revision is not None
    return revision, world.history.releases()[0]


def looked(world: World) -> Looked:
    revision, current = pair(world)
    return Survey(world.cluster, world.vault, [(revision, current)], nothing).look(revision)


def drift(world: World) -> Drift:
    found = looked(world).drift
    assert found is not None
    return found


def live(world: World, kind: str, name: str) -> dict[str, Any]:
    version = "apps/v1" if kind == "Deployment" else "v1"
    found = world.cluster.get(version, kind, PLACE, f"{NAME}-{name}")
    assert found is not None
    return found


def installed(world: World) -> World:
    world.apply(world.plan(replicas=2, password="s3cret-word"))
    return world


def test_nothing_drifted(world: World) -> None:
    installed(world).cluster.requests.clear()
    found = looked(world)
    assert found.drift == Drift()
    assert not Drift().found
    assert found.objects is not None
    assert {one.kind for one in found.objects} == {"Deployment", "Pod"}
    asked = [one for one in world.cluster.requests if one.startswith("preview")]
    assert asked == [], "what stands word for word needs no dry run"


def test_an_edited_field_is_named_with_who_holds_it(world: World) -> None:
    work = live(installed(world), "Deployment", "work")
    work["spec"]["replicas"] = 5
    world.cluster.edit(work, "kubectl-scale", {"f:spec": {"f:replicas": {}}})
    [one] = drift(world).objects
    assert (one.standing, one.kind, one.name) == (Standing.CHANGED, "Deployment", f"{NAME}-work")
    [field] = one.fields
    assert (field.path, field.sealed, field.live) == ("spec.replicas", "2", "5")
    assert field.managers == ("kubectl-scale",)


def test_who_scaled_it_is_named(world: World) -> None:
    work = live(installed(world), "Deployment", "work")
    work["spec"]["replicas"] = 5
    world.cluster.edit(work, "kubectl", {"f:spec": {"f:replicas": {}}})
    kept = next(one for one in world.cluster._store.values() if one["kind"] == "Deployment")
    entry = next(e for e in kept["metadata"]["managedFields"] if e["manager"] == "kubectl")
    entry["subresource"] = "scale"
    [[field]] = [one.fields for one in drift(world).objects]
    assert (field.path, field.managers) == ("spec.replicas", ("kubectl",))


def test_a_missing_object(world: World) -> None:
    world.cluster.delete(live(installed(world), "ConfigMap", "config"), PLACE)
    [one] = drift(world).objects
    assert (one.standing, one.kind, one.namespace) == (Standing.MISSING, "ConfigMap", PLACE)


def test_an_object_of_the_release_that_was_never_sealed(world: World) -> None:
    config = live(installed(world), "ConfigMap", "config")
    config["metadata"]["name"] = "smuggled"
    world.cluster.edit(config, "helm")
    owned = {**config, "metadata": {**config["metadata"], "name": "grown"}}
    owned["metadata"]["ownerReferences"] = [{"uid": "u"}]
    world.cluster.edit(owned, "kube-controller-manager")
    [one] = drift(world).objects
    assert (one.standing, one.name) == (Standing.EXTRA, "smuggled")


def test_an_object_that_lost_its_label_is_found_and_changed(world: World) -> None:
    config = live(installed(world), "ConfigMap", "config")
    del config["metadata"]["labels"]["app.kubernetes.io/managed-by"]
    world.cluster.edit(config, "kubectl-label")
    [one] = drift(world).objects
    assert (one.standing, one.fields[0].sealed) == (Standing.CHANGED, "Helm")
    assert one.fields[0].path == "metadata.labels[app.kubernetes.io/managed-by]"


def test_a_changed_secret_is_told_and_not_shown(world: World) -> None:
    secret = live(installed(world), "Secret", "secret")
    secret["data"]["password"] = base64.b64encode(b"another-one").decode()
    world.cluster.edit(secret, "kubectl-edit", {"f:data": {"f:password": {}}})
    [one] = drift(world).objects
    assert one.fields[0].path == "data.password"
    told = repr(one)
    assert "hidden" in told
    for word in ("s3cret-word", "another-one", secret["data"]["password"]):
        assert word not in told


def test_what_the_server_would_refuse_is_told_with_its_reason(world: World) -> None:
    """An object made anew with another selector: no apply brings it back."""
    work = live(installed(world), "Deployment", "work")
    work["spec"]["selector"] = {"matchLabels": {"app": "else"}}
    world.cluster.edit(work, "kubectl-replace")
    [one] = drift(world).objects
    assert "immutable" in one.reason
    assert [field.path for field in one.fields] == ["spec.selector.matchLabels.app"]


def test_a_revision_of_stock_helm(world: World) -> None:
    now = pair(installed(world))[1]
    world.helm.rollback(NAME, PLACE, 1, world.executor._options)
    helm = drift(world).helm
    assert helm is not None
    assert (helm.revision, helm.expected, helm.status) == (2, now.helm_revision, "deployed")


def test_a_release_that_helm_no_longer_knows(world: World) -> None:
    revision, current = pair(installed(world))
    world.helm.uninstall(NAME, PLACE, world.executor._options)
    found = Survey(world.cluster, world.vault, [(revision, current)], nothing).look(revision)
    assert found.drift is not None
    assert found.drift.helm is not None
    assert found.drift.helm.revision == 0
    assert {one.standing for one in found.drift.objects} == {Standing.MISSING}


def test_an_upgrade_that_was_put_back_is_no_drift(world: World) -> None:
    installed(world)
    with pytest.raises(ApplyPutBack):
        world.apply(world.plan(replicas=2, password="s3cret-word", image=NOWHERE))
    revision, current = pair(world)
    assert (revision.number, current.helm_revision) == (1, 3)
    assert drift(world) == Drift()
    back = world.history.revisions(world.cluster.identity(), PLACE, NAME)[-1]
    assert (back.outcome, back.helm_revision) == (Outcome.PUT_BACK, 3)


def test_a_container_that_runs_another_image(world: World) -> None:
    installed(world)
    pods = [one for one in world.cluster._store.values() if one["kind"] == "Pod"]
    other = Digest.of(b"other")
    statuses = [
        {"name": "work", "imageID": f"docker.io/pause@{other}"},
        {"name": "sidecar", "imageID": f"docker.io/mesh@{other}"},
    ]
    pods[0]["status"]["containerStatuses"] = statuses
    pods[1]["status"]["containerStatuses"] = [{"name": "work", "imageID": f"x@{IMAGES[PAUSE]}"}]
    [one] = drift(world).images
    assert (one.pod, one.container) == (pods[0]["metadata"]["name"], "work")
    assert (one.sealed, one.running) == (str(IMAGES[PAUSE]), str(other))
    pods[0]["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert drift(world).images == ()


def test_images_that_nodes_could_not_pull_any_more(world: World) -> None:
    installed(world)
    revision, current = pair(world)

    def all_of(images: Mapping[str, Digest]) -> tuple[str, ...]:
        return tuple(images)

    def away(_images: Mapping[str, Digest]) -> tuple[str, ...]:
        raise ObjectRefused(kind="", name="", reason=Quoted(""))

    def missing(lacks: Any) -> tuple[str, ...] | None:
        found = Survey(world.cluster, world.vault, [(revision, current)], lacks).look(revision)
        assert found.drift is not None
        return found.drift.missing

    assert missing(all_of) == (PAUSE,)
    assert missing(away) is None


def test_many_releases_are_looked_at_with_the_requests_of_one(world: World) -> None:
    installed(world)
    revision, current = pair(world)
    world.cluster.requests.clear()
    Survey(world.cluster, world.vault, [(revision, current)], nothing).look(revision)
    lists = [one for one in world.cluster.requests if one.startswith("list")]
    world.cluster.requests.clear()
    again = Survey(world.cluster, world.vault, [(revision, current)] * 40, nothing)
    for _ in range(40):
        again.look(revision)
    assert [one for one in world.cluster.requests if one.startswith("list")] == lists
    assert len(lists) < 25


def test_a_sealed_chart_is_opened_without_helm(world: World) -> None:
    plan = installed(world).plan(replicas=2, password="s3cret-word")
    assert plan.sealed is not None
    opened = seal.opened(world.vault.get(plan.sealed))
    again = seal.seal(small(), opened, world.vault.salt(world.cluster.identity(), PLACE, NAME))
    assert seal.opened(again) == opened
    assert len(opened.hooks) == 1


def test_helms_record_is_read_as_helm_writes_it() -> None:
    info = {"description": "Upgrade complete", "last_deployed": "2026-05-01T10:00:00Z"}
    packed = base64.b64encode(gzip.compress(json.dumps({"info": info}).encode()))
    secret: dict[str, Any] = {
        "metadata": {
            "namespace": "n",
            "labels": {"name": "r", "version": "12", "status": "deployed", "owner": "helm"},
            "managedFields": [{"manager": "helm"}],
        },
        "data": {"release": base64.b64encode(packed).decode()},
    }
    record = Record.of(secret)
    assert record.secret == "sh.helm.release.v1.r.v12"
    assert (record.revision, record.status, record.manager) == (12, "deployed", "helm")
    assert (record.description, record.modified) == (info["description"], info["last_deployed"])
    older = {"metadata": {**secret["metadata"]}}
    older["metadata"]["labels"] = {**secret["metadata"]["labels"], "version": "9"}
    assert newest([secret, older])["n", "r"].revision == 12
    for damaged in (
        "",
        "!!",
        base64.b64encode(b"x").decode(),
        base64.b64encode(packed[:9]).decode(),
    ):
        assert Record.of({**secret, "data": {"release": damaged}}).description == ""
