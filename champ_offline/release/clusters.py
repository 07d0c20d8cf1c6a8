"""The clusters of a zone by name: which each is, where it is, and the file that leads to it.

Invariant: a name stands for one identity (the UID of kube-system) for as long as it is kept, and an
identity has one name; a kubeconfig belongs to one name, only its place is kept, and every change
is in the audit chain, in the same transaction.
"""

from __future__ import annotations

import re
import sqlite3
import stat
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from champ_offline.cluster.interface import Cluster
from champ_offline.durable.database import Database
from champ_offline.errors import ChampError, ExitCode, Phrase
from champ_offline.journal.acts import Act
from champ_offline.journal.audit import Audit, Entry

_SCHEMA = (
    """
    CREATE TABLE clusters (
        name TEXT PRIMARY KEY,
        identity TEXT NOT NULL UNIQUE,
        address TEXT NOT NULL,
        kubeconfig TEXT NOT NULL UNIQUE,
        added TEXT NOT NULL
    ) STRICT
    """,
)
CLUSTER_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
NONE_YET = Phrase("none yet")
"""What stands for the names of clusters where there are none; a space is in no name."""
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


class InvalidClusterName(ChampError):
    """A name that a site's document or a message could not carry."""

    id = "cluster.invalid-name"
    exit_code = ExitCode.USAGE
    message = "“{name}” cannot name a cluster."
    remedy = "Use up to 63 lower-case letters, digits and dashes, such as main."


class ClusterNameTaken(ChampError):
    """The name stands for another cluster."""

    id = "cluster.name-taken"
    exit_code = ExitCode.PREFLIGHT
    message = "“{name}” is the cluster {identity}; {kubeconfig} leads to the cluster {found}."
    remedy = "Choose another name, or let go of that one with `champ cluster remove {name}` first."


class ClusterNamedAlready(ChampError):
    """The cluster has a name."""

    id = "cluster.named-already"
    exit_code = ExitCode.PREFLIGHT
    message = "This cluster is known here as “{name}”; it gets no second name."
    remedy = "Use that name, or let go of it with `champ cluster remove {name}` first."


class KubeconfigShared(ChampError):
    """One file would be the way to two clusters; it leads to its current context alone."""

    id = "cluster.kubeconfig-shared"
    exit_code = ExitCode.PREFLIGHT
    message = "{kubeconfig} is already the way to the cluster “{name}”."
    remedy = "Give each cluster a kubeconfig of its own, with that cluster as its current context."


class ClusterUnknown(ChampError):
    """No cluster has that name."""

    id = "cluster.unknown"
    exit_code = ExitCode.NOT_FOUND
    message = "This zone has no cluster “{name}”."
    remedy = "It has: {known}. Add one with `champ cluster add NAME --kubeconfig FILE`."


class ClusterNotNamed(ChampError):
    """A verb needs a cluster, none was named, and the zone has not exactly one."""

    id = "zone.cluster-not-named"
    exit_code = ExitCode.USAGE
    message = "No cluster was named; this zone knows: {known}."
    remedy = (
        "Name one with --cluster NAME, or give its kubeconfig with --kubeconfig FILE or in"
        " KUBECONFIG. `champ cluster add` gives a cluster a name."
    )


class ClusterExchanged(ChampError):
    """The file of a named cluster leads to another cluster now."""

    id = "cluster.exchanged"
    exit_code = ExitCode.PREFLIGHT
    message = (
        "Nothing was done: {kubeconfig} is the way to the cluster “{name}” ({identity}), but leads"
        " to another one now ({found})."
    )
    remedy = (
        "Put the right file there. If “{name}” was built anew, let go of the name with `champ"
        " cluster remove {name}` and add the cluster again: it starts without a history."
    )


class KubeconfigOpen(ChampError):
    """Others can read, or change, the file that opens a cluster."""

    id = "cluster.kubeconfig-open"
    exit_code = ExitCode.PREFLIGHT
    message = "{kubeconfig} can be used by other users of this machine (mode {mode})."
    remedy = "Take their rights away: `chmod 600 {kubeconfig}`."


