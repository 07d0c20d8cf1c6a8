"""What the checks are asked about: a release as it would be, and as it is.

Invariant: a value; the checks see rendered objects as they will be applied, never templates.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

from champ_offline.preflight.shapes import Object, name, namespace, text
from champ_offline.preflight.workloads import Workload, workloads


@dataclass(frozen=True)
class Planned:
    """A change to one release.

    `objects` and `before` carry their namespace; `definitions` are the CRDs of the chart's `crds`
    folder, which Helm adds on an install only. `images` are bytes by digest, `record` is the size
    of Helm's record of the release in bytes and `record_limit` what Helm can keep.
    """

    release: str
    namespace: str
    upgrade: bool
    objects: tuple[Object, ...] = field(hash=False)
    before: tuple[Object, ...] = field(default=(), hash=False)
    hooks: tuple[Object, ...] = field(default=(), hash=False)
    definitions: tuple[Object, ...] = field(default=(), hash=False)
    images: tuple[tuple[str, int], ...] = ()
    record: int = 0
    record_limit: int = 0

    @cached_property
    def workloads(self) -> tuple[Workload, ...]:
        """What would run."""
        return workloads(self.objects)

    @cached_property
    def running(self) -> dict[tuple[str, str, str], Workload]:
        """What runs of the release now, by kind, namespace and name."""
        return {(one.kind, one.namespace, one.name): one for one in workloads(self.before)}

    @cached_property
    def hook_workloads(self) -> tuple[Workload, ...]:
        """What Helm runs before and after."""
        return workloads(self.hooks)

    def replaced(self, one: Workload) -> Workload | None:
        """The same workload as it runs now, where its pods are going to be replaced."""
        now = self.running.get((one.kind, one.namespace, one.name))
        return now if now is not None and now.template != one.template else None

    def of(self, kind: str, *, hooks: bool = False) -> list[Object]:
        """The release's objects of a kind."""
        every = (*self.objects, *self.hooks) if hooks else self.objects
        return [item for item in every if text(item, "kind") == kind]

    def names(self, kind: str) -> set[str]:
        """The names of what the release brings of a kind, hooks too."""
        return {name(item) for item in self.of(kind, hooks=True)}

    def here_workloads(self) -> list[Workload]:
        """What would run in the release's own namespace."""
        return [one for one in self.workloads if one.namespace in {"", self.namespace}]

    def here(self, items: Iterable[Object]) -> list[Object]:
        """Those in the release's own namespace."""
        return [item for item in items if namespace(item) in {"", self.namespace}]
