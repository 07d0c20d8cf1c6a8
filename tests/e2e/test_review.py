"""What a plan foretells is what happens on a real cluster, and what moved meanwhile is named."""

from __future__ import annotations

import base64
import secrets
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from champ_offline.clock import now_utc
from champ_offline.cluster.interface import ObjectRefused
from champ_offline.cluster.kube import KubeCluster
from champ_offline.durable.database import Database
from champ_offline.helm.engine import Options
from champ_offline.helm.remote import SdkEngine
from champ_offline.journal.audit import Audit
from champ_offline.journal.journal import Journal
from champ_offline.oci.digest import Digest
from champ_offline.release.apply.execute import Executor
from champ_offline.release.base import ObjectsMoved
from champ_offline.release.differences import essence
from champ_offline.release.plan import Change, Plan
from champ_offline.release.planner import Planner
from champ_offline.release.records.history import History
from champ_offline.release.records.vault import Vault
from champ_offline.release.request import ReleaseRequest
from champ_offline.release.review.effects import Happens
from champ_offline.release.review.immutable import FieldsImmutable
from champ_offline.release.review.restarts import Cause, Restart, Way
from installer.plan_text import review
from tests.e2e.commands import run
from tests.lab.lab import Lab
from tests.lab.node import Node
from tests.simulators.charts import PAUSE, SAMPLE, chart

NAME = "reviewed"
SECRET, OTHER_SECRET = "first-s3cret-word", "second-s3cret-word"
KINDS = (("v1", "ConfigMap"), ("v1", "Secret"), ("apps/v1", "Deployment"), ("batch/v1", "Job"))
READING = """\
      volumes:
      - name: files
        configMap: {name: "{{ .Release.Name }}-config"}
      containers:
"""
PLAIN = {name: text for name, text in SAMPLE.items() if not name.startswith("crds/")}
# So many that they are looked at as a list.
MANY = "---\n".join(
    f"apiVersion: v1\nkind: {kind}\nmetadata: {{name: {NAME}-{kind.lower()}-{number}}}\n"
    for kind in ("ConfigMap", "Secret")
    for number in range(3)
)
BASE = {
    **PLAIN,
    "templates/many.yaml": MANY,
    "templates/work.yaml": PLAIN["templates/work.yaml"].replace("      containers:\n", READING),
}
FIXED = """\
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: "{{ .Release.Name }}-set"}
spec:
  replicas: 0
  serviceName: none
  selector: {matchLabels: {app: set}}
  template:
    metadata: {labels: {app: set}}
    spec: {containers: [{name: work, image: "{{ .Values.image }}"}]}
  volumeClaimTemplates:
  - metadata: {name: data}
    spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
---
apiVersion: batch/v1
kind: Job
metadata: {name: "{{ .Release.Name }}-once"}
spec:
  completions: 0
  template:
    metadata: {labels: {app: once}}
    spec: {restartPolicy: Never, containers: [{name: work, image: "{{ .Values.image }}"}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: "{{ .Release.Name }}-frozen"}
immutable: true
data: {greeting: "hello"}
"""
OTHERWISE = (
    ("storage: 1Gi", "storage: 2Gi"),
    ("labels: {app: once}", "labels: {app: twice}"),
    ('data: {greeting: "hello"}', 'data: {greeting: "moin"}'),
)
Kubectl: TypeAlias = Callable[..., str]
Live: TypeAlias = dict[tuple[str, str], dict[str, Any]]


class Site:
    """A zone's planning and applying over the real cluster, in a namespace of its own."""

    def __init__(self, database: Path, node: Node, namespace: str) -> None:
        self.cluster, self.engine = KubeCluster(node.kubeconfig), SdkEngine(node.kubeconfig)
        self.namespace = namespace
        made = Database.create(database)
        history, vault = History(made), Vault(made, lambda: "salt")
        parts = (self.engine, self.cluster, history, vault)
        self.images = {PAUSE: pause(node)}
        self.planner = Planner(*parts, zone="lab", now=now_utc, size=lambda _digest: 700_000)
        self.executor = Executor(
            *parts, Journal(made, now_utc), audit=Audit(made, now_utc), now=now_utc,
            options=Options(timeout=60), pause=0.5,
        )  # fmt: skip

    def plan(self, files: dict[str, str], **values: object) -> Plan:
        values = {"replicas": 2, "password": SECRET, **values}
        request = ReleaseRequest(
            release=NAME, namespace=self.namespace, app="sample", version="1", chart=chart(files),
            answers=values, values=values, images=self.images, secrets=(str(values["password"]),),
        )  # fmt: skip
        return self.planner.change(request)

    def apply(self, plan: Plan) -> None:
        self.executor.apply(plan, "somebody")

    def live(self) -> Live:
        """The release's objects without what the server keeps, and with their UID."""
        return {
            (kind, item["metadata"]["name"]): {
                **(essence(item) or {}),
                "uid": item["metadata"]["uid"],
            }
            for api_version, kind in KINDS
            for item in self.cluster.listed(api_version, kind, self.namespace)
            if item["metadata"]["name"].startswith(NAME)
            and "helm.sh/hook" not in (item["metadata"].get("annotations") or {})
        }

    def pods(self) -> set[str]:
        """The UIDs of the pods that are to stay."""
        found = self.cluster.listed("v1", "Pod", self.namespace)
        return {
            pod["metadata"]["uid"] for pod in found if not pod["metadata"].get("deletionTimestamp")
        }

    def close(self) -> None:
        self.engine.close()
        self.cluster.close()


