"""Fields that a cluster takes once and never changes: found before the API server refuses.

Invariant: pure. Compared is what the release sets against what is there, so that what the server
filled in by itself is never taken for a difference. A field that is not known here is still refused
by the API server, as `cluster.object-refused`.

Kubernetes: validation of apps/v1, batch/v1, core/v1, rbac/v1 and storage/v1 updates.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from champ_offline.cluster.quantity import amount
from champ_offline.errors import ChampError, ExitCode, Several
from champ_offline.release.objects import Item, Object
from champ_offline.release.review.compared import at, rows, table

# What an update of a StatefulSet may touch; everything else in its spec is fixed.
_OPEN_IN_SETS = frozenset(
    {
        "replicas", "ordinals", "template", "updateStrategy", "revisionHistoryLimit",
        "persistentVolumeClaimRetentionPolicy", "minReadySeconds",
    }
)  # fmt: skip
_FIXED_IN_JOBS = ("selector", "template", "completions", "completionMode")
_FIXED_IN_CLASSES = ("provisioner", "parameters", "reclaimPolicy", "volumeBindingMode")
_FIXED_IN_CLAIMS = ("storageClassName", "accessModes", "volumeMode", "volumeName", "selector")
_SHOWN = 200


class FieldsImmutable(ChampError):
    """The release would change fields that a cluster never changes."""

    id = "release.fields-immutable"
    exit_code = ExitCode.PREFLIGHT
    message = (
        "Nothing was changed, for a cluster cannot do this in place: {refusals} (objects: {count})"
    )
    remedy = "Do what is said for each object, or answer as before; then plan again."


class _Fixed(ChampError):
    """One object with such fields."""

    exit_code = ExitCode.PREFLIGHT
    remedy = "Do what the message says, or answer as before; then plan again."


class SetFixed(_Fixed):
    """A StatefulSet's volumes, selector or service name."""

    id = "release.stateful-set-fixed"
    message = (
        "StatefulSet {name} keeps {fields} for life: run `kubectl delete statefulset {name}"
        " --cascade=orphan`, which leaves its pods and volumes alone; to enlarge volumes, enlarge"
        " its PersistentVolumeClaims as well."
    )


class SelectorFixed(_Fixed):
    """A workload's selector."""

    id = "release.selector-fixed"
    message = (
        "{kind} {name} keeps {fields} for life: delete it with kubectl in a quiet hour (its pods"
        " end); the plan then makes it anew."
    )


class JobFixed(_Fixed):
    """A Job's pod template."""

    id = "release.job-fixed"
    message = (
        "Job {name} keeps {fields} for life: once it has finished, run `kubectl delete job {name}`;"
        " it then runs again with the new settings."
    )


class ClaimFixed(_Fixed):
    """A volume's class, access or size."""

    id = "release.claim-fixed"
    message = (
        "PersistentVolumeClaim {name} keeps {fields} for life, and its volume never shrinks: answer"
        " as before, or copy the data to a volume of another name."
    )


class ContentFixed(_Fixed):
    """A ConfigMap or Secret that is marked as immutable."""

    id = "release.content-fixed"
    message = (
        "{kind} {name} is marked immutable and keeps {fields}: delete it with kubectl and restart"
        " the pods that use it; the plan then makes it anew."
    )


class ObjectFixed(_Fixed):
    """Another object with such a field."""

    id = "release.object-fixed"
    message = (
        "{kind} {name} keeps {fields} for life: delete it with kubectl; the plan then makes it"
        " anew."
    )


_ERRORS: dict[str, type[_Fixed]] = {
    "StatefulSet": SetFixed,
    "Deployment": SelectorFixed,
    "DaemonSet": SelectorFixed,
    "ReplicaSet": SelectorFixed,
    "Job": JobFixed,
    "PersistentVolumeClaim": ClaimFixed,
    "ConfigMap": ContentFixed,
    "Secret": ContentFixed,
}


