"""The proof, on Helm's own templates: each hidden image that is not locked is named."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from champ_offline.events import Event, ignore
from champ_offline.helm.faults import ChartInvalid
from champ_offline.helm.remote import OfflineRenderer
from champ_offline.oci.digest import Digest
from champ_offline.release.images.chart_text import asked_kinds
from champ_offline.release.images.completeness import (
    NO_COMPONENT,
    NOT_LOCKED,
    OTHER_DIGEST,
    OTHER_TAG,
    Finding,
    ImagesNotPacked,
    NotRenderable,
    Proof,
    prove,
)
from champ_offline.release.images.subject import Subject
from tests.simulators.charts import METADATA, chart

WORK = "quay.io/own/work:1"
HIDDEN = {
    "quay.io/in/env:1": "spec.template.spec.containers[0].env[0].value",
    "quay.io/in/args:1": "spec.template.spec.containers[0].args[0]",
    "quay.io/in/map:1": "data.pod.yaml » spec.containers[0].image",
    "quay.io/in/resource:1": "spec.baseImage",
    "quay.io/in/hook:1": "spec.template.spec.containers[0].args[0]",
    "quay.io/in/definition:1": "spec.schema.properties.image.default",
    "quay.io/in/monitor:1": "data.image",
    "quay.io/in/upgrade:1": "data.image",
    "quay.io/in/answers:1": "data.image",
}
POD = """
  template:
    spec:
      containers:
      - name: work
        image: %s
        args: ["--helper=%s"]
        env: [{name: HELPER, value: %s}]
"""
MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\ndata: {image: %s}\n"
FILES = {
    "Chart.yaml": METADATA,
    "values.yaml": 'extra: ""\n',
    "crds/definition.yaml": """\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: samples.example.org}
spec: {schema: {properties: {image: {default: "quay.io/in/definition:1"}}}}
""",
    "templates/work.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: work}\nspec:"
    + POD % (WORK, "quay.io/in/args:1", "quay.io/in/env:1"),
    "templates/hook.yaml": "apiVersion: batch/v1\nkind: Job\n"
    "metadata: {name: hook, annotations: {helm.sh/hook: test}}\nspec:"
    + POD
    % (WORK, "quay.io/in/hook:1", "none"),
    "templates/map.yaml": """\
apiVersion: v1
kind: ConfigMap
metadata: {name: map}
data:
  pod.yaml: |
    spec: {containers: [{image: "quay.io/in/map:1"}]}
  endpoint: redis:6379
""",
    "templates/resource.yaml": """\
