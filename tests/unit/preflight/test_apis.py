"""Kinds that the cluster does not know, or soon will not."""

from __future__ import annotations

import pytest

from champ_offline.preflight import apis
from champ_offline.preflight.removals import REMOVALS
from tests.unit.preflight.given import KINDS, facts, only, planned, thing, told, workload

BUDGET = thing("PodDisruptionBudget", "web", "policy/v1beta1")
SAMPLE = thing("Sample", "one", "champ.example/v1")
DEFINITION = thing(
    "CustomResourceDefinition",
    "samples.champ.example",
    "apiextensions.k8s.io/v1",
    spec={"group": "champ.example", "names": {"kind": "Sample"}, "versions": [{"name": "v1"}]},
)


def test_known_kinds_are_no_concern() -> None:
    assert list(apis.check(planned(workload()), facts())) == []


def test_a_removed_api_blocks_and_names_what_took_its_place() -> None:
    found = only(apis.check(planned(BUDGET), facts()))
    assert (found.id, found.subject) == ("api.removed", "PodDisruptionBudget web")
    assert found.stops
    assert found.fields == {
        "version": "policy/v1beta1", "removed": "1.25", "cluster": "v1.35.4",
        "instead": "policy/v1",
    }  # fmt: skip


def test_a_deprecated_api_warns_from_the_version_that_deprecated_it() -> None:
    known = KINDS | {"policy/v1beta1/PodDisruptionBudget"}
    found = only(apis.check(planned(BUDGET), facts(kinds=known, version="v1.21.0-rc.1+k3s1")))
    assert (found.id, found.stops) == ("api.deprecated", False)
    assert found.fields["removed"] == "1.25"
    assert list(apis.check(planned(BUDGET), facts(kinds=known, version="v1.20.15"))) == []


def test_an_unknown_kind_blocks_unless_an_install_brings_its_definition() -> None:
    found = only(apis.check(planned(SAMPLE), facts()))
    assert (found.id, found.subject, found.stops) == ("api.kind-unknown", "Sample one", True)
    assert list(apis.check(planned(SAMPLE, definitions=(DEFINITION,)), facts())) == []


def test_a_definition_that_an_upgrade_would_need_blocks() -> None:
    change = planned(SAMPLE, definitions=(DEFINITION,), before=())
    assert told(apis.check(change, facts())) == [("api.definition-not-added", "Sample one")]


def test_a_definition_among_the_objects_does_not_help_helm() -> None:
    assert told(apis.check(planned(SAMPLE, DEFINITION), facts())) == [
        ("api.kind-unknown", "Sample one")
    ]


def test_a_hook_may_meet_a_kind_that_comes_before_it() -> None:
    assert list(apis.check(planned(DEFINITION, hooks=(SAMPLE,)), facts())) == []
    found = only(apis.check(planned(hooks=(SAMPLE,)), facts()))
    assert (found.id, found.stops) == ("api.hook-kind-unknown", False)


@pytest.mark.parametrize("version", ["", "v1", "one.two", "v1.x"])
def test_a_version_that_cannot_be_read_removes_nothing(version: str) -> None:
    assert told(apis.check(planned(BUDGET), facts(version=version)))[0][0] == "api.kind-unknown"


def test_the_table_names_versions_in_order() -> None:
    assert len(REMOVALS) > 50
    assert all(one.deprecated < one.removed and one.instead for one in REMOVALS.values())
