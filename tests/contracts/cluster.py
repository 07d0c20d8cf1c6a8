"""What every Cluster must do. Subclasses give `cluster`, an `engine` on it and a `namespace`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from champ_offline.cluster.interface import POD_SECURITY, Cluster, LogUnavailable, ObjectRefused
from champ_offline.helm import records
from champ_offline.helm.engine import HelmEngine, Options
from champ_offline.helm.faults import ReleaseFailed
from champ_offline.helm.records import Record
from champ_offline.release.differences import equal
from champ_offline.release.objects import items_of_manifest
from tests.contracts.helm_engine import NAME, QUICK, eventually, small_with
from tests.simulators.charts import NOWHERE, small

_TWO_PORTS = (("a", 80), ("b", 81))


def config(name: str, **data: str) -> dict[str, Any]:
    """A ConfigMap as somebody would apply it."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


CLAIM = """\
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec:
  accessModes: [ReadWriteOnce]
  storageClassName: nobody-provisions-this
  resources: {requests: {storage: 1Mi}}
"""


class ClusterContract:
    """The suite."""

    def test_a_claim_without_a_volume_goes_once(
        self, cluster: Cluster, engine: HelmEngine, namespace: str
    ) -> None:
        assert cluster.claims("champ-not-there") == ()
        left = Options(timeout=4, rollback_on_failure=False)
        with pytest.raises(ReleaseFailed):
            engine.install(small_with(CLAIM), NAME, namespace, {}, left)
        [claim] = cluster.claims(namespace)
        assert (claim.name, claim.release, claim.bound) == ("data", NAME, False)
        assert not cluster.drop_claim(namespace, replace(claim, uid="another"))
        assert not cluster.drop_claim(namespace, replace(claim, bound=True))
        assert cluster.drop_claim(namespace, claim)
        assert eventually(lambda: cluster.claims(namespace) == ())
        assert not cluster.drop_claim(namespace, claim)

    def test_its_identity_stays(self, cluster: Cluster) -> None:
        assert cluster.identity()
        assert cluster.identity() == cluster.identity()

    def test_it_tells_its_version_and_kinds(self, cluster: Cluster) -> None:
        offer = cluster.offer()
        assert offer.version.startswith("v1.")
        assert {"v1", "apps/v1", "v1/ConfigMap", "apps/v1/Deployment"} <= set(offer.api_versions)

    def test_a_namespace_is_made_once_and_restricted(
        self, cluster: Cluster, namespace: str
    ) -> None:
        assert cluster.has_namespace(namespace)
        assert not cluster.ensure_namespace(namespace)
        found = cluster.get("v1", "Namespace", "", namespace)
        assert found is not None
        assert POD_SECURITY.items() <= found["metadata"]["labels"].items()

    def test_what_is_not_there_is_none(self, cluster: Cluster, namespace: str) -> None:
        assert not cluster.has_namespace("champ-not-there")
        assert cluster.get("v1", "ConfigMap", namespace, "nothing") is None
        assert cluster.get("nowhere.example/v9", "Nothing", namespace, "nothing") is None

    def test_it_tells_which_kinds_are_in_namespaces(self, cluster: Cluster) -> None:
        assert cluster.is_namespaced("apps/v1", "Deployment")
        assert not cluster.is_namespaced("v1", "Namespace")
        assert not cluster.is_namespaced("nowhere.example/v9", "Nothing")

    def test_objects_are_listed_by_kind_as_they_are_got_one_by_one(
        self, cluster: Cluster, engine: HelmEngine, namespace: str
    ) -> None:
        engine.install(small(), NAME, namespace, {}, QUICK)
        for kind in ("ConfigMap", "Secret"):
            found = cluster.listed("v1", kind, namespace)
            ours = [one for one in found if one["metadata"]["name"].startswith(f"{NAME}-")]
            assert ours
            for one in ours:
                name = one["metadata"]["name"]
                assert one == cluster.get("v1", kind, namespace, name), name
        names = [one["metadata"]["name"] for one in cluster.listed("v1", "Secret", namespace)]
        assert names == [f"{NAME}-secret"], "Helm's own records are left out"
        assert cluster.listed("nowhere.example/v9", "Nothing", namespace) == ()
        everywhere = cluster.listed("v1", "Namespace", namespace)
        assert {"kube-system", namespace} <= {one["metadata"]["name"] for one in everywhere}

    def test_objects_are_listed_in_one_namespace_and_in_all(
        self, cluster: Cluster, engine: HelmEngine, namespace: str
    ) -> None:
        engine.install(small(), NAME, namespace, {}, QUICK)
        here = cluster.listed("apps/v1", "Deployment", namespace)
        assert [one["metadata"]["name"] for one in here] == [f"{NAME}-work"]
        assert [(one["apiVersion"], one["kind"]) for one in here] == [("apps/v1", "Deployment")]
        every = cluster.listed("apps/v1", "Deployment", "")
        assert here[0]["metadata"]["uid"] in {one["metadata"]["uid"] for one in every}
        assert cluster.listed("apps/v1", "Deployment", "champ-not-there") == ()
        assert cluster.listed("nowhere.example/v9", "Nothing", namespace) == ()
        spaces = {one["metadata"]["name"] for one in cluster.listed("v1", "Namespace", "")}
        assert {"kube-system", namespace} <= spaces

    def test_parts_are_the_releases_objects_as_they_are(
        self, cluster: Cluster, engine: HelmEngine, namespace: str
    ) -> None:
        assert cluster.parts(namespace, NAME) == ()
        engine.install(small(), NAME, namespace, {}, QUICK)
        [work] = [one for one in cluster.parts(namespace, NAME) if one["kind"] == "Deployment"]
        assert (work["metadata"]["name"], work["spec"]["replicas"]) == (f"{NAME}-work", 0)
        assert cluster.parts(namespace, "another") == ()

    def test_where_nothing_happened_there_is_nothing_to_tell(
        self, cluster: Cluster, namespace: str
    ) -> None:
        assert cluster.troubles("champ-not-there") == ()
        with pytest.raises(LogUnavailable, match="nothing"):
            cluster.log_tail(namespace, "nothing", "none", previous=False, lines=5)

    def test_contact_never_fails_where_the_cluster_answers(self, cluster: Cluster) -> None:
        found = cluster.contact()
        assert found.time is None or found.time.tzinfo is not None

    def test_a_preview_of_something_new_writes_nothing(
        self, cluster: Cluster, namespace: str
    ) -> None:
        found = cluster.preview(config("fresh", a="1"), namespace)
        assert found.live is None
        assert found.after is not None
        assert found.after["data"] == {"a": "1"}
        assert cluster.get("v1", "ConfigMap", namespace, "fresh") is None

    def test_a_preview_of_an_unknown_kind_or_namespace_is_empty(
        self, cluster: Cluster, namespace: str
    ) -> None:
        strange = {**config("x"), "apiVersion": "nowhere.example/v9", "kind": "Nothing"}
        assert cluster.preview(strange, namespace).after is None
        assert cluster.preview(config("x"), "champ-not-there").after is None

    def test_a_preview_of_what_is_there_changes_nothing(
        self, cluster: Cluster, engine: HelmEngine, namespace: str
    ) -> None:
        engine.install(small(), NAME, namespace, {}, QUICK)
        found = engine.status(NAME, namespace)
        assert found is not None
        for item in items_of_manifest(found.manifest, namespace):
            preview = cluster.preview(item.owned_by(NAME, namespace), namespace)
            assert preview.live is not None
            assert equal(preview.live, preview.after), item.name

    def test_a_preview_shows_a_change_and_refuses_an_impossible_one(
        self, cluster: Cluster, engine: HelmEngine, namespace: str
    ) -> None:
        engine.install(small(), NAME, namespace, {}, QUICK)
        found = engine.status(NAME, namespace)
        assert found is not None
        every = {one.kind: one for one in items_of_manifest(found.manifest, namespace)}
        wanted = every["ConfigMap"].owned_by(NAME, namespace)
        wanted["data"]["greeting"] = "other"
        foretold = cluster.preview(wanted, namespace)
        assert not equal(foretold.live, foretold.after)
        assert foretold.conflicts == ()
        impossible = every["Deployment"].owned_by(NAME, namespace)
        impossible["spec"]["selector"]["matchLabels"] = {"app": "another"}
        impossible["spec"]["template"]["metadata"]["labels"] = {"app": "another"}
        with pytest.raises(ObjectRefused):
            cluster.preview(impossible, namespace)

    def test_a_preview_refuses_a_field_that_the_kind_does_not_have(
        self, cluster: Cluster, namespace: str
    ) -> None:
        with pytest.raises(ObjectRefused, match="dta"):
            cluster.preview({**config("x"), "dta": {"a": "1"}}, namespace)

    def test_a_preview_refuses_what_is_wrong_in_itself_whatever_the_user_may(
        self, cluster: Cluster, namespace: str
    ) -> None:
        ports = [{"name": name, "port": port, "nodePort": 32001} for name, port in _TWO_PORTS]
        service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "twice"}}
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "on-the-node"}}
        containers = [{"name": "a", "image": "a.example/a"}]
        once = {**service, "spec": {"type": "NodePort", "ports": ports[:1]}}
        cluster.apply(once, namespace)
        for wanted, reason in (
            ({**service, "spec": {"type": "NodePort", "ports": ports}}, "nodePort"),
            ({**pod, "spec": {"hostNetwork": True, "containers": containers}}, "PodSecurity"),
        ):
            with pytest.raises(ObjectRefused, match=reason):
                cluster.preview(wanted, namespace)

    def test_a_forced_preview_goes_over_what_others_hold(
        self, cluster: Cluster, engine: HelmEngine, namespace: str
    ) -> None:
        engine.install(small(), NAME, namespace, {}, QUICK)
        found = engine.status(NAME, namespace)
        assert found is not None
        every = {one.kind: one for one in items_of_manifest(found.manifest, namespace)}
        wanted = every["ConfigMap"].owned_by(NAME, namespace)
        wanted["data"]["greeting"] = "other"
        after = cluster.preview(wanted, namespace, force=True).after
        assert after is not None
        assert after["data"]["greeting"] == "other"
        live = cluster.get("v1", "ConfigMap", namespace, f"{NAME}-config")
        assert live is not None
        assert live["data"]["greeting"] != "other"

    def test_a_workload_stands_still_and_is_as_helm_has_it_again(
        self, cluster: Cluster, engine: HelmEngine, namespace: str
    ) -> None:
        engine.install(small(), NAME, namespace, {"replicas": 1}, QUICK)
        found = engine.status(NAME, namespace)
        assert found is not None
        [item] = [
            one for one in items_of_manifest(found.manifest, namespace) if one.kind == "Deployment"
        ]

        def pods() -> int:
            return sum(one["kind"] == "Pod" for one in cluster.parts(namespace, NAME))

        for replicas in (0, 1):
            wanted = item.owned_by(NAME, namespace)
            wanted["spec"]["replicas"] = replicas
            cluster.apply(wanted, namespace)
            assert eventually(lambda: pods() == replicas)  # noqa: B023 - called at once
        foretold = cluster.preview(item.owned_by(NAME, namespace), namespace)
        assert equal(foretold.live, foretold.after)
        engine.upgrade(small(), NAME, namespace, {"replicas": 1, "greeting": "other"}, QUICK)
        with pytest.raises(ObjectRefused):
            cluster.apply({**config("x"), "dta": {"a": "1"}}, namespace)
        with pytest.raises(ObjectRefused):
            cluster.apply({**config("x"), "apiVersion": "nowhere.example/v9"}, namespace)

    def test_objects_are_listed_by_kind_place_and_label(
        self, cluster: Cluster, engine: HelmEngine, namespace: str
    ) -> None:
        engine.install(small(), NAME, namespace, {}, QUICK)
        helms = "app.kubernetes.io/managed-by=Helm"
        for place in (namespace, ""):
            found = cluster.listed("v1", "ConfigMap", place, labels=helms)
            own = [one for one in found if one["metadata"]["namespace"] == namespace]
            assert [(one["kind"], one["metadata"]["name"]) for one in own] == [
                ("ConfigMap", f"{NAME}-config")
            ]
            assert own[0]["apiVersion"] == "v1"
            assert own[0]["data"]

    def test_helms_records_are_told_by_their_metadata(
        self, cluster: Cluster, engine: HelmEngine, namespace: str
    ) -> None:
        engine.install(small(), NAME, namespace, {}, QUICK)
        engine.upgrade(small(), NAME, namespace, {"greeting": "again"}, QUICK)
        secrets = cluster.listed("v1", "Secret", namespace, labels=records.LABELS, names_only=True)
        assert not any("data" in one for one in secrets)
        found = records.newest(secrets)
        record = found[namespace, NAME]
        assert (record.revision, record.status) == (2, "deployed")
        whole = cluster.get("v1", "Secret", namespace, record.secret)
        assert whole is not None
        assert Record.of(whole).revision == 2

    def test_objects_of_a_release_tell_how_they_are(
        self, cluster: Cluster, engine: HelmEngine, namespace: str
    ) -> None:
        assert cluster.objects(namespace, NAME) == ()
        engine.install(small(), NAME, namespace, {}, QUICK)
        [work] = cluster.objects(namespace, NAME)
        assert (work.kind, work.name, work.ready) == ("Deployment", f"{NAME}-work", True)
        assert cluster.objects(namespace, "another") == ()