apiVersion: example.org/v1
kind: Sample
metadata: {name: resource}
spec: {baseImage: "quay.io/in/resource:1"}
""",
    "templates/monitor.yaml": '{{ if .Capabilities.APIVersions.Has "monitoring.coreos.com/v1" }}\n'
    + MAP % ("monitor", "quay.io/in/monitor:1")
    + "{{ end }}",
    "templates/upgrade.yaml": "{{ if .Release.IsUpgrade }}\n"
    + MAP % ("upgrade", "quay.io/in/upgrade:1")
    + "{{ end }}",
    "templates/answers.yaml": "{{ if .Values.extra }}\n"
    + MAP % ("answers", "{{ .Values.extra }}")
    + "{{ end }}",
}
LOCKED = {name: Digest.of(name.encode()) for name in (WORK, *HIDDEN)}
CASES = {"defaults": {}, "extra": {"extra": "quay.io/in/answers:1"}}


@pytest.fixture(scope="module")
def renderer() -> Iterator[OfflineRenderer]:
    with OfflineRenderer() as made:
        yield made


def subject(
    files: Mapping[str, str] = FILES,
    cases: Mapping[str, Mapping[str, str]] = CASES,
    images: Mapping[str, Digest] | None = None,
    excused: frozenset[str] = frozenset(),
    kubernetes: tuple[str, ...] = (),
    api_versions: tuple[str, ...] = (),
) -> Subject:
    own = {WORK: LOCKED[WORK]} if images is None else images
    return Subject("demo", "1", chart(files), cases, own, excused, kubernetes, api_versions)


def proven(renderer: OfflineRenderer, app: Subject, locked: Mapping[str, Digest] = LOCKED) -> Proof:
    return prove((app,), locked, renderer, ignore)


def findings(
    renderer: OfflineRenderer, app: Subject, locked: Mapping[str, Digest] = LOCKED
) -> tuple[Finding, ...]:
    with pytest.raises(ImagesNotPacked) as caught:
        proven(renderer, app, locked)
    assert caught.value.exit_code == 4
    assert caught.value.fields["count"] == len(caught.value.findings)
    return caught.value.findings


def test_a_complete_lock_is_proven_with_every_answer(renderer: OfflineRenderer) -> None:
    plain, extra = proven(renderer, subject()).cases
    assert (plain.answers, plain.renderings, plain.refused) == ("defaults", 4, 0)
    assert set(extra.images) == set(LOCKED)
    assert set(plain.images) == set(LOCKED) - {"quay.io/in/answers:1"}
    assert (plain.objects, extra.objects) == (7, 8)


@pytest.mark.parametrize("hidden", HIDDEN)
def test_each_hidden_image_left_out_is_named_at_its_place(
    renderer: OfflineRenderer, hidden: str
) -> None:
    less = {name: digest for name, digest in LOCKED.items() if name != hidden}
    (finding,) = findings(renderer, subject(), less)
    assert (finding.reference, finding.path) == (hidden, HIDDEN[hidden])
    assert finding.why == NOT_LOCKED
    assert finding.answers == ("extra" if "answers" in hidden else "defaults")
    assert f"demo 1 [{finding.answers}] {finding.kind}/{finding.name}" in str(finding)


def test_all_are_named_at_once_and_each_once(renderer: OfflineRenderer) -> None:
    found = findings(renderer, subject(), {WORK: LOCKED[WORK]})
    assert {finding.reference for finding in found} == set(HIDDEN)
    assert len(found) == len(HIDDEN)


def test_a_containers_image_must_be_a_component(renderer: OfflineRenderer) -> None:
    found = findings(renderer, subject(images={}))
    assert {(finding.reference, finding.why) for finding in found} == {(WORK, NO_COMPONENT)}
    # A plan would refuse it whatever app.yaml says of it.
    assert findings(renderer, subject(images={}, excused=frozenset({WORK}))) == found


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("quay.io/own/work:2", OTHER_TAG),
        (f"quay.io/own/work@{Digest.of(b'other')}", OTHER_DIGEST),
        (f"quay.io/own/work:1@{Digest.of(b'other')}", OTHER_DIGEST),
        (f"quay.io/own/other@{LOCKED[WORK]}", NOT_LOCKED),
        ("quay.io/own/other", NOT_LOCKED),
    ],
)
def test_why_an_image_does_not_count_as_locked(
    renderer: OfflineRenderer, text: str, why: str
) -> None:
    (finding,) = findings(renderer, subject(cases={"it": {"extra": text}}))
    assert (finding.reference, finding.why) == (text, why)


@pytest.mark.parametrize("text", [WORK, f"quay.io/own/work@{LOCKED[WORK]}", "quay.io/own/work"])
def test_a_locked_digest_and_a_name_without_tag_are_locked(
    renderer: OfflineRenderer, text: str
) -> None:
    (case,) = proven(renderer, subject(cases={"it": {"extra": text}})).cases
    assert text in case.images


def test_a_text_declared_to_be_no_image_is_let_by(renderer: OfflineRenderer) -> None:
    text = "vendor.example/licence/key:1.0"
    (finding,) = findings(renderer, subject(cases={"it": {"extra": text}}))
    app = subject(cases={"it": {"extra": text}}, excused=frozenset({finding.reference}))
    assert text not in proven(renderer, app).cases[0].images


def test_renders_for_every_version_and_stated_api(renderer: OfflineRenderer) -> None:
    hidden = (
        "{{ if and (.Capabilities.APIVersions.Has .Values.asked)"
        ' (semverCompare "<1.31-0" .Capabilities.KubeVersion.Version) }}\n'
        + MAP % ("old", "quay.io/in/old:1")
        + "{{ end }}"
    )
    files = {**FILES, "templates/old.yaml": hidden, "values.yaml": "asked: a.example/v1\n"}
    assert proven(renderer, subject(files, {"d": {}}, kubernetes=("v1.35.0",))).cases
    both = subject(files, {"d": {}}, None, frozenset(), ("v1.35.0", "v1.30.0"), ("a.example/v1",))
    (finding,) = findings(renderer, both)
    assert finding.name == "old"


def test_a_chart_that_refuses_some_clusters_is_proven_for_the_others(
    renderer: OfflineRenderer,
) -> None:
    needs = '{{ if not (.Capabilities.APIVersions.Has "cert.example/v1") }}{{ fail "no" }}{{ end }}'
    (case,) = proven(renderer, subject({**FILES, "templates/n.yaml": needs}, {"d": {}})).cases
    assert (case.renderings, case.refused) == (4, 2)


def test_a_chart_that_never_renders_is_said_so(renderer: OfflineRenderer) -> None:
    with pytest.raises(NotRenderable) as caught:
        proven(renderer, subject({**FILES, "templates/n.yaml": '{{ fail "no such luck" }}'}))
    assert "no such luck" in str(caught.value)
    assert caught.value.fields["answers"] == "defaults"


def test_lookups_find_nothing(renderer: OfflineRenderer) -> None:
    looks = (
        '{{ if not (lookup "v1" "Secret" "a" "b") }}\n'
        + MAP % ("fresh", "quay.io/in/fresh:1")
        + "{{ end }}"
    )
    (finding,) = findings(renderer, subject({**FILES, "templates/look.yaml": looks}, {"d": {}}))
    assert finding.name == "fresh"


def test_progress_is_told(renderer: OfflineRenderer) -> None:
    told: list[Event] = []
    prove((subject(),), LOCKED, renderer, told.append)
    assert [type(event).__name__ for event in told] == [
        "StepStarted", "Progress", "Progress", "StepFinished",
    ]  # fmt: skip


def test_asked_kinds_are_read_from_subcharts_too() -> None:
    asks = '{{ .Capabilities.APIVersions.Has "%s" }}'
    files = {
        "Chart.yaml": METADATA,
        "templates/_a.tpl": asks % "a.example/v1/Kind",
        "charts/sub/templates/b.yaml": asks.replace('"', "`") % "b.example/v1",
        "README.md": asks % "not.asked/v1",
    }
    assert asked_kinds(chart(files)) == {"a.example/v1/Kind", "b.example/v1"}
    with pytest.raises(ChartInvalid):
        asked_kinds(b"no chart")
