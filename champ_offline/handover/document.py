"""The hand-over report as a value: every figure that any rendering of it shows.

Invariant: frozen and made of what the zone's records say, or of what a cluster showed at that
moment; what is not known is empty or None and is never guessed. Times are ISO 8601 as they were
recorded, sizes are bytes. An error is kept as one, so that front-ends say it in the reader's
language; `to_json` says it in English.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime
from enum import Enum
from typing import Any

from champ_offline.bundle.document import Content
from champ_offline.errors import ChampError
from champ_offline.oci.digest import Digest
from champ_offline.preflight.concern import Concern
from champ_offline.release.data.backups import Reason, SavedPart, State
from champ_offline.release.drift.values import Drift
from champ_offline.release.images.digests import Image
from champ_offline.release.plan import Operation
from champ_offline.release.records.chronicle import DataDeed
from champ_offline.release.records.history import Outcome
from champ_offline.release.status import Health
from champ_offline.store.verified import CheckRecord
from champ_offline.trust.view import SignedRole

FORMAT = 1


@dataclass(frozen=True)
class Period:
    """From `since` on and before `until`; empty: since the zone was commissioned, until now."""

    since: str = ""
    until: str = ""

    def holds(self, time: str) -> bool:
        """Whether that time, in UTC, is in it."""
        return self.since <= time and (not self.until or time < self.until)


ALWAYS = Period()


@dataclass(frozen=True)
class Made:
    """When the report was made, by which user of the machine, with which release of champ."""

    time: str
    by: str
    version: str


@dataclass(frozen=True)
class ZoneFacts:
    """The zone as a whole, as it is when the report is made.

    `registry` is the external one that nodes pull from, empty where they pull from the zone's own;
    `authority` is the fingerprint of the authority of that one, empty before it first served.
    `pushed` are the manifests that were read back from the external one.
    """

    name: str
    commissioned: str
    root_version: int
    root_fingerprint: str
    blobs: int
    size: int
    free: int
    waiting: int
    registry: str
    pushed: int
    authority: str


@dataclass(frozen=True)
class Taken:
    """One import that changed something: when, who, and what of the bundle was new here."""

    time: str
    actor: str
    blobs: int
    size: int


@dataclass(frozen=True)
class Brought:
    """A bundle that came, or was let go of, within the period.

    `imports` are those within it; `first` is when the zone first had it. `volumes` carry it, of
    `volumes_size` bytes together: which media they came on is not recorded. `roles` is None where
    nobody kept who signed. `stands` unless only withdrawn keys vouch for it by now.
    """

    name: str
    version: str
    digest: Digest
    packed: datetime
    zones: tuple[str, ...]
    blobs: int
    size: int
    volumes: int
    volumes_size: int
    apps: tuple[Content, ...]
    images: tuple[str, ...]
    first: str
    imports: tuple[Taken, ...]
    retired: str
    stands: bool
    current: bool
    roles: tuple[SignedRole, ...] | None


@dataclass(frozen=True)
class Overridden:
    """A date that a person overrode: about which bundle (empty: the root), and the reason given.

    `version` is the bundle's or the root's; empty where the zone does not know it.
    """

    time: str
    bundle: str
    version: str
    kind: str
    about: tuple[str, ...]
    reason: str


@dataclass(frozen=True)
class Author:
    """Who made a plan, or accepted concerns of it, and when."""

    time: str
    actor: str


@dataclass(frozen=True)
class Allowed:
    """A policy's decision to let a plan be applied without a person; `policy` is its digest."""

    time: str
    policy: str


@dataclass(frozen=True)
class Step:
    """One step of a change; `seconds` is None, and `outcome` empty, for one that was cut off."""

    name: str
    seconds: float | None
    outcome: str


@dataclass(frozen=True)
class Recovery:
    """How another process put an interrupted change right: who, when, what it found and asked for.

    `settled` says how the release then stood, `trouble` why it could not be put right.
    """

    time: str
    actor: str
    settled: str
    found: tuple[str, ...]
    asked: tuple[str, ...]
    cleared: tuple[str, ...]
    kept: tuple[str, ...]
    trouble: str


