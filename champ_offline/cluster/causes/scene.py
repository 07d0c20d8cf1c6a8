"""What a cluster shows of one release at one moment, and how its objects hang together.

Invariant: pure; plain objects as the API server gives them, in whatever order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, TypeAlias

from champ_offline.cluster import health
from champ_offline.cluster.causes.words import Trouble
from champ_offline.errors import Fields, Quoted

Object: TypeAlias = dict[str, Any]

_LONGEST = 300
_REVISION = "deployment.kubernetes.io/revision"
_TEMPLATE = "deprecated.daemonset.template.generation"


@dataclass(frozen=True)
class Place:
    """Whose log has the last words; `previous`: it was started anew since."""

    pod: str
    container: str
    previous: bool = False


@dataclass(frozen=True)
class Found:
    """A cause as it is judged: about `item`, `since` (the cluster's time, or empty).

    `soft` is what may belong to any good start; `log` says where last words are to be had, and
    `restarts` of the container are a part of its identity: each time it says something else.
    """

    error: Trouble
    item: Object
    since: str = ""
    hopeless: bool = False
    soft: bool = False
    log: Place | None = None
    restarts: int = 0

    @property
    def key(self) -> tuple[str, str]:
        """The same trouble of the same object; one made anew under its name is another."""
        return (self.error.id, str(self.item["metadata"].get("uid", name(self.item))))

    @property
    def silent(self) -> Found:
        """The same without anything that the app itself said."""
        return replace(self, error=self.error.quiet(), log=None)


@dataclass(frozen=True)
class Scene:
    """`objects` of the release, `events` that explain them, `nodes` that are not ready.

    `present` are Secrets and ConfigMaps, as (kind, name), which an event misses and which are there
    by now: an event stays when what it tells of is over.
    """

    objects: Sequence[Object]
    events: Sequence[Object] = ()
    nodes: Sequence[Object] = ()
    present: frozenset[tuple[str, str]] = field(default=frozenset())

    def of(self, *kinds: str) -> list[Object]:
        """The objects of these kinds, by name."""
        return sorted((one for one in self.objects if one["kind"] in kinds), key=name)

    def events_of(self, item: Object, *reasons: str) -> list[Object]:
        """What was told about exactly this object with one of the reasons, newest first."""
        found = [
            event
            for event in self.events
            if event.get("reason") in reasons and _about(event["involvedObject"], item)
        ]
        return sorted(found, key=last_time, reverse=True)

    def owner(self, item: Object) -> Object | None:
        """What made it; None where that is nothing of the release."""
        for reference in item["metadata"].get("ownerReferences") or []:
            if reference.get("uid") in self._by_uid:
                return self._by_uid[reference["uid"]]
        return None

    def head(self, item: Object) -> Object:
        """The workload it belongs to in the end; the object itself where nobody owns it."""
        while (above := self.owner(item)) is not None:
            item = above
        return item

    def outdated(self, item: Object) -> bool:
        """Whether it is of an older template than its workload has now."""
        above = self.owner(item)
        if above is None:
            return False
        if item["kind"] == "ReplicaSet":
            return _number(item) < max(_number(one) for one in self._siblings(item))
        labels = item["metadata"].get("labels") or {}
        if above["kind"] == "StatefulSet":
            wanted = (above.get("status") or {}).get("updateRevision")
            return bool(wanted) and labels.get("controller-revision-hash") not in {None, wanted}
        if above["kind"] == "DaemonSet":
            wanted = (above["metadata"].get("annotations") or {}).get(_TEMPLATE)
            return bool(wanted) and labels.get("pod-template-generation") not in {None, wanted}
        return self.outdated(above)

    @cached_property
    def _by_uid(self) -> dict[str, Object]:
        return {one["metadata"]["uid"]: one for one in self.objects if one["metadata"].get("uid")}

    def _siblings(self, item: Object) -> list[Object]:
        above = self.owner(item)
        return [one for one in self.of("ReplicaSet") if self.owner(one) is above]


def name(item: Object) -> str:
    """Its metadata.name."""
    return str(item["metadata"]["name"])


def about(item: Object) -> Fields:
    """The fields `kind` and `name` of every cause."""
    return {"kind": str(item["kind"]), "name": name(item)}


def status(item: Object) -> Object:
    """Its status, empty where its controller gave none yet."""
    found: Object = item.get("status") or {}
    return found


def condition(item: Object, kind: str) -> Object:
    """Its condition of that type, empty where it has none."""
    for one in status(item).get("conditions") or []:
        if one.get("type") == kind:
            found: Object = one
            return found
    return {}


def ending(item: Object) -> bool:
    """Whether it is on its way out."""
    return bool(item["metadata"].get("deletionTimestamp"))


def unready(pod: Object) -> bool:
    """Whether a pod neither serves nor has ended well."""
    return not health.state(pod).ready


def words(text: object) -> Quoted:
    """What the cluster said, on one line, of bounded length and without its full stop."""
    return Quoted(" ".join(str(text or "").split())[:_LONGEST].rstrip(". ") or "-")


def first_time(event: Object) -> str:
    """When an event was first told."""
    found = event.get("firstTimestamp") or event.get("eventTime")
    return moment(found or event.get("metadata", {}).get("creationTimestamp"))


def last_time(event: Object) -> str:
    """When an event was told last."""
    series = (event.get("series") or {}).get("lastObservedTime")
    return moment(series or event.get("lastTimestamp")) or first_time(event)


def moment(text: object) -> str:
    """A time as the API server writes it, to the second, so that texts compare as times do."""
    try:
        found = datetime.fromisoformat(str(text or ""))
    except ValueError:
        return ""
    return found.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _about(involved: Object, item: Object) -> bool:
    if involved.get("kind") != item["kind"] or involved.get("name") != name(item):
        return False
    own, told = item["metadata"].get("uid"), involved.get("uid")
    return own is None or told is None or own == told


def _number(item: Object) -> int:
    found = (item["metadata"].get("annotations") or {}).get(_REVISION, "0")
    return int(found) if str(found).isdigit() else 0
