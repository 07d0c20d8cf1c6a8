"""Classes that pods name: priority and runtime, without which the cluster refuses them.

Invariant: blocks only names that neither the cluster nor the release has.
"""

from __future__ import annotations

from collections.abc import Iterator

from champ_offline.preflight.change import Planned
from champ_offline.preflight.concern import Concern, Sort, Weight
from champ_offline.preflight.facts import Facts
from champ_offline.preflight.shapes import text

_REFUSED = "The cluster refuses every one of its pods, so it never comes up."

NO_PRIORITY = Sort(
    "pods.priority-class-unknown",
    Weight.BLOCKING,
    "{subject} wants priority class {class_}, which the cluster does not have.",
    _REFUSED,
    "Name a class that is there in the answers, or have this one made.",
)
NO_RUNTIME = Sort(
    "pods.runtime-class-unknown",
    Weight.BLOCKING,
    "{subject} wants runtime class {class_}, which the cluster does not have.",
    _REFUSED,
    "Name a class that is there in the answers, or have this one made.",
)
SORTS = (NO_PRIORITY, NO_RUNTIME)


def check(planned: Planned, facts: Facts) -> Iterator[Concern]:
    """One concern for each workload and missing class."""
    priorities = facts.priorities.keys() | planned.names("PriorityClass")
    runtimes = facts.runtimes | planned.names("RuntimeClass")
    for one in (*planned.workloads, *planned.hook_workloads):
        priority = text(one.spec, "priorityClassName")
        if priority and facts.saw("PriorityClass") and priority not in priorities:
            yield NO_PRIORITY.of(one.subject, class_=priority)
        runtime = text(one.spec, "runtimeClassName")
        if runtime and facts.saw("RuntimeClass") and runtime not in runtimes:
            yield NO_RUNTIME.of(one.subject, class_=runtime)
