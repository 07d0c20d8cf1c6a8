"""Whether what pods and claims ask for is within the namespace's limit ranges.

Invariant: follows the LimitRanger admission plugin (plugin/pkg/admission/limitranger), which looks
after it filled in the range's own defaults.
"""

from __future__ import annotations

from collections.abc import Iterator

from champ_offline.preflight.change import Planned
from champ_offline.preflight.concern import Concern, Sort, Weight
from champ_offline.preflight.facts import Facts, LimitFacts
from champ_offline.preflight.resources import (
    Container,
    Resources,
    containers,
    limits,
    measured,
    requests,
    shown,
)
from champ_offline.preflight.shapes import at, entries, name
from champ_offline.preflight.workloads import Workload

TOO_SMALL = Sort(
    "limits.too-small",
    Weight.BLOCKING,
    "{subject} asks for {resource} {asked}; the namespace's LimitRange {range} wants {bound} or"
    " more for each {type}.",
    "The cluster refuses what is outside a limit range.",
    "Ask for more in the answers, or have {range} changed.",
)
TOO_LARGE = Sort(
    "limits.too-large",
    Weight.BLOCKING,
    "{subject} asks for {resource} {asked}; the namespace's LimitRange {range} allows {bound} for"
    " each {type}.",
    "The cluster refuses what is outside a limit range.",
    "Ask for less in the answers, or have {range} changed.",
)
UNLIMITED = Sort(
    "limits.unlimited",
    Weight.BLOCKING,
    "{subject} sets no limit of {resource}; the namespace's LimitRange {range} allows {bound} for"
    " each {type} and so wants one.",
    "The cluster refuses what is outside a limit range.",
    "Set a limit in the answers, or have {range} changed.",
)
ABOVE_DEFAULT = Sort(
    "limits.above-default",
    Weight.BLOCKING,
    "{subject} asks for {resource} {asked} and sets no limit; the namespace's LimitRange {range}"
    " gives it one of {bound}.",
    "The cluster refuses a container that asks for more than its limit.",
    "Set a limit in the answers, ask for less there, or have {range} changed.",
)
SORTS = (TOO_SMALL, TOO_LARGE, UNLIMITED, ABOVE_DEFAULT)


def check(planned: Planned, facts: Facts) -> Iterator[Concern]:
    """Concerns of each workload and claim of the release's namespace."""
    for limit in facts.limits:
        for one in planned.here_workloads() if facts.limits else ():
            if one.pods:
                yield from _of(one, limit, facts)
        if limit.type == "PersistentVolumeClaim":
            yield from _claims(planned, limit)


def _of(one: Workload, limit: LimitFacts, facts: Facts) -> Iterator[Concern]:
    if limit.type == "Container":
        for container in containers(one.spec, facts.defaults):
            subject = f"{one.subject} ({container.name})"
            yield from _within(subject, limit, container.requests, container.limits)
            yield from _above(subject, limit, container)
    elif limit.type == "Pod":
        asked, held = requests(one.spec, facts.defaults), limits(one.spec, facts.defaults)
        yield from _within(one.subject, limit, asked, held)


def _above(subject: str, limit: LimitFacts, container: Container) -> Iterator[Concern]:
    """Requests above a limit that the range itself gives."""
    for resource, given in sorted(limit.defaults.limits.items()):
        asked = container.requests.get(resource, 0)
        above_all = asked > limit.largest.get(resource, asked)
        if asked > container.limits.get(resource, given) == given and not above_all:
            yield _concern(ABOVE_DEFAULT, subject, limit, resource, asked, given)


def _within(
    subject: str, limit: LimitFacts, asked: Resources, held: Resources
) -> Iterator[Concern]:
    for resource, bound in sorted(limit.smallest.items()):
        least = min(asked.get(resource, 0), held.get(resource, bound))
        if least < bound:
            yield _concern(TOO_SMALL, subject, limit, resource, least, bound)
    for resource, bound in sorted(limit.largest.items()):
        most = max(asked.get(resource, 0), held.get(resource, 0))
        if most > bound:
            yield _concern(TOO_LARGE, subject, limit, resource, most, bound)
        elif resource not in held:
            yield _concern(UNLIMITED, subject, limit, resource, 0, bound)


def _claims(planned: Planned, limit: LimitFacts) -> Iterator[Concern]:
    claims = [
        (f"PersistentVolumeClaim {name(item)}", item)
        for item in planned.here(planned.of("PersistentVolumeClaim"))
    ]
    claims += [
        (f"StatefulSet {name(item)} ({name(claim)})", claim)
        for item in planned.here(planned.of("StatefulSet"))
        for claim in entries(item, "spec", "volumeClaimTemplates")
    ]
    for subject, claim in claims:
        size = measured("storage", at(claim, "spec", "resources", "requests", "storage"))
        smallest, largest = limit.smallest.get("storage", 0), limit.largest.get("storage", size)
        if size < smallest:
            yield _concern(TOO_SMALL, subject, limit, "storage", size, smallest)
        if size > largest:
            yield _concern(TOO_LARGE, subject, limit, "storage", size, largest)


def _concern(
    sort: Sort, subject: str, limit: LimitFacts, resource: str, asked: int, bound: int
) -> Concern:
    return sort.of(
        subject,
        resource=resource,
        asked=shown(resource, asked),
        range=limit.name,
        bound=shown(resource, bound),
        type=limit.type,
    )
