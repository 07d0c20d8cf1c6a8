"""A site plan is a value: the plans that make one zone as the document says, in their order.

Invariant: pure and frozen; equal site plans have equal bytes and one digest, which stands for every
plan in it. It holds no secrets, as its plans hold none.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field

from champ_offline.errors import ChampError, ExitCode, Phrase
from champ_offline.oci.digest import Digest
from champ_offline.oci.manifest import encode
from champ_offline.oci.strict_json import canonical, wrong_in
from champ_offline.release.plan import IN_ZONE
from champ_offline.release.review.codec import plain, typed

KIND = "site"
_FORMAT = 1


class SitePlanUnreadable(ChampError):
    """Bytes that should be a site plan are not one that this release knows."""

    id = "site.plan-unreadable"
    exit_code = ExitCode.CORRUPT
    message = "The site plan in {file} cannot be read: {reason}."
    remedy = "Plan again with this release of champ."


@dataclass(frozen=True)
class Member:
    """One release that changes. `plan` is None where it can only be planned when it is reached.

    `name` is `cluster/key` of the document, `cluster` the cluster's identity, `needs` the names of
    members that come before; `objects` counts what would be created, changed and deleted. `wanted`
    is what the plan is made of, in the vault (None for a removal); `later` says why there is none;
    `stops` are ids of concerns that block the plan.
    """

    name: str
    cluster: str
    namespace: str
    release: str
    operation: str
    app: str
    from_version: str
    to_version: str
    objects: int
    needs: tuple[str, ...]
    plan: Digest | None
    wanted: Digest | None
    stops: tuple[str, ...] = ()
    later: str = ""


@dataclass(frozen=True)
class SitePlan:
    """What applying would do to the zone, in waves; `unchanged` are names that stay as they are.

    `document` is the digest of the site.yaml, `created` ISO 8601, `accepted` are ids of concerns in
    spite of which its plans may be applied.
    """

    zone: str
    document: Digest
    created: str
    waves: tuple[tuple[Member, ...], ...]
    unchanged: tuple[str, ...]
    accepted: tuple[str, ...] = ()
    kind: str = KIND
    format: int = field(default=_FORMAT)

    @property
    def members(self) -> Iterator[Member]:
        """All members in their order."""
        for wave in self.waves:
            yield from wave

    @property
    def has_changes(self) -> bool:
        """Whether applying would do anything."""
        return bool(self.waves)

    @property
    def blocked(self) -> bool:
        """Whether it may not be applied: the plan of a member has a concern that blocks it."""
        return any(one.stops for one in self.members)

    @property
    def digest(self) -> Digest:
        """What an operator confirms."""
        return Digest.of(self.to_bytes())

    def to_bytes(self) -> bytes:
        """Canonical JSON (FORMAT.md)."""
        return encode(plain(self))

    @classmethod
    def from_bytes(cls, data: bytes, file: object = IN_ZONE) -> SitePlan:
        """Read a site plan; raises SitePlanUnreadable for anything that `to_bytes` never gives.

        `file` is where the bytes are from, for people.
        """
        try:
            document = canonical(data)
            if document["format"] != _FORMAT or document["kind"] != KIND:
                reason = Phrase(
                    "its format is {found}, not {format}",
                    found=str(document["format"])[:20],
                    format=_FORMAT,
                )
                raise SitePlanUnreadable(file=file, reason=reason)
            return typed(cls, document)
        except (ValueError, KeyError, TypeError) as error:
            raise SitePlanUnreadable(file=file, reason=wrong_in(error)) from error


def is_site_plan(data: bytes) -> bool:
    """Whether a plan file begins with a site plan, readable or not."""
    try:
        document = json.loads(data.partition(b"\n")[0])
    except (ValueError, RecursionError):
        return False
    return isinstance(document, dict) and document.get("kind") == KIND