def pause(node: Node) -> Digest:
    """The digest under which the node holds the pause image."""
    start = f"{PAUSE.rpartition(':')[0]}@"

    def told() -> set[str]:
        status = node.api.get("/api/v1/nodes")["items"][0]["status"]
        names = {name for image in status.get("images") or [] for name in image["names"]}
        return {name.removeprefix(start) for name in names if name.startswith(start)}

    # A kubelet lists its images half a minute after it began.
    deadline = time.monotonic() + 90
    while not told() and time.monotonic() < deadline:
        time.sleep(1)
    [found] = told()
    return Digest.parse(found)


@pytest.fixture
def site(open_node: Node, tmp_path: Path, kubectl: Kubectl) -> Iterator[Site]:
    namespace = f"review-{secrets.token_hex(4)}"
    made = Site(tmp_path / "zone.db", open_node, namespace)
    yield made
    made.close()
    kubectl("delete", "namespace", namespace, "--wait=false")


@pytest.fixture(scope="session")
def kubectl(lab: Lab, open_node: Node) -> Kubectl:
    """The stock command."""

    def call(*words: str) -> str:
        given: list[str | Path] = ["--kubeconfig", open_node.kubeconfig]
        return run([lab.binaries() / "kube", "kubectl", *given, *words]).stdout

    return call


def foretold(plan: Plan) -> dict[Change, set[tuple[str, str]]]:
    every = [(one.change, (one.kind, one.name)) for one in plan.actions if not one.hook]
    return {change: {key for found, key in every if found is change} for change in Change}


def happened(before: Live, after: Live) -> dict[Change, set[tuple[str, str]]]:
    both = before.keys() & after.keys()
    return {
        Change.CREATED: after.keys() - before.keys(),
        Change.CHANGED: {key for key in both if before[key] != after[key]},
        Change.REPLACED: {key for key in both if before[key]["uid"] != after[key]["uid"]},
        Change.DELETED: before.keys() - after.keys(),
        Change.UNCHANGED: {key for key in both if before[key] == after[key]},
    }


def clean(live: Live) -> Live:
    """Without the mark that a Deployment's controller keeps."""
    for item in live.values():
        notes = item["metadata"].get("annotations") or {}
        notes.pop("deployment.kubernetes.io/revision", None)
    return live


def carried_out(site: Site, plan: Plan) -> tuple[set[str], set[str]]:
    """Apply, hold what happened against what was foretold; the pods before and after."""
    objects, pods = clean(site.live()), site.pods()
    site.apply(plan)
    assert foretold(plan) == happened(objects, clean(site.live()))
    return pods, site.pods()


def test_what_a_plan_foretells_is_what_happens(site: Site, kubectl: Kubectl) -> None:
    first = site.plan(BASE, greeting="one")
    assert [(pull.missing, pull.unknown) for pull in first.pulls] == [((), ())]
    carried_out(site, first)

    settings = site.plan(BASE, greeting="two")
    assert all(one.restarts == () for one in settings.actions)
    assert Happens.SETTINGS_SEEN in {one.happens for one in settings.effects}
    before, after = carried_out(site, settings)
    assert before == after
    assert len(after) == 2

    work = BASE["templates/work.yaml"]
    other = {
        **{name: text for name, text in BASE.items() if name != "templates/config.yaml"},
        "templates/config.yaml": BASE["templates/config.yaml"].partition("---\n# about")[0],
        "templates/more.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: reviewed-more}\n",
        "templates/work.yaml": work.replace("Seconds: 0", "Seconds: 1"),
    }
    change = site.plan(other, greeting="two")
    restarts = [restart for one in change.actions for restart in one.restarts]
    assert restarts == [Restart(2, Way.ROLLING, (Cause.SETTINGS,))]
    before, after = carried_out(site, change)
    assert not before & after
    assert len(after) == 2

    gone = site.planner.remove(NAME, site.namespace)
    carried_out(site, gone)
    kubectl("wait", "--for=delete", "pod", "--all", "-n", site.namespace, "--timeout=60s")
    assert site.pods() == set()


