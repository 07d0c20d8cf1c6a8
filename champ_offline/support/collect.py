"""Gather what a support bundle holds: the zone's own records, and how its releases are.

Invariant: every file is made of fields that are named here, never of an object as it is: specs,
annotations, ConfigMaps, Secrets and answers are not copied at all. A cluster that does not answer
is told as such and keeps nothing else from being gathered.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import partial
from importlib.metadata import distributions
from pathlib import Path
from secrets import token_urlsafe

from champ_offline import __version__
from champ_offline.cluster import health
from champ_offline.cluster.causes.judge import judge
from champ_offline.cluster.causes.look import cause, look
from champ_offline.cluster.causes.scene import Scene, last_time, words
from champ_offline.cluster.interface import Cluster, LogUnavailable, Object
from champ_offline.cluster.logs import LogLine
from champ_offline.durable.database import Database
from champ_offline.errors import ChampError
from champ_offline.findings import Finding
from champ_offline.journal.acts import Act
from champ_offline.journal.audit import Audit, AuditBroken
from champ_offline.journal.journal import Journal
from champ_offline.release.clusters import Clusters
from champ_offline.release.hidden import without_names
from champ_offline.release.hiding import Hiding
from champ_offline.release.records.history import History, Revision
from champ_offline.release.records.vault import Vault
from champ_offline.support import secrets
from champ_offline.support.archive import Collection, SupportBundle, newest, place
from champ_offline.zone import ZoneSummary

_OPERATIONS, _ROWS, _REVISIONS, _EVENTS, _OBJECTS, _LINES = 200, 500, 50, 200, 500, 200
# What a probe was answered is what the app said.
_SPOKEN = frozenset({"Unhealthy"})


@dataclass(frozen=True)
class ZoneSide:
    """The zone: its records, what is said of it as a whole, and what was examined."""

    database: Database
    summary: ZoneSummary
    findings: Sequence[Finding]
    now: datetime


def collect(
    zone: ZoneSide,
    kubeconfig: Path | None,
    *,
    logs: bool,
    opened: Callable[[Path], Cluster] | None = None,
) -> SupportBundle:
    """The bundle of the zone and the cluster of `kubeconfig`, else of every one with a name.

    `logs` adds last lines of containers' logs. Raises SupportWouldLeak.
    """
    history, vault = History(zone.database), Vault(zone.database, token_urlsafe)
    hidden = set(secrets.of_zone(history, vault))
    names = [" ".join(where) for where in history.known()]
    views: dict[str, _View] = {}
    for name, path in _ways(zone, kubeconfig):
        hidden |= set(secrets.of_kubeconfig(path))
        view = views[name] = _seen(name, partial(opened or _kube, path), history, logs=logs)
        hidden |= view.hidden
        names += view.names
    found = Collection(Hiding(without_names(hidden, "\n".join(names))))
    _records(found, zone, history)
    for name, view in views.items():
        _cluster(found, name, view)
    return found.bundle(zone.summary.name, __version__, zone.now, logs=logs)


def _ways(zone: ZoneSide, kubeconfig: Path | None) -> Iterator[tuple[str, Path]]:
    """The clusters to look at, by name, and the file that leads to each."""
    clusters = Clusters(zone.database, lambda: zone.now)
    if kubeconfig is None:
        yield from ((one.name, one.kubeconfig) for one in clusters.all())
    else:
        known = clusters.by_file(kubeconfig)
        yield known.name if known else "cluster", kubeconfig


def _kube(path: Path) -> Cluster:
    # Kubernetes' client is loaded only where there is a cluster to look at.
    from champ_offline.cluster.kube import KubeCluster

    return KubeCluster(path)


def _records(found: Collection, zone: ZoneSide, history: History) -> None:
    found.document("versions.json", "champ, this machine, libraries", _versions())
    found.document("zone.json", "the zone as a whole", _summary(zone.summary))
    found.document("doctor.json", "what was looked at", [_finding(one) for one in zone.findings])
    journal = Journal(zone.database, lambda: zone.now)
    operations = [
        {**asdict(one), "steps": [asdict(step) for step in journal.steps(one.number)]}
        for one in journal.recent(_OPERATIONS)
    ]
    found.document("journal.json", "the newest operations and their steps", operations)
    audit = Audit(zone.database, lambda: zone.now)
    rows = [asdict(row) for row in audit.rows(most=_ROWS)]
    found.document(
        "audit.json", "the newest rows of the audit chain", {**_chain(audit), "rows": rows}
    )
    releases = [
        [_revision(one) for one in newest(history.revisions(*where), _REVISIONS)]
        for where in history.known()
    ]
    found.document("releases.json", "what was applied, and how it ended", releases)


def _versions() -> dict[str, object]:
    libraries = sorted((one.name, one.version) for one in distributions() if one.name)
    machine = platform.uname()
    return {
        "champ": __version__,
        "python": platform.python_version(),
        "system": f"{machine.system} {machine.release} {machine.machine}",
        "libraries": dict(libraries),
    }


def _summary(one: ZoneSummary) -> dict[str, object]:
    bundles = [
        {
            "name": known.document.name,
            "version": known.document.version,
            "digest": str(known.digest),
        }
        for known in one.bundles
    ]
    return {**vars(one), "bundles": bundles}


def _finding(one: Finding) -> dict[str, object]:
    error = one.error
    told = {"id": error.id, "message": str(error), "remedy": error.advice} if error else {}
    return {"check": one.check, "state": one.state.value, "note": one.note, **told}


def _chain(audit: Audit) -> dict[str, object]:
    try:
        return {"head": str(audit.check(first=Act.INIT)), "stands": True}
    except AuditBroken as error:
        return {"head": str(audit.head()), "stands": False, "error": str(error)}


def _revision(one: Revision) -> dict[str, object]:
    """All but what a person gave: digests of inputs would let short ones be guessed."""
    kept = ("cluster", "namespace", "release", "number", "helm_revision", "app", "version")
    told = {name: getattr(one, name) for name in kept}
    digests = {"plan": str(one.plan), "sealed": str(one.sealed or "")}
    ending = {"operation": one.operation.value, "outcome": one.outcome.value, "error": one.error}
    when = {"actor": one.actor, "started": one.started, "seconds": one.seconds}
    return {**told, **digests, **ending, **when}


@dataclass(frozen=True)
class _ReleaseView:
    namespace: str
    release: str
    objects: list[dict[str, object]]
    events: list[dict[str, object]]
    causes: list[dict[str, object]]
    logs: dict[str, str]


@dataclass(frozen=True)
class _View:
    about: dict[str, object]
    releases: list[_ReleaseView]
    hidden: set[str]
    names: list[str]


def _seen(name: str, opened: Callable[[], Cluster], history: History, *, logs: bool) -> _View:
    """What one cluster shows now; an error in place of what it does not."""
    about: dict[str, object] = {"name": name}
    view = _View(about, [], set(), [])
    try:
        cluster = opened()
    except ChampError as error:
        about["error"] = str(error)
        return view
    try:
        identity = cluster.identity()
        about |= {"identity": identity, "address": cluster.address}
        about["version"] = cluster.offer().version
        about["nodes"] = [asdict(node) for node in cluster.nodes()]
        about["storage classes"] = [asdict(one) for one in cluster.storage_classes()]
        for known, namespace, release in history.known():
            if known == identity and history.current(known, namespace, release):
                view.hidden.update(secrets.of_namespace(cluster, namespace))
                view.releases.append(_release(cluster, namespace, release, view.names, logs=logs))
    except ChampError as error:
        about["error"] = str(error)
    finally:
        cluster.close()
    return view


def _release(
    cluster: Cluster, namespace: str, release: str, names: list[str], *, logs: bool
) -> _ReleaseView:
    scene = look(cluster, namespace, release)
    names += [str(item["metadata"]["name"]) for item in scene.objects]
    names += [image for item in scene.of("Pod") for image in _images(item)]
    causes = [
        cause(found if logs else found.silent, cluster, namespace).as_document()
        for found in judge(scene)
    ]
    return _ReleaseView(
        namespace,
        release,
        [_object(item) for item in scene.objects[:_OBJECTS]],
        [_event(one, logs=logs) for one in newest(sorted(scene.events, key=last_time), _EVENTS)],
        causes,
        dict(_logs(cluster, namespace, scene)) if logs else {},
    )


def _images(pod: Object) -> Iterator[str]:
    for one in (pod.get("spec") or {}).get("containers") or []:
        yield str(one.get("image", ""))


def _object(item: Object) -> dict[str, object]:
    """How an object is, by its status alone."""
    state, status = health.state(item), item.get("status") or {}
    kept = ("type", "status", "reason", "message", "lastTransitionTime")
    told = [
        {name: words(one[name]) for name in kept if one.get(name)}
        for one in status.get("conditions") or []
    ]
    return {
        "kind": state.kind,
        "name": state.name,
        "created": str(item["metadata"].get("creationTimestamp", "")),
        "ready": state.ready,
        "reason": state.reason,
        "node": str((item.get("spec") or {}).get("nodeName", "")),
        "conditions": told,
        "containers": [_container(one) for one in _statuses(item)],
    }


def _statuses(pod: Object) -> list[Object]:
    found = pod.get("status") or {}
    return [*(found.get("initContainerStatuses") or []), *(found.get("containerStatuses") or [])]


def _container(one: Object) -> dict[str, object]:
    """A container's state without what it said last (its termination message)."""
    states = {"state": one.get("state") or {}, "last": one.get("lastState") or {}}
    kept = ("reason", "exitCode", "startedAt", "finishedAt")
    told = {
        f"{which} {kind}": {name: state[name] for name in kept if name in state}
        for which, found in states.items()
        for kind, state in found.items()
    }
    known = ("name", "image", "imageID", "ready", "restartCount")
    return {**{name: one[name] for name in known if name in one}, **told}


