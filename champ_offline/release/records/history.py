"""What was applied, when, by whom, and how it ended: releases and their revisions (FORMAT.md).

Invariant: a revision is recorded before Helm is asked, and gets its outcome once; the release's row
always tells which revision of ours and of Helm's is the one in the cluster. A release is known by
its cluster, namespace and name; a cluster by its identity.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from champ_offline.durable.database import Database
from champ_offline.errors import ChampError, ExitCode
from champ_offline.helm.faults import ReleaseUnknown
from champ_offline.oci.digest import Digest
from champ_offline.release.plan import Operation, Plan
from champ_offline.release.records.history_tables import STEPS
from champ_offline.release.records.intent import Intent


class RevisionUnknown(ChampError):
    """The release has no such revision to return to."""

    id = "release.revision-unknown"
    exit_code = ExitCode.NOT_FOUND
    message = "Release {release} in namespace {namespace} has no usable revision {number}."
    remedy = "`champ history {release}` lists them; only those that were deployed can return."


class Outcome(StrEnum):
    """How applying a plan ended; TAKEN_OVER where somebody else changed the release meanwhile."""

    RUNNING = "running"
    DEPLOYED = "deployed"
    REMOVED = "removed"
    PUT_BACK = "put-back"
    FAILED = "failed"
    TAKEN_OVER = "taken-over"


@dataclass(frozen=True)
class Revision:
    """One application of a plan.

    `helm_revision` is Helm's revision that was in the cluster when it had ended, 0 for none or not
    ended. `started` is ISO 8601, `error` the id of what ended it.
    """

    cluster: str
    namespace: str
    release: str
    number: int
    helm_revision: int
    operation: Operation
    app: str
    version: str
    plan: Digest
    sealed: Digest | None
    inputs: Digest | None
    actor: str
    started: str
    seconds: float
    outcome: Outcome
    error: str

    @property
    def place(self) -> tuple[str, str, str]:
        """What the release is known by."""
        return (self.cluster, self.namespace, self.release)


@dataclass(frozen=True)
class Current:
    """What is in the cluster now: our revision `number`, Helm's `helm_revision`."""

    cluster: str
    namespace: str
    release: str
    number: int
    helm_revision: int

    @property
    def place(self) -> tuple[str, str, str]:
        """What the release is known by."""
        return (self.cluster, self.namespace, self.release)


