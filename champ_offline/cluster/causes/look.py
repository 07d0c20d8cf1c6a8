"""Look at a release through the cluster's interface: the scene, and a container's last words.

Invariant: reads only, bounded: at most so many nodes, lines and bytes; what the user may not see
(events, nodes, logs) is missing from the picture and hinders nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace

from champ_offline.cluster import health
from champ_offline.cluster.causes import configuration, placing
from champ_offline.cluster.causes.judge import waiting_pods
from champ_offline.cluster.causes.scene import Found, Object, Place, Scene, condition, unready
from champ_offline.cluster.interface import Cluster, ClusterForbidden, LogUnavailable
from champ_offline.errors import Fields, Phrase, Quoted
from champ_offline.events import Cause

_NODES = 10
_LINES = 20
_SHOWN = 12
_LONGEST = 300
_LONGEST_LAST = 200


def look(cluster: Cluster, namespace: str, release: str) -> Scene:
    """What the release looks like now; raises what Cluster raises."""
    scene = Scene(cluster.parts(namespace, release))
    if not any(unready(pod) for pod in scene.of("Pod")) and _whole(scene):
        return scene
    with suppress(ClusterForbidden):
        scene = replace(scene, events=cluster.troubles(namespace))
    with suppress(ClusterForbidden):
        scene = replace(scene, nodes=tuple(_away(cluster, scene)))
    present = frozenset(
        (kind, name)
        for kind, name in configuration.named(_own(scene))
        if _is_there(cluster, kind, namespace, name)
    )
    return replace(scene, present=present)


def cause(
    found: Found, cluster: Cluster, namespace: str, hide: Callable[[str], str] = str
) -> Cause:
    """The cause with its last words, `hide` applied to every text; raises what Cluster raises."""
    lines: tuple[str, ...] = ()
    if found.log is not None:
        lines = last_words(cluster, namespace, found.log, hide)
    fields: Fields = {
        key: _hidden(value, hide) if isinstance(value, str) else value
        for key, value in found.error.fields.items()
    }
    if lines and "said" in fields:
        fields["said"] = lines[-1][:_LONGEST_LAST].rstrip(". ")
    return Cause(
        type(found.error)(**fields),
        kind=str(found.item["kind"]),
        name=str(found.item["metadata"]["name"]),
        since=found.since,
        hopeless=found.hopeless,
        log=lines,
    )


def _hidden(text: str, hide: Callable[[str], str]) -> str:
    """The same kind of text, `hide` applied; words of ours stay ours where nothing is hidden."""
    told = hide(text)
    if isinstance(text, Phrase) and told == text:
        return text
    return Quoted(told) if isinstance(text, Phrase | Quoted) else told


def last_words(
    cluster: Cluster, namespace: str, place: Place, hide: Callable[[str], str]
) -> tuple[str, ...]:
    """The last lines that a container wrote, those that say something; empty where none are had."""
    try:
        found = cluster.log_tail(
            namespace, place.pod, place.container, previous=place.previous, lines=_LINES
        )
    except (ClusterForbidden, LogUnavailable):
        return ()
    # Hidden as a whole first: a secret may have line ends of its own.
    text = "\n".join(line.text for line in found)
    lines = [line.strip()[:_LONGEST] for line in hide(text).splitlines()]
    return tuple(line for line in lines if line)[-_SHOWN:]


def _own(scene: Scene) -> Iterable[Object]:
    """The events about its pods that are waiting."""
    return [event for pod in waiting_pods(scene) for event in scene.events_of(pod, "FailedMount")]


def _whole(scene: Scene) -> bool:
    """Whether every object is well: nothing needs an explanation."""
    return all(one.ready for one in health.states(scene.objects))


def _away(cluster: Cluster, scene: Scene) -> Iterable[Object]:
    """The nodes that are not ready, of those that the release's pods are on or miss."""
    pods = [pod for pod in scene.of("Pod") if unready(pod)]
    names = {str(pod.get("spec", {}).get("nodeName") or "") for pod in pods} - {""}
    if placing.misses_nodes(pods):
        names |= {node.name for node in cluster.nodes() if not node.ready}
    for name in sorted(names)[:_NODES]:
        node = cluster.get("v1", "Node", "", name)
        if node is not None and condition(node, "Ready").get("status") != "True":
            yield node


def _is_there(cluster: Cluster, kind: str, namespace: str, name: str) -> bool:
    """Whether it can be read; what may not be read is not called missing."""
    try:
        return cluster.get("v1", kind, namespace, name) is not None
    except ClusterForbidden:
        return True