def _event(one: Object, *, logs: bool) -> dict[str, object]:
    message = str(words(one.get("message")))
    if one.get("reason") in _SPOKEN and not logs:
        message = message.partition(":")[0]
    about = one["involvedObject"]
    return {
        "time": last_time(one),
        "count": one.get("count") or 1,
        "object": f"{about.get('kind', '')} {about.get('name', '')}",
        "reason": str(one.get("reason", "")),
        "message": message,
    }


def _logs(cluster: Cluster, namespace: str, scene: Scene) -> Iterator[tuple[str, str]]:
    """The last lines of every container that is not well, and of the one before it."""
    for pod in scene.of("Pod"):
        status = pod.get("status") or {}
        for one in [
            *(status.get("initContainerStatuses") or []),
            *(status.get("containerStatuses") or []),
        ]:
            if one.get("ready"):
                continue
            name, container = str(pod["metadata"]["name"]), str(one["name"])
            for previous in (False, True):
                lines = _tail(cluster, namespace, name, container, previous=previous)
                if lines:
                    file = f"{name}.{container}{'.before' if previous else ''}.txt"
                    yield file, "".join(f"{one.text}\n" for one in lines)


def _tail(
    cluster: Cluster, namespace: str, pod: str, container: str, *, previous: bool
) -> tuple[LogLine, ...]:
    """Its last lines; none where there is nothing to be had."""
    try:
        return cluster.log_tail(namespace, pod, container, previous=previous, lines=_LINES)
    except LogUnavailable:
        return ()


def _cluster(found: Collection, name: str, view: _View) -> None:
    top = place("clusters", name) or "clusters/unnamed"
    found.document(f"{top}/cluster.json", "the cluster, its nodes and storage classes", view.about)
    for one in view.releases:
        folder = place(one.namespace, one.release)
        if folder is None:
            continue
        within = f"{top}/{folder}"
        found.document(f"{within}/objects.json", "its objects, each by its status", one.objects)
        found.document(f"{within}/causes.json", "why it does not come up", one.causes)
        found.document(f"{within}/events.json", "events that warn", one.events)
        for file, text in one.logs.items():
            if place(file):
                found.text(f"{within}/logs/{file}", "last lines of a container's log", text)
