"""A plan is a value: what would be done to one release, each action with its reason.

Invariant: pure and frozen; equal plans have equal bytes and one digest, which is what somebody
approves. A plan holds no secrets: sealed chart and values stay in the vault, named by digest.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum

from champ_offline.errors import ChampError, ExitCode, Phrase
from champ_offline.oci.digest import Digest
from champ_offline.oci.manifest import encode
from champ_offline.oci.strict_json import canonical, wrong_in
from champ_offline.preflight.concern import Concern
from champ_offline.preflight.ownership import CHANGED
from champ_offline.release.images.digests import Image
from champ_offline.release.review.answers import Answer
from champ_offline.release.review.codec import plain, typed
from champ_offline.release.review.compared import Change
from champ_offline.release.review.data import NO_DATA, DataChange
from champ_offline.release.review.effects import Effect
from champ_offline.release.review.estimate import UNKNOWN, Estimate
from champ_offline.release.review.irreversible import Irreversible
from champ_offline.release.review.pulls import NodeLoad, Pull
from champ_offline.release.review.restarts import Restart

__all__ = ["FORMAT", "LARGEST", "Action", "Change", "Operation", "Plan", "PlanUnreadable"]

FORMAT = 3
IN_ZONE = "champ.db"
"""Where the plans lie that a zone keeps."""
LARGEST = 64 * 1024 * 1024
"""Bytes of a plan that are read at most."""


class PlanUnreadable(ChampError):
    """Bytes that should be a plan are not one that this release knows."""

    id = "release.plan-unreadable"
    exit_code = ExitCode.CORRUPT
    message = "The plan in {file} cannot be read: {reason}."
    remedy = "Plan again with this release of champ."


class Operation(StrEnum):
    """What a plan does to its release."""

    INSTALL = "install"
    UPGRADE = "upgrade"
    ROLLBACK = "rollback"
    REMOVE = "remove"


@dataclass(frozen=True)
class Action:
    """One object: what becomes of it, why, and the masked difference as text.

    `hook` holds the Helm events that run it (`pre-upgrade`); such objects are not the release's.
    `guard` is what `review.guard` made of the live object, empty where the plan leaves it alone.
    """

    change: Change
    api_version: str
    kind: str
    namespace: str
    name: str
    reason: str
    diff: str = ""
    hook: str = ""
    restarts: tuple[Restart, ...] = ()
    guard: str = ""


@dataclass(frozen=True)
class Plan:
    """What applying would do. `base_*` say what it starts from (revision 0: nothing there).

    `cluster` is the cluster's identity, `base_manifest` and `values` salted digests, `created`
    ISO 8601, `target` the revision number of ours that a rollback returns to (else 0). `answers`
    are those that differ, `pulls` and `loads` what nodes have yet to fetch of the `images`,
    `concerns` what preflight found, the blocking ones first, `data` what is saved and brought back.
    `source` stands for all that it was rendered from but for its values (release/source.py).
    """

    operation: Operation
    zone: str
    cluster: str
    release: str
    namespace: str
    new_namespace: bool
    app: str
    from_version: str
    to_version: str
    base_revision: int
    base_manifest: Digest | None
    target: int
    actions: tuple[Action, ...]
    images: tuple[Image, ...]
    sealed: Digest | None
    values: Digest | None
    created: str
    answers: tuple[Answer, ...] = ()
    pulls: tuple[Pull, ...] = ()
    loads: tuple[NodeLoad, ...] = ()
    effects: tuple[Effect, ...] = ()
    irreversible: tuple[Irreversible, ...] = ()
    estimate: Estimate = UNKNOWN
    concerns: tuple[Concern, ...] = ()
    source: Digest | None = None
    data: DataChange = NO_DATA
    format: int = field(default=FORMAT)

    @property
    def has_changes(self) -> bool:
        """Whether applying would do anything; hooks alone do not count, they only go along.

        Where another Helm made its newest record, that is made anew whatever it holds.
        """
        moved = self.from_version != self.to_version
        other = any(one.id == CHANGED.id for one in self.concerns)
        return (
            moved
            or other
            or bool(self.data.brings)
            or any(
                action.change is not Change.UNCHANGED for action in self.actions if not action.hook
            )
        )

    @property
    def blocked(self) -> bool:
        """Whether it may not be applied: it has a blocking concern that nobody accepted."""
        return self.has_changes and any(one.stops for one in self.concerns)

    @property
    def summary(self) -> dict[Change, int]:
        """How many objects (hooks aside) fare how."""
        return dict(Counter(action.change for action in self.actions if not action.hook))

    @property
    def digest(self) -> Digest:
        """What an operator confirms."""
        return Digest.of(self.to_bytes())

    def to_bytes(self) -> bytes:
        """Canonical JSON (FORMAT.md)."""
        return encode(plain(self))

    @classmethod
    def from_bytes(cls, data: bytes, file: object = IN_ZONE) -> Plan:
        """Read a plan; raises PlanUnreadable for anything but what `to_bytes` gives.

        `file` is where the bytes are from, for people.
        """
        try:
            document = canonical(data)
            found = document["format"]
            if found != FORMAT:
                reason = Phrase(
                    "its format is {found}, not {format}", found=str(found)[:20], format=FORMAT
                )
                raise PlanUnreadable(file=file, reason=reason)
            return typed(cls, document)
        except (ValueError, KeyError, TypeError) as error:
            raise PlanUnreadable(file=file, reason=wrong_in(error)) from error
