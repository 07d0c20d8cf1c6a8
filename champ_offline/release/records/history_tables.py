"""The tables of releases and revisions, and how those of earlier versions are brought here.

Invariant: no revision is lost on the way; where a zone of version 1 had releases of one name on two
clusters, each gets its own again, told apart by the plans that were applied.
"""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Sequence
from itertools import groupby
from typing import TypeAlias

from champ_offline.durable.database import Step

_Rows: TypeAlias = Sequence[sqlite3.Row]

_FIRST = """
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
    """
_BY_CLUSTER = (
    "ALTER TABLE releases RENAME TO releases_before",
    "ALTER TABLE revisions RENAME TO revisions_before",
    """
    CREATE TABLE releases (
        cluster TEXT NOT NULL,
        namespace TEXT NOT NULL,
        release TEXT NOT NULL,
        number INTEGER NOT NULL,
        helm_revision INTEGER NOT NULL,
        PRIMARY KEY (cluster, namespace, release)
    ) STRICT
    """,
    """
    CREATE TABLE revisions (
        cluster TEXT NOT NULL,
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
        PRIMARY KEY (cluster, namespace, release, number)
    ) STRICT
    """,
    "CREATE INDEX revisions_by_plan ON revisions (plan)",
)


def _name_clusters(connection: sqlite3.Connection) -> None:
    """Version 2: what was kept by namespace and name is kept by cluster, namespace and name."""
    for statement in _BY_CLUSTER:
        connection.execute(statement)
    current = {
        (row["namespace"], row["release"]): row
        for row in connection.execute("SELECT * FROM releases_before")
    }
    every = connection.execute(
        "SELECT * FROM revisions_before ORDER BY namespace, release, number"
    ).fetchall()
    for where, group in groupby(every, lambda row: (row["namespace"], row["release"])):
        rows, now = list(group), current.get(where)
        clusters = _clusters(connection, rows, now["cluster"] if now else "")
        for row, cluster in zip(rows, clusters, strict=True):
            _insert(connection, "revisions", (cluster, *row))
        for cluster in dict.fromkeys(clusters):
            own = [row for row, at in zip(rows, clusters, strict=True) if at == cluster]
            if now is not None and now["cluster"] == cluster:
                standing: tuple[int, int] | None = (now["number"], now["helm_revision"])
            else:
                standing = None if cluster == clusters[-1] else _standing(own)
            if standing is not None:
                _insert(connection, "releases", (cluster, *where, *standing))
    connection.execute("DROP TABLE releases_before")
    connection.execute("DROP TABLE revisions_before")


def _clusters(connection: sqlite3.Connection, rows: _Rows, otherwise: str) -> list[str]:
    """The cluster of each revision, by its plan; of one without a plan as of those beside it."""
    found = [_planned_for(connection, row["plan"]) for row in rows]
    last = next(filter(None, found), otherwise)
    for index, cluster in enumerate(found):
        last = found[index] = cluster or last
    return found


def _planned_for(connection: sqlite3.Connection, plan: str) -> str:
    """The cluster that a plan in the vault is for; empty where the plan is not kept any more."""
    if not connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'vault'").fetchone():
        return ""
    row = connection.execute("SELECT content FROM vault WHERE digest = ?", (plan,)).fetchone()
    return str(json.loads(zlib.decompress(row["content"]))["cluster"]) if row else ""


def _standing(rows: _Rows) -> tuple[int, int] | None:
    """Our number and Helm's revision that stood when the name went on to another cluster."""
    standing: tuple[int, int] | None = None
    for row in rows:
        if row["outcome"] == "deployed":
            standing = (row["number"], row["helm_revision"])
        elif row["outcome"] == "removed":
            standing = None
    return standing


def _insert(connection: sqlite3.Connection, table: str, values: Sequence[object]) -> None:
    places = ", ".join("?" * len(values))
    connection.execute(f"INSERT INTO {table} VALUES ({places})", values)  # noqa: S608 (our names)


STEPS: tuple[Step, ...] = (_FIRST, _name_clusters)
