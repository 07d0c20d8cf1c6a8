"""What pods ask for: quantities as whole numbers, and a pod's sum as the scheduler makes it.

Invariant: CPU is counted in thousandths of a core and everything else in units, both rounded up as
the scheduler does; the sums are those of component-helpers/resource (PodRequests, PodLimits).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from champ_offline.cluster.quantity import amount
from champ_offline.preflight.shapes import Object, entries, table, text

Resources: TypeAlias = Mapping[str, int]

CPU, MEMORY, STORAGE, PODS = "cpu", "memory", "ephemeral-storage", "pods"
# Resources that a pod as a whole may ask for (KEP-2837).
_POD_LEVEL = (CPU, MEMORY)
_UNITS = ("", "Ki", "Mi", "Gi", "Ti", "Pi")
_BYTES = (MEMORY, STORAGE, "storage")


@dataclass(frozen=True)
class Defaults:
    """What a namespace's LimitRange gives containers that do not say."""

    requests: Resources = field(default_factory=dict)
    limits: Resources = field(default_factory=dict)


@dataclass(frozen=True)
class Container:
    """A container's requests and limits; `init` runs first, `stays` then goes on beside others."""

    name: str
    requests: Resources
    limits: Resources
    init: bool
    stays: bool


NO_DEFAULTS = Defaults()


def measured(name: str, quantity: object) -> int:
    """A quantity of the resource `name` as a whole number; 0 for what is none, or is negative."""
    if isinstance(quantity, bool) or not isinstance(quantity, str | int | float):
        return 0
    thousand = 1000 if name.rpartition(".")[2] == CPU else 1
    return max(0, math.ceil(amount(str(quantity)) * thousand))


def of(amounts: Object) -> dict[str, int]:
    """A table of quantities, such as a container's `requests`."""
    return {str(name): measured(str(name), quantity) for name, quantity in amounts.items()}


def shown(name: str, number: int) -> str:
    """The number as people write it: `500m`, `2`, `1.5Gi`."""
    short = name.rpartition(".")[2]
    if short == CPU:
        return f"{number}m" if number % 1000 else str(number // 1000)
    if short not in _BYTES:
        return str(number)
    power = 0
    while power < len(_UNITS) - 1 and number >= 1024 ** (power + 1):
        power += 1
    return f"{number / 1024**power:.1f}".removesuffix(".0") + _UNITS[power]


def words(resources: Resources) -> str:
    """All of them that are not zero, `cpu 2, memory 4Gi`; the place for the pod itself aside."""
    return ", ".join(
        f"{name} {shown(name, number)}"
        for name, number in sorted(resources.items())
        if number and name != PODS
    )


def containers(spec: Object, defaults: Defaults = NO_DEFAULTS) -> tuple[Container, ...]:
    """The containers of a pod's spec after the API server's defaults and the namespace's."""
    return tuple(
        _container(one, defaults, init=init)
        for init, key in ((True, "initContainers"), (False, "containers"))
        for one in entries(spec, key)
    )


def requests(spec: Object, defaults: Defaults = NO_DEFAULTS) -> dict[str, int]:
    """What the scheduler looks for: the pod's requests, and one place for a pod."""
    found = _summed(containers(spec, defaults), lambda one: one.requests)
    found |= _pod_level(spec, "requests")
    return {**plus(found, of(table(spec, "overhead"))), PODS: 1}


def limits(spec: Object, defaults: Defaults = NO_DEFAULTS) -> dict[str, int]:
    """The pod's limits, of those resources that every container has one for."""
    every = containers(spec, defaults)
    found = _summed(every, lambda one: one.limits)
    bound = {name for name in found if all(name in one.limits for one in every)}
    found = {name: found[name] for name in bound} | _pod_level(spec, "limits")
    return plus(found, {k: v for k, v in of(table(spec, "overhead")).items() if k in found})


def plus(left: Resources, right: Resources, times: int = 1) -> dict[str, int]:
    """`left` and `times` as much of `right`."""
    every = {**left}
    for name, number in right.items():
        every[name] = every.get(name, 0) + times * number
    return every


def _container(one: Object, defaults: Defaults, *, init: bool) -> Container:
    asked, held = of(table(one, "resources", "requests")), of(table(one, "resources", "limits"))
    asked = {**held, **asked}
    return Container(
        name=text(one, "name"),
        requests={**defaults.requests, **asked},
        limits={**defaults.limits, **held},
        init=init,
        stays=text(one, "restartPolicy") == "Always",
    )


def _summed(every: Iterable[Container], part: Callable[[Container], Resources]) -> dict[str, int]:
    together: dict[str, int] = {}
    staying: dict[str, int] = {}
    first: dict[str, int] = {}
    for one in every:
        if not one.init or one.stays:
            together = plus(together, part(one))
        if one.init:
            now = plus(staying, part(one))
            staying = now if one.stays else staying
            first = _most(first, now)
    return _most(together, first)


def _most(left: Resources, right: Resources) -> dict[str, int]:
    return {name: max(left.get(name, 0), right.get(name, 0)) for name in left.keys() | right.keys()}


def _pod_level(spec: Object, part: str) -> dict[str, int]:
    found = of(table(spec, "resources", part))
    return {name: number for name, number in found.items() if name in _POD_LEVEL}