@dataclass(frozen=True)
class Change:
    """One application of a plan.

    `cluster` is the cluster's name, or its `identity` where it has none. `planned` is None where no
    row of the chain tells who made the plan, `accepted` and `images` where the plan is kept no
    more; whoever accepted concerns made the plan with them. `allowed` is None where no policy did.
    `interrupted` while nobody works on it and it has not ended. `cause` is why it failed, as
    recorded then; `steps` is None where the journal does not have the change.
    """

    cluster: str
    identity: str
    namespace: str
    release: str
    number: int
    helm_revision: int
    operation: Operation
    app: str
    from_version: str
    to_version: str
    target: int
    plan: Digest
    planned: Author | None
    accepted: tuple[Concern, ...] | None
    allowed: Allowed | None
    applied_by: str
    started: str
    seconds: float
    outcome: Outcome
    interrupted: bool
    error: str
    cause: str
    images: tuple[Image, ...] | None
    steps: tuple[Step, ...] | None
    recovery: Recovery | None


@dataclass(frozen=True)
class Timing:
    """How long the changes of one sort took that ended: how many there were, and seconds."""

    operation: Operation
    count: int
    shortest: float
    median: float
    longest: float


@dataclass(frozen=True)
class Unattended:
    """A run without a person that changed something, under the policy of that digest."""

    time: str
    actor: str
    policy: str
    exit_code: int
    bundles: tuple[str, ...]
    releases: tuple[str, ...]


@dataclass(frozen=True)
class Check:
    """One look at the zone, its registry or a cluster (`where`), and why where all is not well."""

    check: str
    state: str
    where: str
    note: str
    error: ChampError | None


@dataclass(frozen=True)
class StoreChecks:
    """The last full check of the store that ended, and how many blobs the period set aside."""

    last: CheckRecord | None
    set_aside: int


@dataclass(frozen=True)
class Ailing:
    """Why a release is troubled; `error` has the words, without anything that an app said."""

    kind: str
    name: str
    since: str
    error: ChampError


@dataclass(frozen=True)
class Standing:
    """A release in a cluster: `changed` is when the change to what stands there was begun.

    That change ended with `outcome` after its objects were waited for; nothing else is recorded of
    its health. `health` and `drift` are as seen when the report was made; None: not looked at.
    """

    cluster: str
    identity: str
    namespace: str
    release: str
    app: str
    version: str
    number: int
    helm_revision: int
    outcome: Outcome
    changed: str
    interrupted: bool
    health: Health | None
    causes: tuple[Ailing, ...]
    drift: Drift | None


@dataclass(frozen=True)
class ClusterFacts:
    """A cluster that has a name, or that releases are on; `name` is its identity without one.

    `seen` is when it was asked, empty where it was not; `error` is why it gave no answer. The zone
    records nothing of nodes: `nodes` and `ready` count what was seen, None where nothing was.
    """

    name: str
    identity: str
    address: str
    added: str
    seen: str = ""
    version: str = ""
    nodes: int | None = None
    ready: int | None = None
    error: ChampError | None = None


@dataclass(frozen=True)
class Saved:
    """A backup that the zone has, whenever it was made; `cluster` as in Change."""

    number: int
    cluster: str
    namespace: str
    release: str
    revision: int
    version: str
    why: Reason
    actor: str
    began: str
    ended: str
    state: State
    size: int
    parts: tuple[SavedPart, ...]


@dataclass(frozen=True)
class Exported:
    """The chain as it was written, signed, to a file for others."""

    time: str
    actor: str
    rows: int
    head: str
    key: str


@dataclass(frozen=True)
class Chain:
    """The audit chain: its head, all its rows, and what hashing each of them again said.

    `error` is None where it stands. `acts` counts the rows within the period by what was done.
    """

    head: str
    rows: int
    error: ChampError | None
    acts: Mapping[str, int]
    exports: tuple[Exported, ...]


@dataclass(frozen=True)
class Handover:
    """All of it; in `data` clusters are named as in Change, `held` counts the zone's bundles."""

    zone: ZoneFacts
    period: Period
    made: Made
    held: int
    brought: tuple[Brought, ...]
    overridden: tuple[Overridden, ...]
    changes: tuple[Change, ...]
    timings: tuple[Timing, ...]
    unattended: tuple[Unattended, ...]
    data: tuple[DataDeed, ...]
    checks: tuple[Check, ...]
    store: StoreChecks
    clusters: tuple[ClusterFacts, ...]
    releases: tuple[Standing, ...]
    backups: tuple[Saved, ...]
    chain: Chain
    offline: bool
    drift_asked: bool

    def to_json(self) -> dict[str, Any]:
        """One JSON object with every figure; keys as the fields here, `format` first."""
        return {"format": FORMAT, **plain(self)}


def plain(value: object) -> Any:  # noqa: ANN401 - the shape of JSON
    """A value of this module as JSON has it."""
    if isinstance(value, Enum):
        return value.value
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, ChampError):
        return {"id": value.id, "message": str(value), "remedy": value.advice}
    if isinstance(value, Digest):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        return {one.name: plain(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    raise TypeError(value)
