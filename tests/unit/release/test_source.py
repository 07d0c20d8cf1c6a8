"""What a release is rendered from: one digest for the same, none where more decides."""

from __future__ import annotations

import pytest

from champ_offline.cluster.interface import Offer
from champ_offline.oci.digest import Digest
from champ_offline.release.source import source
from tests.simulators.charts import PAUSE, SAMPLE, chart

OFFER = Offer("v1.35.4", ("v1", "apps/v1"))
IMAGES = {PAUSE: Digest.of(b"pause")}


def of(
    template: str = "a: {{ .Values.a }}",
    values: dict[str, object] | None = None,
    offer: Offer = OFFER,
    images: dict[str, Digest] | None = None,
    registry: str = "",
) -> Digest | None:
    made = chart({**SAMPLE, "templates/own.yaml": template})
    return source(made, values or {}, IMAGES if images is None else images, registry, offer)


def test_the_same_gives_the_same() -> None:
    assert of() is not None
    assert of() == of()


def test_each_part_counts() -> None:
    seen = [
        of(),
        of("b: {{ .Values.a }}"),
        of(images={PAUSE: Digest.of(b"another")}),
        of(registry="registry.example/zone"),
        of(offer=Offer("v1.36.0", OFFER.api_versions)),
    ]
    assert None not in seen
    assert len(set(seen)) == len(seen)


def test_kinds_of_the_cluster_count_where_templates_ask_for_them() -> None:
    more = Offer(OFFER.version, (*OFFER.api_versions, "champ.example/v1"))
    assert of() == of(offer=more)
    asking = '{{ if .Capabilities.APIVersions.Has "champ.example/v1" }}a: 1{{ end }}'
    assert of(asking) != of(asking, offer=more)


@pytest.mark.parametrize(
    "action",
    [
        'lookup "v1" "Secret" .Release.Namespace "x"',
        "randAlphaNum 10",
        'now | date "2006"',
        'genCA "ca" 365',
        "uuidv4",
        ".Release.Revision",
        "if .Release.IsUpgrade",
        "keys .Values | first",
        'getHostByName "web"',
        '$x := lookup\n"v1"',
    ],
)
def test_what_depends_on_more_has_none(action: str) -> None:
    assert of(f"a: {{{{ {action} }}}}") is None


def test_words_outside_of_actions_say_nothing() -> None:
    assert of("# lookup, now\nnow: {{ .Values.now_or_later }}\nkeys: []\n") is not None


def test_texts_of_values_that_are_expanded_are_looked_at_too() -> None:
    nested = "a: {{ tpl .Values.a . }}"
    assert of(nested, {"a": "{{ .Release.Name }}"}) is not None
    assert of(nested, {"a": "{{ randAlpha 3 }}"}) is None
    assert of(values={"a": "{{ randAlpha 3 }}"}) is not None


def test_what_cannot_be_read_has_none() -> None:
    assert source(b"no chart", {}, IMAGES, "", OFFER) is None
    packed = chart({**SAMPLE, "charts/inner-1.0.0.tgz": "packed"})
    assert source(packed, {}, IMAGES, "", OFFER) is None