@dataclass(frozen=True)
class NamedCluster:
    """One cluster; `address` is its API server's URL, `added` ISO 8601 in UTC."""

    name: str
    identity: str
    address: str
    kubeconfig: Path
    added: str

    @property
    def exposed(self) -> KubeconfigOpen | None:
        """That others may use its kubeconfig; None where they may not, or there is no file."""
        try:
            mode = self.kubeconfig.stat().st_mode
        except OSError:
            return None  # whoever reads it will say so
        if not mode & _OTHERS:
            return None
        return KubeconfigOpen(kubeconfig=self.kubeconfig, mode=f"{stat.S_IMODE(mode):04o}")

    def check(self, cluster: Cluster) -> None:
        """Raise ClusterExchanged unless `cluster`, found through the file, is the one."""
        found = cluster.identity()
        if found != self.identity:
            raise ClusterExchanged(
                kubeconfig=self.kubeconfig, name=self.name, identity=self.identity, found=found
            )


class Clusters:
    """The table of clusters."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database, self._now = database, now
        self._audit = Audit(database, now)
        database.migrate("clusters", _SCHEMA)

    def all(self) -> tuple[NamedCluster, ...]:
        """Every cluster, sorted by name."""
        return tuple(map(_named, self._database.query("SELECT * FROM clusters ORDER BY name")))

    def one(self, name: str) -> NamedCluster:
        """The cluster of that name; raises ClusterUnknown."""
        for found in self.all():
            if found.name == name:
                return found
        raise ClusterUnknown(name=name[:100], known=self._known())

    def name(self, identity: str) -> str:
        """The cluster's name; the identity itself where it has none."""
        return next((one.name for one in self.all() if one.identity == identity), identity)

    def by_file(self, kubeconfig: Path) -> NamedCluster | None:
        """The cluster whose file this is."""
        path = kubeconfig.absolute()
        return next((one for one in self.all() if one.kubeconfig == path), None)

    @property
    def only(self) -> Path | None:
        """The way to the cluster, where exactly one has a name."""
        every = self.all()
        return every[0].kubeconfig if len(every) == 1 else None

    def way(self, kubeconfig: Path | None, identity: str = "") -> Path:
        """The file to go by: `kubeconfig`, else that of the cluster `identity`, else the only one.

        Raises ClusterNotNamed.
        """
        if kubeconfig is not None:
            return kubeconfig
        every = self.all()
        found = [one for one in every if one.identity == identity] or list(every)
        if len(found) != 1:
            raise ClusterNotNamed(known=self._known())
        return found[0].kubeconfig

    def add(self, name: str, cluster: Cluster, kubeconfig: Path, by: str) -> NamedCluster:
        """Name the cluster that `kubeconfig` leads to; its own name again changes the way only.

        Raises InvalidClusterName, ClusterNameTaken, ClusterNamedAlready, KubeconfigShared, and what
        `Cluster.identity` raises.
        """
        if not CLUSTER_NAME.fullmatch(name):
            raise InvalidClusterName(name=name[:100])
        added = self._now().isoformat(timespec="seconds")
        path = kubeconfig.absolute()
        made = NamedCluster(name, cluster.identity(), cluster.address, path, added)
        with self._database.transaction() as connection:
            for known in self.all():
                _refuse_other(known, made)
            connection.execute(
                "INSERT INTO clusters VALUES (?, ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE"
                " SET address = excluded.address, kubeconfig = excluded.kubeconfig",
                (name, made.identity, made.address, str(path), added),
            )
            detail = {"identity": made.identity, "address": made.address}
            self._audit.append(connection, Entry(by, Act.CLUSTER_ADD, name, detail))
        return self.one(name)

    def remove(self, name: str, by: str) -> NamedCluster:
        """Let go of a name; cluster, history and audit stay as they are. Raises ClusterUnknown."""
        with self._database.transaction() as connection:
            gone = self.one(name)
            connection.execute("DELETE FROM clusters WHERE name = ?", (name,))
            detail = {"identity": gone.identity}
            self._audit.append(connection, Entry(by, Act.CLUSTER_REMOVE, name, detail))
        return gone

    def _known(self) -> str:
        return ", ".join(one.name for one in self.all()) or NONE_YET


def _refuse_other(known: NamedCluster, made: NamedCluster) -> None:
    same = known.identity == made.identity
    if known.name == made.name and not same:
        raise ClusterNameTaken(
            name=made.name,
            identity=known.identity,
            kubeconfig=made.kubeconfig,
            found=made.identity,
        )
    if same and known.name != made.name:
        raise ClusterNamedAlready(name=known.name)
    if not same and known.kubeconfig == made.kubeconfig:
        raise KubeconfigShared(kubeconfig=made.kubeconfig, name=known.name)


def _named(row: sqlite3.Row) -> NamedCluster:
    return NamedCluster(**{**dict(row), "kubeconfig": Path(row["kubeconfig"])})
