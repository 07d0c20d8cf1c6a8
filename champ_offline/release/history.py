"""What was applied, when, by whom, and how it ended: releases and their revisions (FORMAT.md).

Invariant: a revision is recorded before Helm is asked, and gets its outcome once; the release's row
always tells which revision of ours and of Helm's is the one in the cluster.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from champ_offline.durable.database import Database
from champ_offline.errors import ChampError, ExitCode
from champ_offline.helm.faults import ReleaseUnknown
from champ_offline.oci.digest import Digest
from champ_offline.release.plan import Operation, Plan

SCHEMA = (
    """
    CREATE TABLE releases (
        namespace TEXT NOT NULL,
        release TEXT NOT NULL,
        cluster TEXT NOT NULL,
        number INTEGER NOT NULL,
        helm_revision INTEGER NOT NULL,
        PRIMARY KEY (namespace, release)
    ) STRICT;
    CREATE TABLE revisions (
        namespace TEXT NOT NULL,
        release TEXT NOT NULL,
        number INTEGER NOT NULL,
        helm_revision INTEGER NOT NULL,
        operation TEXT NOT NULL,
        app TEXT NOT NULL,
        version TEXT NOT NULL,
        plan TEXT NOT NULL,
        sealed TEXT NOT NULL,
        inputs TEXT NOT NULL,
        actor TEXT NOT NULL,
        started TEXT NOT NULL,
        seconds REAL NOT NULL,
        outcome TEXT NOT NULL,
        error TEXT NOT NULL,
        PRIMARY KEY (namespace, release, number)
    ) STRICT
    """,
)


class RevisionUnknown(ChampError):
    """The release has no such revision to return to."""

    id = "release.revision-unknown"
    exit_code = ExitCode.NOT_FOUND
    message = "Release {release} in namespace {namespace} has no usable revision {number}."
    remedy = "`champ history {release}` lists them; only those that were deployed can return."


class Outcome(StrEnum):
    """How applying a plan ended."""

    RUNNING = "running"
    DEPLOYED = "deployed"
    REMOVED = "removed"
    PUT_BACK = "put-back"
    FAILED = "failed"


@dataclass(frozen=True)
class Revision:
    """One application of a plan; `helm_revision` is 0 where Helm never recorded one."""

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


@dataclass(frozen=True)
class Current:
    """What is in the cluster now: our revision `number`, Helm's `helm_revision`."""

    namespace: str
    release: str
    cluster: str
    number: int
    helm_revision: int


