"""A plan is a value: what would be done to one release, each action with its reason.

Invariant: pure and frozen; equal plans have equal bytes and one digest, which is what somebody
approves. A plan holds no secrets: sealed chart and values stay in the vault, named by digest.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from champ_offline.errors import ChampError, ExitCode
from champ_offline.oci.digest import Digest, InvalidDigest
from champ_offline.oci.manifest import encode
from champ_offline.oci.strict_json import wrong_in
from champ_offline.release.images import Image

FORMAT = 1


class PlanUnreadable(ChampError):
    """Bytes that should be a plan are not one that this release knows."""

    id = "release.plan-unreadable"
    exit_code = ExitCode.CORRUPT
    message = "The plan cannot be read: {reason}."
    remedy = "Plan again with this release of champ."


class Operation(StrEnum):
    """What a plan does to its release."""

    INSTALL = "install"
    UPGRADE = "upgrade"
    ROLLBACK = "rollback"
    REMOVE = "remove"


class Change(StrEnum):
    """What becomes of one object; REPLACED is deleted and made anew."""

    CREATED = "created"
    CHANGED = "changed"
    REPLACED = "replaced"
    DELETED = "deleted"
    UNCHANGED = "unchanged"


@dataclass(frozen=True)
class Action:
    """One object: what becomes of it, why, and the masked difference as text.

    `hook` holds the Helm events that run it (`pre-upgrade`); such objects are not the release's.
    """

    change: Change
    api_version: str
    kind: str
    name: str
    reason: str
    diff: str = ""
    hook: str = ""


@dataclass(frozen=True)
class Plan:
    """What applying would do. `base_*` say what it starts from (revision 0: nothing there).

    `cluster` is the cluster's identity, `base_manifest` and `values` salted digests, `created`
    ISO 8601, `target` the revision number of ours that a rollback returns to (else 0).
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
    format: int = field(default=FORMAT)

    @property
    def has_changes(self) -> bool:
        """Whether applying would do anything; hooks alone do not count, they only go along."""
        moved = self.from_version != self.to_version
        return moved or any(
            action.change is not Change.UNCHANGED for action in self.actions if not action.hook
        )

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
        return encode(
            {
                **{name: getattr(self, name) for name in _TEXTS + _NUMBERS},
                "new_namespace": self.new_namespace,
                **{name: _text(getattr(self, name)) for name in _DIGESTS},
                "actions": [vars(action) for action in self.actions],
                "images": [
                    {"name": image.name, "digest": str(image.digest), "size": image.size}
                    for image in self.images
                ],
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Plan:
        """Read a plan; raises PlanUnreadable for anything but what `to_bytes` gives."""
        try:
            document = json.loads(data)
            if document["format"] != FORMAT:
                raise PlanUnreadable(reason=f"its format is {document['format']}, not {FORMAT}")
            plan = _read(document)
        except (ValueError, KeyError, TypeError, AttributeError, InvalidDigest) as error:
            raise PlanUnreadable(reason=wrong_in(error)[:200]) from error
        if plan.to_bytes() != data:
            raise PlanUnreadable(reason="it is not in canonical form")
        return plan


_TEXTS = (
    "operation", "zone", "cluster", "release", "namespace", "app", "from_version", "to_version",
    "created",
)  # fmt: skip
_NUMBERS = ("format", "base_revision", "target")
_DIGESTS = ("base_manifest", "sealed", "values")


def _text(digest: Digest | None) -> str:
    return "" if digest is None else str(digest)


def _read(document: dict[str, Any]) -> Plan:
    texts: dict[str, Any] = {name: str(document[name]) for name in _TEXTS if name != "operation"}
    digests: dict[str, Any] = {
        name: Digest.parse(document[name]) if document[name] else None for name in _DIGESTS
    }
    return Plan(
        operation=Operation(document["operation"]),
        new_namespace=bool(document["new_namespace"]),
        base_revision=int(document["base_revision"]),
        target=int(document["target"]),
        actions=tuple(
            Action(**{**action, "change": Change(action["change"])})
            for action in document["actions"]
        ),
        images=tuple(
            Image(image["name"], Digest.parse(image["digest"]), int(image["size"]))
            for image in document["images"]
        ),
        **texts,
        **digests,
    )