def refuse(pairs: Iterable[tuple[Item, Object | None]]) -> None:
    """Raise FieldsImmutable, naming all, where objects want to differ from live ones in this."""
    found = [
        _ERRORS.get(item.kind, ObjectFixed)(
            kind=item.kind, name=item.name, fields=", ".join(fields)[:_SHOWN]
        )
        for item, live in pairs
        if live is not None and (fields := fixed(live, item.content))
    ]
    if found:
        raise FieldsImmutable(refusals=Several(found), count=len(found))


def fixed(live: Object, wanted: Object) -> tuple[str, ...]:
    """The paths of the fields that `wanted` has otherwise and the cluster will not change."""
    kind = str(wanted["kind"])
    if kind == "StatefulSet":
        return tuple(_in_set(live, wanted))
    if kind in {"Deployment", "DaemonSet", "ReplicaSet"}:
        return _differing(live, wanted, "spec", ("selector",))
    if kind == "Job":
        return _differing(live, wanted, "spec", _FIXED_IN_JOBS)
    if kind == "PersistentVolumeClaim":
        return (*_differing(live, wanted, "spec", _FIXED_IN_CLAIMS), *_shrunk(live, wanted))
    if kind in {"ConfigMap", "Secret"}:
        return tuple(_in_content(live, wanted))
    if kind in {"RoleBinding", "ClusterRoleBinding"}:
        return _differing(live, wanted, "", ("roleRef",))
    if kind == "StorageClass":
        return _differing(live, wanted, "", _FIXED_IN_CLASSES)
    if kind == "Service":
        return _address(live, wanted)
    return ()


def contains(live: object, wanted: object) -> bool:
    """Whether `live` is `wanted` with what a server fills in besides."""
    if isinstance(wanted, Mapping):
        if not isinstance(live, Mapping):
            return not wanted and live is None
        return all(contains(live.get(key), value) for key, value in wanted.items())
    if isinstance(wanted, list):
        if not isinstance(live, list) or len(live) != len(wanted):
            return not wanted and live is None
        return all(contains(one, other) for one, other in zip(live, wanted, strict=True))
    if live is None:
        return not wanted
    return live == wanted or _same_amount(live, wanted)


def _same_amount(live: object, wanted: object) -> bool:
    """Whether both are one quantity, such as `1Gi` and `1024Mi`."""
    one, other = amount(str(live)), amount(str(wanted))
    return one == other != 0


def _differing(live: Object, wanted: Object, part: str, names: Iterable[str]) -> tuple[str, ...]:
    before, after = (table(one, part) if part else one for one in (live, wanted))
    return tuple(
        f"{part}.{name}" if part else name
        for name in names
        if name in after and not contains(before.get(name), after[name])
    )


def _in_set(live: Object, wanted: Object) -> Iterator[str]:
    names = sorted(table(wanted, "spec").keys() - _OPEN_IN_SETS - {"volumeClaimTemplates"})
    yield from _differing(live, wanted, "spec", names)
    before, after = (
        {
            str(at(one, "metadata", "name")): one
            for one in rows(side, "spec", "volumeClaimTemplates")
        }
        for side in (live, wanted)
    )
    for name in sorted(before.keys() | after.keys()):
        same = name in before and name in after and _same_claim(before[name], after[name])
        if not same:
            yield f"spec.volumeClaimTemplates[{name}]"


def _same_claim(live: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    return contains(table(live, "spec"), table(wanted, "spec"))


def _shrunk(live: Object, wanted: Object) -> tuple[str, ...]:
    path = ("spec", "resources", "requests", "storage")
    before, after = at(live, *path), at(wanted, *path)
    if before and after and amount(str(after)) < amount(str(before)):
        return (".".join(path),)
    return ()


def _in_content(live: Object, wanted: Object) -> Iterator[str]:
    if wanted["kind"] == "Secret":
        yield from _differing(live, wanted, "", ("type",))
    if not live.get("immutable"):
        return
    yield from _differing(live, wanted, "", ("data", "binaryData"))
    if wanted.get("immutable") is False:
        yield "immutable"


def _address(live: Object, wanted: Object) -> tuple[str, ...]:
    before, after = at(live, "spec", "clusterIP"), at(wanted, "spec", "clusterIP")
    becomes = at(wanted, "spec", "type")
    if before and after and before != after and becomes != "ExternalName":
        return ("spec.clusterIP",)
    return ()
