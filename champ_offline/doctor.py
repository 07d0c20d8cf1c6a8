"""Checks of a zone and its cluster: what stands in the way, why it matters, what to do.

Invariant: looking changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from champ_offline.bundle.at_hand import few
from champ_offline.bundle.held import KnownBundle
from champ_offline.bundle.intake import RESERVE
from champ_offline.cluster.interface import Cluster
from champ_offline.durable.database import Database
from champ_offline.durable.space import free_bytes
from champ_offline.errors import Bytes, ChampError, ExitCode, Quoted
from champ_offline.external.errors import PushWaiting
from champ_offline.findings import Finding, State
from champ_offline.journal.acts import Act
from champ_offline.journal.audit import Audit, AuditBroken
from champ_offline.journal.journal import Journal
from champ_offline.release.clusters import NamedCluster
from champ_offline.store.refs import Ref
from champ_offline.store.waiting import WaitingRoom
from champ_offline.trust.dates import TOLERANCE
from champ_offline.trust.errors import RootExpired

_SOON = timedelta(days=60)
# Room for a bundle of some images; with less the next import may well not fit.
_ROOMY = 10**9


class DatabaseDamaged(ChampError):
    """SQLite's integrity check found something."""

    id = "doctor.database-damaged"
    exit_code = ExitCode.NEEDS_PERSON
    message = "The zone's database is damaged: {reason}."
    remedy = "Stop using the zone and restore champ.db from the last backup (docs/backup.md)."


class ImportUnfinished(ChampError):
    """Blobs wait for the rest of their bundle."""

    id = "doctor.import-unfinished"
    exit_code = ExitCode.PREFLIGHT
    message = "An import is unfinished: {size} wait in {path}."
    remedy = (
        "Run `champ import` again with the media that are missing, or let go of what waits with"
        " `champ zone discard`."
    )


class Interrupted(ChampError):
    """An operation's process is gone before its end."""

    id = "doctor.interrupted"
    exit_code = ExitCode.NEEDS_PERSON
    message = "Changing {subject} was interrupted at step “{step}”."
    remedy = "Run `champ recover` with the cluster's kubeconfig: it puts right what was left."


class RootEndsSoon(ChampError):
    """The root comes to its end."""

    id = "doctor.root-ends-soon"
    exit_code = ExitCode.PREFLIGHT
    message = "The root of this zone ends on {day}."
    remedy = (
        "Ask the release engineers for a newer root before that day, and take it in with `champ"
        " trust update`; after it every import asks for a reason."
    )


class CertificateEnds(ChampError):
    """The registry's certificate comes to its end, or is past it."""

    id = "doctor.certificate-ends"
    exit_code = ExitCode.PREFLIGHT
    message = "The last day of the registry's certificate is {day}."
    remedy = "Restart the registry by then: it renews its certificate."


class AuthorityEndsSoon(ChampError):
    """The zone's certificate authority comes to its end."""

    id = "doctor.authority-ends-soon"
    exit_code = ExitCode.PREFLIGHT
    message = "The last day of the zone's certificate authority is {day}."
    remedy = (
        "Choose a time before that day when no node has to pull, and follow docs/nodes.md,"
        " “Another authority”."
    )


class ContentWithdrawn(ChampError):
    """The zone serves content for which no key of its newest root vouches."""

    id = "doctor.content-withdrawn"
    exit_code = ExitCode.TRUST_REFUSED
    message = (
        "Only withdrawn keys vouch for what the zone serves as {names}; the bundle {bundle} packed"
        " on {packed} brought it."
    )
    remedy = (
        "Import the bundle {name} again that keys of today signed, or have it packed anew with"
        " these names; then look at what runs with `champ status`."
    )


class ClockStandsBehind(ChampError):
    """This clock is behind a packing time that the zone accepted, so that no import is taken."""

    id = "doctor.clock-behind"
    exit_code = ExitCode.PREFLIGHT
    message = "This clock says {now}; a bundle packed on {latest} was already accepted."
    remedy = "Set the clock of this machine; imports are refused until then."