class History:
    """The releases of one zone."""

    def __init__(self, database: Database) -> None:
        database.migrate("release", STEPS)
        self._database = database

    def begin(
        self, connection: sqlite3.Connection, plan: Plan, kept: Digest, actor: str, started: str
    ) -> int:
        """Record in the caller's transaction that `plan` (kept in the vault as `kept`) is being
        applied; gives its number.
        """
        where = (plan.cluster, plan.namespace, plan.release)
        last = connection.execute(
            "SELECT coalesce(max(number), 0) FROM revisions"
            " WHERE cluster = ? AND namespace = ? AND release = ?",
            where,
        ).fetchone()[0]
        row = (*where, last + 1, 0, plan.operation.value, plan.app)
        digests = (str(kept), str(plan.sealed or ""), str(plan.values or ""))
        ending = (actor, started, 0.0, Outcome.RUNNING.value, "")
        connection.execute(
            "INSERT INTO revisions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (*row, plan.to_version, *digests, *ending),
        )
        return int(last) + 1

    def finish(
        self,
        connection: sqlite3.Connection,
        intent: Intent,
        number: int,
        outcome: Outcome,
        *,
        current: int,
        seconds: float,
        error: str,
    ) -> None:
        """Record how it ended; `current` is Helm's revision now in the cluster (0: none).

        What somebody else made of the release is not taken for ours: its row stays as it was.
        """
        where = (intent.cluster, intent.namespace, intent.release)
        deployed = outcome is Outcome.DEPLOYED
        connection.execute(
            "UPDATE revisions SET outcome = ?, helm_revision = ?, seconds = ?, error = ?"
            " WHERE cluster = ? AND namespace = ? AND release = ? AND number = ?"
            " AND outcome = 'running'",
            (outcome.value, current, seconds, error, *where, number),
        )
        if deployed:
            connection.execute(
                "INSERT INTO releases VALUES (?, ?, ?, ?, ?)"
                " ON CONFLICT (cluster, namespace, release) DO UPDATE"
                " SET number = excluded.number, helm_revision = excluded.helm_revision",
                (*where, number, current),
            )
        elif current == 0:
            connection.execute(
                "DELETE FROM releases WHERE cluster = ? AND namespace = ? AND release = ?", where
            )
        elif outcome is not Outcome.TAKEN_OVER:
            connection.execute(
                "UPDATE releases SET helm_revision = ?"
                " WHERE cluster = ? AND namespace = ? AND release = ?",
                (current, *where),
            )

    def known(self) -> tuple[tuple[str, str, str], ...]:
        """Cluster, namespace and name of every release that ever was, in this order."""
        rows = self._database.query(
            "SELECT DISTINCT cluster, namespace, release FROM revisions"
            " ORDER BY cluster, namespace, release"
        )
        return tuple((row["cluster"], row["namespace"], row["release"]) for row in rows)

    def releases(self, cluster: str | None = None) -> tuple[Current, ...]:
        """What is in that cluster, else in all of them, by namespace and name."""
        rows = self._database.query(
            "SELECT * FROM releases WHERE cluster = coalesce(?, cluster)"
            " ORDER BY namespace, release, cluster",
            (cluster,),
        )
        return tuple(Current(**dict(row)) for row in rows)

    def changing(self) -> frozenset[tuple[str, str, str]]:
        """Cluster, namespace and name of every release that a plan is being applied to."""
        rows = self._database.query(
            "SELECT DISTINCT cluster, namespace, release FROM revisions WHERE outcome = 'running'"
        )
        return frozenset((row["cluster"], row["namespace"], row["release"]) for row in rows)

    def current(self, cluster: str, namespace: str, release: str) -> Revision | None:
        """The revision in the cluster; None when the release is not there or is not ours."""
        rows = self._database.query(
            "SELECT v.* FROM revisions v JOIN releases r"
            " USING (cluster, namespace, release, number)"
            " WHERE v.cluster = ? AND v.namespace = ? AND v.release = ?",
            (cluster, namespace, release),
        )
        return _revision(rows[0]) if rows else None

    def standing(
        self, release: str | None, namespace: str | None, cluster: str | None = None
    ) -> list[Revision]:
        """The revisions in the clusters, of one release, namespace or cluster where that is named.

        Raises ReleaseUnknown for a release that is not there.
        """
        found = [
            self.one(current.cluster, current.namespace, current.release, current.number)
            for current in self.releases(cluster)
            if release in {None, current.release} and namespace in {None, current.namespace}
        ]
        if release is not None and not found:
            raise ReleaseUnknown(release=release, namespace=namespace or release)
        return found

    def remembered(self, cluster: str, namespace: str, release: str) -> Revision | None:
        """The newest revision that stood, also of a release since removed.

        Its answers hold the secrets that volumes left behind by a removal still expect.
        """
        stood = [
            one
            for one in self.revisions(cluster, namespace, release)
            if one.outcome is Outcome.DEPLOYED and one.inputs is not None
        ]
        return stood[-1] if stood else None

    def revisions(self, cluster: str, namespace: str, release: str) -> tuple[Revision, ...]:
        """Everything ever applied to the release, oldest first."""
        rows = self._database.query(
            "SELECT * FROM revisions WHERE cluster = ? AND namespace = ? AND release = ?"
            " ORDER BY number",
            (cluster, namespace, release),
        )
        return tuple(map(_revision, rows))

    def of_app(self, app: str) -> tuple[Revision, ...]:
        """Everything ever applied to releases of the app, oldest first."""
        rows = self._database.query(
            "SELECT * FROM revisions WHERE app = ? ORDER BY started, number", (app,)
        )
        return tuple(map(_revision, rows))

    def every(self) -> tuple[Revision, ...]:
        """Everything ever applied in the zone, in the order it was begun."""
        rows = self._database.query("SELECT * FROM revisions ORDER BY started, number")
        return tuple(map(_revision, rows))

    def clusters(self, namespace: str, release: str) -> tuple[str, ...]:
        """The identities of the clusters that ever had a release of that name there."""
        rows = self._database.query(
            "SELECT DISTINCT cluster FROM revisions WHERE namespace = ? AND release = ? ORDER BY 1",
            (namespace, release),
        )
        return tuple(str(row["cluster"]) for row in rows)

    def one(self, cluster: str, namespace: str, release: str, number: int) -> Revision:
        """One revision however it ended; raises RevisionUnknown."""
        rows = self._database.query(
            "SELECT * FROM revisions"
            " WHERE cluster = ? AND namespace = ? AND release = ? AND number = ?",
            (cluster, namespace, release, number),
        )
        if not rows:
            raise RevisionUnknown(namespace=namespace, release=release, number=number)
        return _revision(rows[0])

    def revision(self, cluster: str, namespace: str, release: str, number: int) -> Revision:
        """One deployed revision with a sealed chart, to return to; raises RevisionUnknown."""
        found = self.one(cluster, namespace, release, number)
        if found.outcome is not Outcome.DEPLOYED or found.sealed is None:
            raise RevisionUnknown(namespace=namespace, release=release, number=number)
        return found

    def of_plan(self, plan: Digest) -> tuple[Revision, ...]:
        """Every application of that very plan, oldest first."""
        rows = self._database.query(
            "SELECT * FROM revisions WHERE plan = ? ORDER BY number", (str(plan),)
        )
        return tuple(map(_revision, rows))

    def stands(self, plan: Digest) -> Revision | None:
        """The application of that plan which still is what the cluster has, or lacks."""
        for one in reversed(self.of_plan(plan)):
            now = self.current(one.cluster, one.namespace, one.release)
            removed = one.outcome is Outcome.REMOVED and now is None
            if removed or (one.outcome is Outcome.DEPLOYED and now == one):
                return one
        return None

    def running(self, plan: Digest) -> int:
        """The number under which `plan` is being applied; 0 when it is not."""
        rows = self._database.query(
            "SELECT number FROM revisions WHERE plan = ? AND outcome = 'running'", (str(plan),)
        )
        return int(rows[0]["number"]) if rows else 0

    def returnable(self, keep: int) -> list[Revision]:
        """What the cluster runs, and of each such release the newest `keep` it can be put back to.

        A release that was removed runs nothing and is put back to nothing.
        """
        return [one for now in self.releases() for one in self._kept(now.place, now.number, keep)]

    def in_use(self, keep: int) -> frozenset[Digest]:
        """Vault contents (plans, sealed charts, inputs) that are needed, whatever else goes.

        They are of what is `returnable`, of what is being applied, and of the newest revision that
        stood of each release, also of one that was removed: its inputs may be wanted again.
        """
        numbers = {now.place: now.number for now in self.releases()}
        found: set[Digest] = set()
        for place in self.known():
            under_way = [r for r in self.revisions(*place) if r.outcome is Outcome.RUNNING]
            newest = keep if place in numbers else 1
            for one in (*self._kept(place, numbers.get(place, 0), newest), *under_way):
                found |= _digests((one.plan, one.sealed, one.inputs))
        return frozenset(found)

    def plans(self) -> frozenset[Digest]:
        """The plan of everything ever applied."""
        rows = self._database.query("SELECT DISTINCT plan FROM revisions")
        return frozenset(Digest.parse(row["plan"]) for row in rows)

    def _kept(self, place: tuple[str, str, str], number: int, keep: int) -> list[Revision]:
        """Of one release: what it runs, and the newest `keep` that stood, oldest first."""
        stood = [
            one
            for one in self.revisions(*place)
            if one.outcome is Outcome.DEPLOYED and one.sealed is not None
        ]
        newest = stood[-keep:]
        return [one for one in stood if one.number == number and one not in newest] + newest


def _digests(found: Sequence[Digest | None]) -> set[Digest]:
    return {digest for digest in found if digest is not None}


def _revision(row: Any) -> Revision:  # noqa: ANN401 (sqlite3.Row)
    return Revision(
        **{
            **dict(row),
            "operation": Operation(row["operation"]),
            "outcome": Outcome(row["outcome"]),
            "plan": Digest.parse(row["plan"]),
            "sealed": Digest.parse(row["sealed"]) if row["sealed"] else None,
            "inputs": Digest.parse(row["inputs"]) if row["inputs"] else None,
        }
    )
