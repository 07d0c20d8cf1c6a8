"""What Prometheus reads is what was counted: read back by its own client library."""

from __future__ import annotations

import math

import pytest
from prometheus_client.parser import text_string_to_metric_families

from champ_offline.registry.exposition import Buckets, Metric, Sample, Type, exposition, number

AWKWARD = 'a "quoted" back\\slash\nnew line, {brace}=é'


def test_values_labels_and_help_are_read_back() -> None:
    counter = Metric("champ_things_total", Type.COUNTER, AWKWARD, ("kind",))
    gauge = Metric("champ_level", Type.GAUGE, "A level.")
    samples = [Sample(3, {"kind": AWKWARD}), Sample(2**53, {"kind": ""})]
    text = exposition([(counter, samples), (gauge, [Sample(-0.25)])])
    things, level = text_string_to_metric_families(text.decode())
    assert (things.name, things.type, things.documentation) == ("champ_things", "counter", AWKWARD)
    assert [(one.name, one.labels, one.value) for one in things.samples] == [
        ("champ_things_total", {"kind": AWKWARD}, 3.0),
        ("champ_things_total", {"kind": ""}, float(2**53)),
    ]
    assert (level.type, level.samples[0].value) == ("gauge", -0.25)
    assert text.endswith(b"\n")
    assert text.count(b"# TYPE") == text.count(b"# HELP") == 2


def test_a_histogram_counts_what_is_below() -> None:
    held = Buckets.empty((0.1, 1))
    held.counts[:], held.total = [2, 0, 5], 31.5
    metric = Metric("champ_seconds", Type.HISTOGRAM, "Seconds.", ("kind",))
    text = exposition([(metric, held.samples({"kind": "blob"}))]).decode()
    [found] = text_string_to_metric_families(text)
    assert found.type == "histogram"
    assert [(one.name, one.labels.get("le"), one.value) for one in found.samples] == [
        ("champ_seconds_bucket", "0.1", 2.0),
        ("champ_seconds_bucket", "1", 2.0),
        ("champ_seconds_bucket", "+Inf", 7.0),
        ("champ_seconds_sum", None, 31.5),
        ("champ_seconds_count", None, 7.0),
    ]
    assert {one.labels["kind"] for one in found.samples} == {"blob"}


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (1.0, "1"), (0.0005, "0.0005"), (1e-7, "1e-07"), (math.inf, "+Inf"),
     (-math.inf, "-Inf"), (1e22, str(10**22)), (True, "1")],
)  # fmt: skip
def test_numbers(value: float, text: str) -> None:
    assert number(value) == text
    assert float(text) == value
