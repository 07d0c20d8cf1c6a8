"""Which nodes pull what: told where a node lists all its images, unknown where it cannot."""

from __future__ import annotations

from typing import Any

from champ_offline.cluster.interface import Node
from champ_offline.oci.digest import Digest
from champ_offline.release.images.digests import Image
from champ_offline.release.review.pulls import NodeLoad, Pull, loads, pulls
from tests.unit.release.review.objects import IMAGE, POD, altered, changed, workload

WEB, DB = Digest.of(b"web"), Digest.of(b"db")
IMAGES = (Image("registry.example/web:1", WEB, 700), Image("registry.example/db:1", DB, 300))


def node(name: str, *has: Digest, told: bool = True, **labels: str) -> Node:
    return Node(
        name, True, "v1.35.4", "amd64", "containerd://1.6.20", 2.0, 2**33, labels=labels,
        images=frozenset(map(str, has)), all_images_told=told,
    )  # fmt: skip


def using(
    digest: Digest, kind: str = "Deployment", name: str = "web", **pod: Any
) -> dict[str, Any]:
    item = altered(workload(kind, name), *IMAGE, to=f"registry.example/{name}@{digest}")
    for key, value in pod.items():
        item = altered(item, *POD, key, to=value)
    return item


def test_nodes_that_lack_an_image_are_named_and_summed() -> None:
    compared = [changed(None, using(WEB)), changed(None, using(DB, name="db"))]
    found = pulls(IMAGES, compared, [node("a", WEB), node("b"), node("c", WEB, DB)])
    assert found == (
        Pull("registry.example/web:1", WEB, 700, ("b",), ()),
        Pull("registry.example/db:1", DB, 300, ("a", "b"), ()),
    )
    assert loads(found) == (NodeLoad("a", 300, 0), NodeLoad("b", 1000, 0))


def test_a_full_list_proves_what_is_there_and_nothing_else() -> None:
    compared = [changed(None, using(WEB)), changed(None, using(DB, name="db"))]
    found = pulls(IMAGES, compared, [node("a", WEB, told=False)])
    assert [(pull.missing, pull.unknown) for pull in found] == [((), ()), ((), ("a",))]
    assert loads(found) == (NodeLoad("a", 0, 300),)


def test_only_nodes_that_the_pods_can_land_on_count() -> None:
    tied = changed(None, using(WEB, nodeSelector={"disk": "ssd"}))
    nodes = [node("a", disk="ssd"), node("b", disk="hdd"), node("c")]
    [web, _] = pulls(IMAGES, [tied], nodes)
    assert web.missing == ("a",)


def test_two_users_of_an_image_reach_the_nodes_of_both() -> None:
    compared = [
        changed(None, using(WEB, nodeSelector={"disk": "ssd"})),
        changed(None, using(WEB, "DaemonSet", nodeSelector={"disk": "hdd"})),
    ]
    nodes = [node("a", disk="ssd"), node("b", disk="hdd"), node("c")]
    assert pulls(IMAGES, compared, nodes)[0].missing == ("a", "b")


def test_pods_of_cron_jobs_and_init_containers_count() -> None:
    inner = using(WEB)["spec"]["template"]
    inner["spec"]["initContainers"] = [{"name": "i", "image": f"registry.example/db@{DB}"}]
    cron = {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": "nightly"},
        "spec": {"jobTemplate": {"spec": {"template": inner}}},
    }
    found = pulls(IMAGES, [changed(None, cron)], [node("a")])
    assert [pull.missing for pull in found] == [("a",), ("a",)]


def test_what_is_deleted_pulls_nothing() -> None:
    assert pulls(IMAGES, [changed(using(WEB), None)], [node("a")])[0].missing == ()
