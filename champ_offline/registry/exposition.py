"""Metrics as text: Prometheus text exposition format 0.0.4.

Invariant: pure; what is written is read back as the same names, labels and values, whatever
characters a help text or a label has.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_HELP = str.maketrans({"\\": r"\\", "\n": r"\n"})
_LABEL = str.maketrans({"\\": r"\\", "\n": r"\n", '"': r"\""})


class Type(StrEnum):
    """What a metric's values mean."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True)
class Sample:
    """One value; `suffix` continues the metric's name, as `_bucket` of a histogram does."""

    value: float
    labels: Mapping[str, str] = field(default_factory=dict)
    suffix: str = ""


@dataclass(frozen=True)
class Metric:
    """A name with its meaning; `help` is a sentence, `labels` names what tells samples apart."""

    name: str
    type: Type
    help: str
    labels: tuple[str, ...] = ()


@dataclass
class Buckets:
    """A histogram's counts: of values up to each of `bounds`, and above; `total` is their sum."""

    bounds: Sequence[float]
    counts: list[int]
    total: float = 0.0

    @classmethod
    def empty(cls, bounds: Sequence[float]) -> Buckets:
        """Nothing counted yet."""
        return cls(bounds, [0] * (len(bounds) + 1))

    def samples(self, labels: Mapping[str, str]) -> list[Sample]:
        """As the format wants them: each bucket counts the ones below it too."""
        found, below = [], 0
        for bound, count in zip((*self.bounds, math.inf), list(self.counts), strict=True):
            below += count
            found.append(Sample(below, {**labels, "le": number(bound)}, "_bucket"))
        return [*found, Sample(self.total, labels, "_sum"), Sample(below, labels, "_count")]


def exposition(families: Iterable[tuple[Metric, Iterable[Sample]]]) -> bytes:
    """The whole document, each metric once, in the order given."""
    lines = []
    for metric, samples in families:
        lines.append(f"# HELP {metric.name} {metric.help.translate(_HELP)}")
        lines.append(f"# TYPE {metric.name} {metric.type}")
        lines += [_line(metric.name, sample) for sample in samples]
    return "".join(f"{line}\n" for line in lines).encode()


def number(value: float) -> str:
    """A value as the format writes it: Go's, so infinity is `+Inf`."""
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return str(int(value)) if float(value).is_integer() else repr(float(value))


def _line(name: str, sample: Sample) -> str:
    pairs = ",".join(f'{key}="{text.translate(_LABEL)}"' for key, text in sample.labels.items())
    labels = f"{{{pairs}}}" if pairs else ""
    return f"{name}{sample.suffix}{labels} {number(sample.value)}"