class History:
    """The releases of one zone."""

    def __init__(self, database: Database) -> None:
        database.migrate("release", SCHEMA)
        self._database = database

    def begin(self, plan: Plan, kept: Digest, actor: str, started: str) -> int:
        """Record that `plan` (kept in the vault as `kept`) is being applied; gives its number."""
        with self._database.transaction() as connection:
            last = connection.execute(
                "SELECT coalesce(max(number), 0) FROM revisions"
                " WHERE namespace = ? AND release = ?",
                (plan.namespace, plan.release),
            ).fetchone()[0]
            row = (plan.namespace, plan.release, last + 1, 0, plan.operation.value, plan.app)
            digests = (str(kept), str(plan.sealed or ""), str(plan.values or ""))
            ending = (actor, started, 0.0, Outcome.RUNNING.value, "")
            connection.execute(
                "INSERT INTO revisions VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (*row, plan.to_version, *digests, *ending),
            )
        return int(last) + 1

    def finish(
        self, plan: Plan, number: int, outcome: Outcome, *, current: int, seconds: float, error: str
    ) -> None:
        """Record how it ended; `current` is Helm's revision now in the cluster (0: none)."""
        where = (plan.namespace, plan.release)
        deployed = outcome is Outcome.DEPLOYED
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE revisions SET outcome = ?, helm_revision = ?, seconds = ?, error = ?"
                " WHERE namespace = ? AND release = ? AND number = ? AND outcome = 'running'",
                (outcome.value, current if deployed else 0, seconds, error, *where, number),
            )
            if deployed:
                connection.execute(
                    "INSERT INTO releases VALUES (?, ?, ?, ?, ?) ON CONFLICT (namespace, release)"
                    " DO UPDATE SET cluster = excluded.cluster, number = excluded.number,"
                    " helm_revision = excluded.helm_revision",
                    (*where, plan.cluster, number, current),
                )
            elif current == 0:
                connection.execute(
                    "DELETE FROM releases WHERE namespace = ? AND release = ?", where
                )
            else:
                connection.execute(
                    "UPDATE releases SET helm_revision = ? WHERE namespace = ? AND release = ?",
                    (current, *where),
                )

    def releases(self) -> tuple[Current, ...]:
        """What is in the cluster, by namespace and name."""
        rows = self._database.query("SELECT * FROM releases ORDER BY namespace, release")
        return tuple(Current(**dict(row)) for row in rows)

    def current(self, namespace: str, release: str) -> Revision | None:
        """The revision in the cluster; None when the release is not there or is not ours."""
        rows = self._database.query(
            "SELECT v.* FROM revisions v JOIN releases r USING (namespace, release, number)"
            " WHERE v.namespace = ? AND v.release = ?",
            (namespace, release),
        )
        return _revision(rows[0]) if rows else None

    def in_cluster(self, release: str | None, namespace: str | None) -> list[Revision]:
        """The revisions in the cluster, of one release or namespace where that is named.

        Raises ReleaseUnknown for a release that is not there.
        """
        found = [
            self.one(current.namespace, current.release, current.number)
            for current in self.releases()
            if release in {None, current.release} and namespace in {None, current.namespace}
        ]
        if release is not None and not found:
            raise ReleaseUnknown(release=release, namespace=namespace or release)
        return found

    def remembered(self, namespace: str, release: str) -> Revision | None:
        """The newest revision that stood, also of a release since removed.

        Its answers hold the secrets that volumes left behind by a removal still expect.
        """
        stood = [
            one
            for one in self.revisions(namespace, release)
            if one.outcome is Outcome.DEPLOYED and one.inputs is not None
        ]
        return stood[-1] if stood else None

    def revisions(self, namespace: str, release: str) -> tuple[Revision, ...]:
        """Everything ever applied to the release, oldest first."""
        rows = self._database.query(
            "SELECT * FROM revisions WHERE namespace = ? AND release = ? ORDER BY number",
            (namespace, release),
        )
        return tuple(map(_revision, rows))

    def one(self, namespace: str, release: str, number: int) -> Revision:
        """One revision however it ended; raises RevisionUnknown."""
        for found in self.revisions(namespace, release):
            if found.number == number:
                return found
        raise RevisionUnknown(namespace=namespace, release=release, number=number)

    def revision(self, namespace: str, release: str, number: int) -> Revision:
        """One deployed revision with a sealed chart, to return to; raises RevisionUnknown."""
        found = self.one(namespace, release, number)
        if found.outcome is not Outcome.DEPLOYED or found.sealed is None:
            raise RevisionUnknown(namespace=namespace, release=release, number=number)
        return found

    def running(self, plan: Digest) -> int:
        """The number under which `plan` is being applied; 0 when it is not."""
        rows = self._database.query(
            "SELECT number FROM revisions WHERE plan = ? AND outcome = 'running'", (str(plan),)
        )
        return int(rows[0]["number"]) if rows else 0

    def returnable(self, keep: int = 10) -> list[Revision]:
        """What the cluster runs, and of each such release the newest `keep` it can be put back to.

        A release that was removed runs nothing and is put back to nothing.
        """
        found: list[Revision] = []
        for now in self.releases():
            stood = [
                one
                for one in self.revisions(now.namespace, now.release)
                if one.outcome is Outcome.DEPLOYED and one.sealed is not None
            ]
            newest = stood[-keep:]
            found += [one for one in stood if one.number == now.number and one not in newest]
            found += newest
        return found

    def in_use(self, keep: int = 10) -> frozenset[Digest]:
        """Vault contents (plans, sealed charts, inputs) of each release's newest `keep` revisions.

        Revisions of a release that is not in the cluster count too: its inputs may be wanted again.
        """
        found: set[Digest] = set()
        for row in self._database.query("SELECT DISTINCT namespace, release FROM revisions"):
            every = self.revisions(row["namespace"], row["release"])
            now = self.current(row["namespace"], row["release"])
            for one in (*every[-keep:], *([now] if now else [])):
                found |= _digests((one.plan, one.sealed, one.inputs))
        return frozenset(found)


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