class DiskNearlyFull(ChampError):
    """The zone's disk has little room left."""

    id = "doctor.disk-nearly-full"
    exit_code = ExitCode.PREFLIGHT
    message = "The zone's disk has {free} free, under {path}."
    remedy = (
        "Free some space or give the zone a larger disk; `champ zone discard` lets go of what"
        " unfinished imports left. Below {reserve} no import is taken."
    )


class NeverServed(ChampError):
    """The registry was not started yet."""

    id = "doctor.never-served"
    exit_code = ExitCode.PREFLIGHT
    message = "The registry of this zone was never started, so nodes cannot trust it yet."
    remedy = "Start it with `champ registry serve`."


class NodeNotReady(ChampError):
    """A node of the cluster does not take pods."""

    id = "doctor.node-not-ready"
    exit_code = ExitCode.PREFLIGHT
    message = "Node {name} is not ready."
    remedy = "See `kubectl describe node {name}`."


class NoStorageClass(ChampError):
    """The cluster offers no default storage."""

    id = "doctor.no-storage-class"
    exit_code = ExitCode.PREFLIGHT
    message = "The cluster has no default storage class."
    remedy = "Name a storage class in the app's form, or mark one as the default."


@dataclass(frozen=True)
class Vouched:
    """What keys say of a zone: until when its root does, and which bundles it took.

    `withdrawn` are the names that lead to what only withdrawn keys vouched for.
    """

    root_end: datetime
    bundles: Sequence[KnownBundle] = ()
    withdrawn: Sequence[Ref] = ()

    @property
    def latest(self) -> datetime | None:
        """The latest packing time that the zone accepted of keys that are good."""
        return max((one.packed for one in self.bundles if one.stands), default=None)


def examine_zone(
    database: Database,
    store: Iterable[Finding],
    waiting: WaitingRoom,
    pki: Path,
    vouched: Vouched,
    now: datetime,
) -> Iterator[Finding]:
    """The checks that need no cluster; `store` are those of its content."""
    damage = database.damage()
    yield _finding("database", DatabaseDamaged(reason=Quoted(damage[0])) if damage else None)
    yield from store
    size = waiting.size
    unfinished = ImportUnfinished(path=waiting.root, size=Bytes(size))
    yield Finding("import", State.WARN, unfinished) if size else Finding("import", State.OK)
    for left in Journal(database, lambda: now).interrupted():
        yield Finding("operations", State.BAD, Interrupted(subject=left.subject, step=left.step))
    yield _chain(Audit(database, lambda: now))
    yield from _keys(vouched)
    yield _clock(vouched.latest, now)
    yield _root(vouched.root_end, now, waiting.root.parent)
    yield _disk(waiting.root)
    yield from _certificates(database, pki, now)


def examine_external(address: str, look: Callable[[], int | None]) -> Finding:
    """Whether the registry that nodes pull from answers, and was given what the zone has."""
    check = "external registry"
    try:
        waiting = look()
    except ChampError as error:
        return Finding(check, State.BAD, error)
    if waiting:
        return Finding(check, State.WARN, PushWaiting(count=waiting, where=address))
    return Finding(check, State.OK, note=address)


def examine_named(named: NamedCluster, opened: Callable[[Path], Cluster]) -> Iterator[Finding]:
    """The checks of a cluster that has a name: also of its kubeconfig, and that it is the one."""
    exposed = named.exposed
    yield Finding("kubeconfig", State.WARN if exposed else State.OK, exposed)

    def open_cluster() -> Cluster:
        cluster = opened(named.kubeconfig)
        named.check(cluster)
        return cluster

    yield from examine_cluster(open_cluster)