def test_objects_that_moved_are_refused_by_name(site: Site, kubectl: Kubectl) -> None:
    site.apply(site.plan(BASE, greeting="one"))
    plan = site.plan(BASE, greeting="two")
    here = ("-n", site.namespace)
    kubectl("scale", "deployment", f"{NAME}-work", "--replicas=3", *here)
    kubectl("annotate", "configmap", f"{NAME}-config", "note=by-hand", *here)
    kubectl("delete", "secret", f"{NAME}-secret", *here)
    before = site.live()
    with pytest.raises(ObjectsMoved) as caught:
        site.apply(plan)
    moves: Any = caught.value.fields["objects"]
    assert {str(move) for move in moves} == {
        f"ConfigMap {NAME}-config (changed meanwhile)",
        f"Deployment {NAME}-work (changed meanwhile)",
        f"Secret {NAME}-secret (gone meanwhile)",
    }
    assert site.live() == before
    found = site.engine.status(NAME, site.namespace)
    assert found is not None
    assert found.revision == 1


def test_an_object_that_somebody_made_meanwhile_is_refused(site: Site, kubectl: Kubectl) -> None:
    plan = site.plan(BASE)
    kubectl("create", "namespace", site.namespace)
    kubectl("create", "configmap", f"{NAME}-config", "-n", site.namespace)
    with pytest.raises(ObjectsMoved, match=f"ConfigMap {NAME}-config .made meanwhile."):
        site.apply(plan)
    assert site.engine.status(NAME, site.namespace) is None


def test_no_view_shows_a_secret(site: Site) -> None:
    site.apply(site.plan(BASE, greeting=f"pw={SECRET}"))
    plan = site.plan(BASE, greeting=f"pw={OTHER_SECRET}", password=OTHER_SECRET)
    shown = review(plan, differences=True) + plan.to_bytes().decode()
    for secret in (SECRET, OTHER_SECRET):
        assert secret not in shown
        assert base64.b64encode(secret.encode()).decode() not in shown
    assert "password: (hidden) -> (hidden, changed)" in shown


def test_fixed_fields_are_named_before_the_server_refuses_them(
    site: Site, kubectl: Kubectl
) -> None:
    site.apply(site.plan({**BASE, "templates/fixed.yaml": FIXED}))
    assert not site.plan({**BASE, "templates/fixed.yaml": FIXED}).has_changes
    wanted = FIXED
    for old, new in OTHERWISE:
        wanted = wanted.replace(old, new)
        with pytest.raises(ObjectRefused):  # the server's own word
            _previewed(site, FIXED.replace(old, new))
    with pytest.raises(FieldsImmutable) as caught:
        site.plan({**BASE, "templates/fixed.yaml": wanted})
    told = str(caught.value)
    assert f"StatefulSet {NAME}-set keeps spec.volumeClaimTemplates[data]" in told
    assert f"Job {NAME}-once keeps spec.template" in told
    assert f"ConfigMap {NAME}-frozen is marked immutable and keeps data" in told
    here = ("-n", site.namespace)
    kubectl("delete", "statefulset", f"{NAME}-set", "--cascade=orphan", *here)
    kubectl("delete", "job", f"{NAME}-once", *here)
    kubectl("delete", "configmap", f"{NAME}-frozen", *here)
    made = foretold(site.plan({**BASE, "templates/fixed.yaml": wanted}))[Change.CREATED]
    assert made == {
        ("StatefulSet", f"{NAME}-set"), ("Job", f"{NAME}-once"), ("ConfigMap", f"{NAME}-frozen"),
    }  # fmt: skip


def _previewed(site: Site, text: str) -> None:
    """Ask the server for each object as it would be."""
    from champ_offline.helm import manifests

    filled = text.replace("{{ .Release.Name }}", NAME).replace("{{ .Values.image }}", PAUSE)
    for part in manifests.split(filled):
        site.cluster.preview(manifests.load(part, "fixed"), site.namespace)
