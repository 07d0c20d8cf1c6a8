"""A site plan on its way to whoever reviews or applies it: the plans of its members come along.

Invariant: they are the ones that the site plan names by their digests, all of them and no other, so
its digest stands for the whole file (FORMAT.md).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from champ_offline.errors import Phrase
from champ_offline.oci.digest import Digest
from champ_offline.release.plan import IN_ZONE, Plan
from champ_offline.site.plan import SitePlan, SitePlanUnreadable

LARGEST = 256 * 1024 * 1024


@dataclass(frozen=True)
class Carried:
    """The site plan, and the bytes of its members' plans in their order."""

    plan: SitePlan
    lines: tuple[bytes, ...]

    def plans(self, file: object = IN_ZONE) -> Iterator[Plan]:
        """The plans of its members; raises PlanUnreadable, which names `file`."""
        for line in self.lines:
            yield Plan.from_bytes(line, file)

    def to_bytes(self) -> bytes:
        """A line for the site plan, and one for each of the plans."""
        return b"".join(line + b"\n" for line in (self.plan.to_bytes(), *self.lines))

    @classmethod
    def from_bytes(cls, data: bytes, file: object = IN_ZONE) -> Carried:
        """Read what `to_bytes` gave; raises SitePlanUnreadable. `file` is its name, for people."""
        first, *rest = data.removesuffix(b"\n").split(b"\n")
        plan = SitePlan.from_bytes(first, file)
        named = [member.plan for member in plan.members if member.plan is not None]
        if list(map(Digest.of, rest)) != named:
            reason = Phrase("the plans in it are not those that it names")
            raise SitePlanUnreadable(file=file, reason=reason)
        return cls(plan, tuple(rest))