def examine_cluster(open_cluster: Callable[[], Cluster]) -> Iterator[Finding]:
    """The checks of a cluster; one that cannot be reached is the only finding."""
    try:
        cluster = open_cluster()
        cluster.offer()
        nodes, classes = cluster.nodes(), cluster.storage_classes()
    except ChampError as error:
        yield Finding("cluster", State.BAD, error)
        return
    yield Finding("cluster", State.OK)
    for node in nodes:
        yield _finding(f"node {node.name}", None if node.ready else NodeNotReady(name=node.name))
    default = any(storage.default for storage in classes)
    yield Finding(
        "storage", State.OK if default else State.WARN, None if default else NoStorageClass()
    )


def _finding(check: str, error: ChampError | None) -> Finding:
    return Finding(check, State.BAD if error else State.OK, error)


def _chain(audit: Audit) -> Finding:
    """The audit chain; its head is what a person notes elsewhere, to miss rows by it later."""
    try:
        return Finding("audit", State.OK, note=str(audit.check(first=Act.INIT)))
    except AuditBroken as error:
        return Finding("audit", State.BAD, error)


def _ending(what: str, end: datetime, now: datetime, error: ChampError) -> Finding:
    if end - now > _SOON:
        return Finding(what, State.OK)
    return Finding(what, State.BAD if end <= now else State.WARN, error)


def _root(end: datetime, now: datetime, zone: Path) -> Finding:
    day = end.date().isoformat()
    if end <= now:
        said = f"{now:%Y-%m-%d %H:%M} UTC"
        return Finding("root", State.BAD, RootExpired(where=zone, expires=day, now=said))
    return _ending("root", end, now, RootEndsSoon(day=day))


def _keys(vouched: Vouched) -> Iterator[Finding]:
    """One finding for each bundle that only withdrawn keys vouch for and that is still served."""
    known = {str(one.digest): one for one in vouched.bundles}
    served: dict[str, list[str]] = {}
    for ref in vouched.withdrawn:
        served.setdefault(ref.bundle, []).append(str(ref))
    for digest, names in served.items():
        bundle = known.get(digest)
        error = ContentWithdrawn(
            names=few(names),
            bundle=f"{bundle.document.name} {bundle.document.version}" if bundle else digest,
            packed=f"{bundle.packed:%Y-%m-%d %H:%M:%S} UTC" if bundle else "?",
            name=bundle.document.name if bundle else "?",
        )
        yield Finding("keys", State.BAD, error)
    if not served:
        yield Finding("keys", State.OK)


def _certificates(database: Database, pki: Path, now: datetime) -> Iterator[Finding]:
    """The zone's authority, and the registry's certificate of it."""
    from champ_offline.registry.authority import Authority
    from champ_offline.registry.pki import certificate_end

    authority = Authority(database, pki, lambda: now)
    try:
        authority.check()
    except ChampError as error:
        yield Finding("authority", State.BAD, error)
        yield Finding("certificate", State.UNSEEN)
        return
    standing, end = authority.standing(), certificate_end(pki)
    if standing.not_after is None or end is None:
        yield Finding("certificate", State.WARN, NeverServed())
        return
    last = AuthorityEndsSoon(day=standing.not_after.date().isoformat())
    yield replace(_ending("authority", standing.not_after, now, last), note=standing.found)
    yield _ending("certificate", end, now, CertificateEnds(day=end.date().isoformat()))


def _clock(latest: datetime | None, now: datetime) -> Finding:
    if latest is None or latest <= now + TOLERANCE:
        return Finding("clock", State.OK)
    times = (f"{time:%Y-%m-%d %H:%M} UTC" for time in (now, latest))
    return Finding("clock", State.BAD, ClockStandsBehind(now=next(times), latest=next(times)))


def _disk(folder: Path) -> Finding:
    free = free_bytes(folder)
    if free >= _ROOMY:
        return Finding("disk", State.OK)
    error = DiskNearlyFull(free=Bytes(free), path=folder, reserve=Bytes(RESERVE))
    return Finding("disk", State.WARN if free >= RESERVE else State.BAD, error)
