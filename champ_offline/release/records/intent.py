"""What an application is about, as the journal keeps it: all that recovery needs to know.

Invariant: names, numbers and digests only, no secrets; nothing here has to be read from the plan,
so that an interrupted application is recovered whatever form plans have meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from champ_offline.oci.digest import Digest
from champ_offline.release.plan import Operation, Plan


@dataclass(frozen=True)
class Intent:
    """`base` is Helm's revision before (0: none), `base_manifest` its salted digest or empty.

    `hooks` says whether the plan runs any, `brings` which backup it brings back (0: none), and
    `returns` whether a failure brings back the data that was saved before.
    """

    operation: Operation
    cluster: str
    namespace: str
    release: str
    plan: Digest
    base: int
    base_manifest: Digest | None
    sealed: Digest | None
    hooks: bool
    actor: str
    brings: int = 0
    returns: bool = False

    @classmethod
    def of(cls, plan: Plan, actor: str) -> Self:
        """What `actor` is about to do."""
        return cls(
            operation=plan.operation,
            cluster=plan.cluster,
            namespace=plan.namespace,
            release=plan.release,
            plan=plan.digest,
            base=plan.base_revision,
            base_manifest=plan.base_manifest,
            sealed=plan.sealed,
            hooks=any(action.hook for action in plan.actions),
            actor=actor,
            brings=plan.data.brings,
            returns=plan.data.returns,
        )

    @classmethod
    def from_journal(cls, kept: Mapping[str, Any]) -> Self:
        """Read what `to_journal` gave; raises KeyError where something of it is missing."""
        return cls(
            operation=Operation(kept["operation"]),
            cluster=kept["cluster"],
            namespace=kept["namespace"],
            release=kept["release"],
            plan=Digest.parse(kept["plan"]),
            base=int(kept["base"]),
            base_manifest=Digest.parse(kept["base_manifest"]) if kept["base_manifest"] else None,
            sealed=Digest.parse(kept["sealed"]) if kept["sealed"] else None,
            hooks=bool(kept["hooks"]),
            actor=kept["actor"],
            brings=int(kept.get("brings", 0)),
            returns=bool(kept.get("returns", False)),
        )

    def to_journal(self) -> dict[str, Any]:
        """A JSON object (FORMAT.md)."""
        return {
            "operation": self.operation.value,
            "cluster": self.cluster,
            "namespace": self.namespace,
            "release": self.release,
            "plan": str(self.plan),
            "base": self.base,
            "base_manifest": str(self.base_manifest or ""),
            "sealed": str(self.sealed or ""),
            "hooks": self.hooks,
            "actor": self.actor,
            **({"brings": self.brings, "returns": self.returns} if self.returns else {}),
        }

    @property
    def subject(self) -> str:
        """The release, for people."""
        return f"{self.cluster}/{self.namespace}/{self.release}"