class RunningClusterContract:
    """What needs nodes that pull images and run pods."""

    def test_nodes_and_storage_classes_are_told(self, cluster: Cluster) -> None:
        assert cluster.nodes()
        assert all(node.ready and node.cpus > 0 and node.memory > 0 for node in cluster.nodes())
        assert any(one.default for one in cluster.storage_classes())
        assert all(node.schedulable for node in cluster.nodes())

    def test_a_node_tells_the_digests_of_the_images_it_has(
        self, cluster: Cluster, engine: HelmEngine, namespace: str
    ) -> None:
        engine.install(small(), NAME, namespace, {"replicas": 1}, QUICK.__class__(timeout=60))
        for node in cluster.nodes():
            assert all(digest.startswith("sha256:") for digest in node.images)

    def test_pods_come_up(self, cluster: Cluster, engine: HelmEngine, namespace: str) -> None:
        engine.install(small(), NAME, namespace, {"replicas": 1}, QUICK.__class__(timeout=60))
        states = cluster.objects(namespace, NAME)
        assert [(one.kind, one.ready) for one in states] == [("Deployment", True), ("Pod", True)]

    def test_an_image_that_cannot_be_had_is_named(
        self, cluster: Cluster, engine: HelmEngine, namespace: str
    ) -> None:
        broken = {"replicas": 1, "image": NOWHERE}
        left = QUICK.__class__(timeout=4, rollback_on_failure=False)
        with pytest.raises(Exception, match="did not finish"):
            engine.install(small(), NAME, namespace, broken, left)

        def told() -> bool:
            reasons = [one.reason for one in cluster.objects(namespace, NAME) if one.kind == "Pod"]
            return any("ErrImagePull" in why or "ImagePullBackOff" in why for why in reasons)

        assert eventually(told)

        def explained() -> bool:
            return any(
                one["involvedObject"]["kind"] == "Pod" and NOWHERE in one["message"]
                for one in cluster.troubles(namespace)
            )

        assert eventually(explained)
