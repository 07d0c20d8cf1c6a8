"""Faults of a real cluster: each names its cause in time, and the former revision goes on serving.

The times are those between an independent look with kubectl, which sees the fault in the API for
the first time, and champ telling its cause.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.e2e.commands import Champ
from tests.e2e.faults import Applied, Faulty, Serving, Sight, Visible
from tests.e2e.faulty_app import GOOD, HOOK_SAID, SAID, faulty_recipe
from tests.lab import platform_registry
from tests.lab.lab import Lab

ZONE = "core-business"
IN_TIME = 20.0
PUT_BACK = 5


@pytest.fixture(scope="module")
def site(lab: Lab, platform: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Faulty]:
    """A sealed zone with the app in its store and a cluster that came up from its registry."""
    build = tmp_path_factory.mktemp("faults")
    site = Faulty(build, lab.zone("faults"), build / "zone")
    workshop, media = Champ(), build / "media"
    workshop("trust", "init", build / "trust", "--holder", "release engineering", "--unencrypted")
    for recipe in (platform, faulty_recipe(build)):
        lock = build / f"{recipe.parent.name}.lock"
        workshop("lock", recipe, "--out", lock)
        workshop("pack", recipe, "--lock", lock, "--signing", build / "trust", "--out", media)
    site.champ("zone", "init", "--name", ZONE, "--root", build / "trust/root.json")
    site.champ("import", "--all", media)
    site.start_registry()
    site.ground.start_cluster(site.folder / "pki/ca.crt")
    yield site
    site.node.stop()


def measured(applied: Applied, cause: str) -> float:
    """Seconds from the fault being visible to its cause being told; printed, and in time."""
    told = applied.told(cause)
    assert told is not None, [one for _, one in applied.events][-10:]
    assert applied.visible is not None
    seconds = told - applied.visible
    whole = f"{applied.seconds:.1f} s in all" if applied.seconds else ""
    print(f"\n{cause}: told {seconds:+.1f} s after it was visible; {whole}")
    assert seconds <= IN_TIME
    return seconds


def put_back(
    site: Faulty, release: str, cause: str, visible: Visible, version: str, fault: str = "none",
    between: Callable[[], object] = lambda: None,
) -> Applied:  # fmt: skip
    """Upgrade into a fault that does not pass: put back, the cause named, the former serving."""
    with site.install(release) as serving:
        plan = site.plan(release, version, fault)
        between()
        applied = site.apply(release, plan, visible=visible)
        assert applied.code == PUT_BACK, applied.events[-3:]
        measured(applied, cause)
        named = applied.cause(cause)["message"]
        assert named in applied.error["message"] + "."
        assert applied.error["remedy"].startswith(applied.cause(cause)["remedy"])
        assert site.status(release)["version"] == GOOD
        before = serving.good
    assert (serving.bad, before > 0) == ([], True)
    last = site.champ.json("history", release, "--namespace", release)[-1]
    assert (last["outcome"], last["error"]) == ("put-back", cause)
    return applied


def test_a_missing_image(site: Faulty, lab: Lab) -> None:
    empty = platform_registry.serve(lab.records, site.zone, lab.binaries())
    with ExitStack() as stack:
        applied = put_back(
            site, "image", "cause.image-not-found",
            lambda sight: sight.waits("ErrImagePull", "ImagePullBackOff"), "1.1",
            between=lambda: stack.enter_context(site.nodes_ask(empty.url, empty.ca)),
        )  # fmt: skip
    assert applied.seconds < 120
    assert "champ.local/web:1.1" in applied.error["message"]


def test_an_expired_certificate(site: Faulty) -> None:
    with site.expired_registry() as (url, authority), ExitStack() as stack:
        applied = put_back(
            site, "certificate", "cause.registry-certificate",
            lambda sight: sight.waits("ErrImagePull", "ImagePullBackOff"), "1.9",
            between=lambda: stack.enter_context(site.nodes_ask(url, authority)),
        )  # fmt: skip
    assert "expired" in applied.error["message"]


def test_a_crash_loop(site: Faulty) -> None:
    def visible(sight: Sight) -> bool:
        return any(
            state.get("terminated", {}).get("exitCode") == 3
            for one in sight.containers()
            for state in (one["state"], one.get("lastState", {}))
        )

    applied = put_back(site, "crash", "cause.crash-loop", visible, "1.2", "crash")
    assert SAID in applied.error["message"]
    assert applied.cause("cause.crash-loop")["log"] == ["starting", SAID]
    assert applied.seconds < 250


def test_a_failing_hook_before_an_upgrade(site: Faulty) -> None:
    def visible(sight: Sight) -> bool:
        conditions = [one for job in sight.of("Job") for one in job["status"].get("conditions", [])]
        return any(one["type"] == "Failed" and one["status"] == "True" for one in conditions)

    applied = put_back(site, "hook", "cause.hook-failed", visible, "1.3", "hook")
    assert HOOK_SAID in applied.error["message"]
    assert "exit code 4" in applied.error["message"]


def test_a_quota_that_is_used_up(site: Faulty) -> None:
    quota = {
        "apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "small"},
        "spec": {"hard": {"pods": "1"}},
    }  # fmt: skip

    def limit() -> None:
        site.kubectl("apply", "-n", "quota", "-f", "-", stdin=json.dumps(quota))

    applied = put_back(
        site, "quota", "cause.quota-exceeded",
        lambda sight: sight.told("FailedCreate", "exceeded quota"), "1.6", between=limit,
    )  # fmt: skip
    assert "the quota small is used up" in applied.error["message"]


def test_a_volume_that_never_comes(site: Faulty) -> None:
    storage = {
        "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "fast"},
        "provisioner": "example.org/none",
    }  # fmt: skip
    site.kubectl("apply", "-f", "-", stdin=json.dumps(storage))
    applied = put_back(
        site, "volume", "cause.storage-class-missing",
        lambda sight: sight.told("ProvisioningFailed", "fast"), "1.7", "volume",
        between=lambda: site.kubectl("delete", "storageclass", "fast"),
    )  # fmt: skip
    assert "no storage class fast" in applied.error["message"]


def test_a_fault_that_is_foretold_is_refused_unless_it_is_accepted(site: Faulty) -> None:
    words, plan = site.planning("foretold", GOOD, "volume"), site.build / "foretold.plan"
    done = site.champ(*words, "--out", plan, *site.cluster, expect=4)
    assert "[storage.class-unknown]" in done.stdout
    assert "storage class fast, which the cluster does not have" in " ".join(done.stdout.split())
    done = site.champ("apply", plan, "--confirm", "foretold", *site.cluster, expect=4)
    assert "[release.plan-blocked]" in done.stderr
    accepted = ("--accept", "storage.class-unknown", "--out", plan, *site.cluster)
    assert "(accepted)" in site.champ(*words, *accepted).stdout
    done = site.champ("apply", plan, "--confirm", "foretold", *site.cluster, expect=PUT_BACK)
    assert "no storage class fast" in done.stderr


def test_a_registry_that_is_down_for_a_while(site: Faulty) -> None:
    with site.install("registry") as serving:
        plan = site.plan("registry", "1.8")
        site.stop_registry()
        try:
            visible = "ErrImagePull", "ImagePullBackOff"
            with site.applying("registry", plan, visible=lambda s: s.waits(*visible)) as applied:
                applied.until(lambda: applied.told("cause.registry-unreachable"))
                assert serving.bad == []
                site.start_registry()
                assert applied.wait() == 0, applied.events[-3:]
        finally:
            site.registry_again()
        measured(applied, "cause.registry-unreachable")
        assert site.status("registry")["version"] == "1.8"
    assert serving.bad == []


def test_an_api_server_that_is_killed_and_comes_back(site: Faulty) -> None:
    with site.install("server") as serving:
        plan = site.plan("server", "1.4", "slow")
        with site.applying("server", plan, visible=lambda sight: sight.away) as applied:
            applied.until(lambda: len(pods_told(applied)) > 1)
            with site.without("kube-apiserver"):
                applied.until(lambda: applied.told("cause.api-server-away") and applied.visible)
                time.sleep(10)  # long enough for every client to have noticed
                assert (serving.bad, applied.code) == ([], None)
            code = applied.wait()
        measured(applied, "cause.api-server-away")
        assert code in {0, PUT_BACK}, applied.events[-3:]
        row = site.status("server")
        assert (row["version"], row["health"]) == ("1.4" if code == 0 else GOOD, "healthy")
        print(f"the API server came back: ended with {code}")
    assert serving.bad == []
    assert_no_release_pends(site, "server")


def test_a_node_that_is_not_ready_for_a_while(site: Faulty) -> None:
    with site.install("node"):
        # A node that is away has its pods taken out of services; the pod itself goes on.
        found = json.loads(site.kubectl("get", "pods", "-n", "node", "-o", "json"))["items"]
        plan = site.plan("node", "1.5")

        def visible(sight: Sight) -> bool:
            conditions = [one for n in sight.of("Node") for one in n["status"]["conditions"]]
            return any(one["type"] == "Ready" and one["status"] != "True" for one in conditions)

        with Serving(site.zone.host_namespace, found[0]["status"]["podIP"]) as serving:
            with site.applying("node", plan, visible=visible) as applied:
                with site.without("kubelet"):
                    applied.until(lambda: applied.told("cause.node-not-ready"))
                    assert serving.bad == []
                assert applied.wait() == 0, applied.events[-3:]
        measured(applied, "cause.node-not-ready")
        row = site.status("node")
        assert (row["version"], row["health"]) == ("1.5", "healthy")


def pods_told(applied: Applied) -> set[str]:
    return {one["name"] for _, one in applied.events if one.get("kind") == "Pod"}


def assert_no_release_pends(site: Faulty, release: str) -> None:
    words = ["get", "secrets", "-n", release, "-l", "owner=helm", "-o", "json"]
    rows = json.loads(site.kubectl(*words))["items"]
    newest = max(rows, key=lambda row: int(row["metadata"]["labels"]["version"]))
    assert newest["metadata"]["labels"]["status"] == "deployed"
