"""All checks together: their order, their words, and objects of any shape."""

from __future__ import annotations

import ast
import copy
import string
from collections.abc import Iterator
from typing import Any

import pytest

from champ_offline.preflight.change import Planned
from champ_offline.preflight.checks import SORTS, examine
from champ_offline.preflight.concern import Sort, Weight, listed
from champ_offline.preflight.facts import LimitFacts, QuotaFacts, Taint
from champ_offline.preflight.resources import Defaults
from tests.architecture.source import sources
from tests.unit.preflight.given import NOW, facts, node, planned, running, thing, told, workload

ODD: tuple[Any, ...] = (
    None, True, -1, 10**400, 1.5, float("nan"), float("inf"), "", "x", "9" * 400, "1e99999999",
    "1.2.3", "100%", "²%", [], [None], ["x"], [[]], {}, {"": None}, {None: {}}, {"a": {"b": []}},
)  # fmt: skip
RICH = workload(
    "StatefulSet", "db", cpu="1", replicas=2,
    spec={
        "nodeSelector": {"a": "b"}, "priorityClassName": "x", "hostNetwork": True,
        "overhead": {"cpu": "1"}, "securityContext": {"runAsUser": 0, "sysctls": [{"name": "x"}]},
        "tolerations": [{"key": "a", "operator": "Exists"}],
        "affinity": {
            "nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {
                "nodeSelectorTerms": [{
                    "matchExpressions": [{"key": "a", "operator": "Gt", "values": ["1"]}],
                    "matchFields": [{"key": "metadata.name", "operator": "In", "values": ["one"]}],
                }]}},
            "podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{
                "topologyKey": "kubernetes.io/hostname",
                "labelSelector": {"matchLabels": {"app": "db"}, "matchExpressions": [{}]}}]},
        },
        "volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}],
        "initContainers": [{"name": "i", "restartPolicy": "Always"}],
    },
    container={"ports": [{"hostPort": 1, "containerPort": 2, "hostIP": "::"}],
               "securityContext": {"capabilities": {"add": ["X"]}}},
    volumeClaimTemplates=[{"metadata": {"name": "data"}, "spec": {
        "storageClassName": "x", "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "1Gi"}}}}],
    strategy={"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": "1%"}},
)  # fmt: skip
OTHERS = (
    thing("Service", "s", spec={"type": "LoadBalancer", "healthCheckNodePort": 1,
                                "ports": [{"nodePort": 30000}]}),
    thing("PodDisruptionBudget", "p", "policy/v1", spec={
        "maxUnavailable": 0, "selector": {"matchLabels": {"app": "db"}}}),
    thing("Ingress", "i", "networking.k8s.io/v1", spec={"ingressClassName": "x"}),
    thing("CustomResourceDefinition", "c", "apiextensions.k8s.io/v1", spec={
        "group": "a", "names": {"kind": "B"}, "versions": [{"name": "v1", "served": True}]}),
    thing("PriorityClass", "p", "scheduling.k8s.io/v1", value=1),
    thing("StorageClass", "s", "storage.k8s.io/v1"),
    thing("PersistentVolumeClaim", "data", spec={"accessModes": ["ReadWriteMany"]}),
)  # fmt: skip
FULL = facts(
    nodes=(node(taints=[Taint("a", "b", "NoSchedule")]), node("two", labels={"a": "b"})),
    pods=(running(), running("db", place="pacs", kind="StatefulSet")),
    labels={"pod-security.kubernetes.io/enforce": "restricted"},
    quotas=(QuotaFacts("q", {"pods": 1, "requests.cpu": 1}, {}, scoped=False),),
    limits=(LimitFacts("l", "Container", {"cpu": 1}, {"cpu": 2}, Defaults({"cpu": 1})),),
)


def test_blocking_concerns_come_first_and_each_once() -> None:
    change = planned(workload(cpu="9"), workload(cpu="9"), thing("Service", "web"))
    late = facts(unseen={"PersistentVolume": "forbidden."})
    found = examine(change, late, NOW)
    assert told(found) == [
        ("capacity.no-room", "Deployment web"),
        ("preflight.not-looked-at", "PersistentVolume"),
    ]
    assert found[1].fields == {"reason": "forbidden"}


def test_a_change_that_is_fine_gives_no_concern() -> None:
    assert examine(planned(workload(), thing("Service", "web")), facts(), NOW) == ()


def paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in nested tables and lists."""
    items: Any = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    for key, item in items:
        yield (*path, key)
        yield from paths(item, (*path, key))


def spoiled(item: Any) -> Iterator[Any]:
    """The object with each of its values replaced by odd ones."""
    for path in paths(item):
        for odd in ODD:
            copied = copy.deepcopy(item)
            *way, last = path
            part = copied
            for key in way:
                part = part[key]
            part[last] = odd
            yield copied


@pytest.mark.parametrize("item", [RICH, *OTHERS], ids=lambda item: item["kind"])
def test_objects_of_any_shape_are_looked_at(item: Any) -> None:
    looked = 0
    for odd in spoiled(item):
        change = Planned(
            "r", "pacs", upgrade=True, objects=(odd, *OTHERS), before=(item, odd), hooks=(odd,),
            definitions=(odd,),
        )  # fmt: skip
        for one in examine(change, FULL, NOW):
            told([one])
        looked += 1
    assert looked >= 5 * len(ODD)


def fields(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}


def test_every_sort_says_what_why_and_what_to_do() -> None:
    for sort in SORTS.values():
        for text in (sort.what, sort.why, sort.remedy):
            assert text.endswith((".", ")")), sort.id
            assert all(name.isidentifier() for name in fields(text)), sort.id
        part, _, rest = sort.id.partition(".")
        assert part.isalpha(), sort.id
        assert rest.replace("-", "").isalpha(), sort.id


def test_every_concern_is_given_the_fields_of_its_words() -> None:
    seen = set()
    # Those whose sort is chosen first; the tests of these checks fill in their words.
    left = {one for one in SORTS if one.startswith(("limits.", "certificate."))}
    left |= {"security.refused", "security.warned"}
    for source in sources("champ_offline/preflight"):
        named = _sorts(source.tree)
        for call in source.calls():
            function = call.func
            if not (isinstance(function, ast.Attribute) and function.attr == "of"):
                continue
            sort = named.get(function.value.id) if isinstance(function.value, ast.Name) else None
            if sort is None:
                continue
            given = {word.arg for word in call.keywords} | {"subject"}
            wanted = fields(sort.what) | fields(sort.why) | fields(sort.remedy)
            assert wanted <= given, source.at(call)
            assert given <= wanted | {"subject"}, source.at(call)
            seen.add(sort.id)
    assert seen | left == SORTS.keys()


def _sorts(tree: ast.Module) -> dict[str, Sort]:
    """The sorts that a module defines, by their names there."""
    return {
        target.id: SORTS[node.value.args[0].value]
        for node in tree.body
        if isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Call)
        and isinstance(node.value.func, ast.Name)
        and node.value.func.id == "Sort"
        and isinstance(node.value.args[0], ast.Constant)
        and isinstance(node.value.args[0].value, str)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def test_accepting_is_for_what_blocks() -> None:
    weights = {sort.weight for sort in SORTS.values()}
    assert weights == set(Weight)
    assert listed(["a", "a", "b"]) == "a, b"
    assert listed("abcdefgh") == "a, b, c, d, e (+3)"
