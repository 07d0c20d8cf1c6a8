"""Look at many releases of one cluster at once: their health, and how they drifted.

Invariant: only reads. One list for each kind of object, one of Helm's records' metadata, and a dry
run for each object alone whose text is not the sealed one: 40 releases cost little more than one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from champ_offline.cluster import health
from champ_offline.cluster.interface import FIELD_MANAGER, Cluster, Preview
from champ_offline.errors import ChampError
from champ_offline.events import ObjectState
from champ_offline.helm import records
from champ_offline.helm.records import Record
from champ_offline.oci.digest import Digest
from champ_offline.release import seal
from champ_offline.release.drift.held import held
from champ_offline.release.drift.judge import Sealed, judge, key_of
from champ_offline.release.drift.values import Drift
from champ_offline.release.hidden import of_sealed
from champ_offline.release.masks import Mask
from champ_offline.release.objects import Key, items
from champ_offline.release.plan import Plan, PlanUnreadable
from champ_offline.release.records.history import Current, Revision
from champ_offline.release.records.vault import Vault, VaultMissing

Object: TypeAlias = dict[str, Any]
# Says which of some images nodes could not pull any more.
Missing: TypeAlias = Callable[[Mapping[str, Digest]], tuple[str, ...]]

_HELMS = "app.kubernetes.io/managed-by=Helm"
# Kinds in which somebody may have added to a release, whatever its chart has.
_OTHERS = (
    ("v1", "ConfigMap"),
    ("v1", "Secret"),
    ("v1", "ServiceAccount"),
    ("batch/v1", "CronJob"),
    ("networking.k8s.io/v1", "Ingress"),
    ("networking.k8s.io/v1", "NetworkPolicy"),
    ("rbac.authorization.k8s.io/v1", "Role"),
    ("rbac.authorization.k8s.io/v1", "RoleBinding"),
    ("autoscaling/v2", "HorizontalPodAutoscaler"),
    ("policy/v1", "PodDisruptionBudget"),
)
_JUDGED = {
    "Deployment": "apps/v1",
    "StatefulSet": "apps/v1",
    "DaemonSet": "apps/v1",
    "ReplicaSet": "apps/v1",
    "Job": "batch/v1",
    "Pod": "v1",
    "PersistentVolumeClaim": "v1",
    "Service": "v1",
}


@dataclass(frozen=True)
class Looked:
    """What was seen of one release; a revision that has nothing sealed cannot be compared."""

    objects: tuple[ObjectState, ...]
    drift: Drift | None


class Survey:
    """One look at the releases in `wanted`: what each should be, and which of Helm's it is."""

    def __init__(
        self,
        cluster: Cluster,
        vault: Vault,
        wanted: Sequence[tuple[Revision, Current]],
        missing: Missing,
    ) -> None:
        """Reads the sealed charts and lists the cluster's objects.

        Raises VaultMissing, and what the cluster raises.
        """
        self._cluster = cluster
        self._images = {_where(one): images_of(vault, one) for one, _ in wanted}
        self._missing = self._lacking(missing)
        places = {revision.namespace for revision, _ in wanted}
        # In one namespace a user needs no rights beyond it.
        self._namespace = places.pop() if len(places) == 1 else ""
        self._sealed = {
            _where(revision): opened(vault, revision, now.helm_revision)
            for revision, now in wanted
            if revision.sealed is not None
        }
        self._live = self._listed() if wanted else {}
        self._records = self._newest() if wanted else {}

    def look(self, revision: Revision) -> Looked:
        """One of them: each object of its own and how it is doing, and its drift."""
        namespace, release = where = _where(revision)
        here = [item for item in self._live[namespace] if item["kind"] in health.KINDS]
        own = health.belonging(here, release)
        states = self._states(namespace, own)
        sealed = self._sealed.get(where)
        if sealed is None:
            return Looked(states, None)
        pods = [item for item in own if item["kind"] == "Pod"]
        drift = judge(sealed, self._around(sealed), pods, self._record(sealed), self._ask)
        return Looked(states, replace(drift, missing=self._lacks(self._images[where])))

    def untouched(self, revision: Revision) -> bool:
        """Whether nobody touched it since: no drift, and Helm holds every field that it applied.

        Then applying its sealed chart once more would change nothing. False in doubt.
        """
        sealed = self._sealed.get(_where(revision))
        if sealed is None:
            return False
        around, record = self._around(sealed), self._record(sealed)
        drift = judge(sealed, around, (), record, self._ask)
        by_helm = record is not None and record.manager.lower() == FIELD_MANAGER
        return (
            not drift.found
            and by_helm
            and not self._lacks(self._images[_where(revision)])
            and all(held(sealed.owned(item), around[item.key]) for item in sealed.items)
        )

    def _lacks(self, images: Mapping[str, Digest] | None) -> tuple[str, ...] | None:
        if self._missing is None or images is None:
            return None
        return tuple(name for name, digest in images.items() if (name, digest) in self._missing)

    def _lacking(self, missing: Missing) -> frozenset[tuple[str, Digest]] | None:
        """Those of all images that are missing; None where an external registry cannot be asked."""
        asked: list[dict[str, Digest]] = []
        for name, digest in {pair for one in self._images.values() for pair in (one or {}).items()}:
            fits = next((one for one in asked if name not in one), None)
            if fits is None:
                asked.append(fits := {})
            fits[name] = digest
        try:
            return frozenset((name, one[name]) for one in asked for name in missing(one))
        except ChampError:
            # Of a registry that is away `champ doctor` tells; what runs is looked at all the same.
            return None

    def _listed(self) -> dict[str, list[Object]]:
        """The objects of every kind that matters, by namespace."""
        kinds = {(version, kind): "" for kind, version in _JUDGED.items()}
        sealed = (item for one in self._sealed.values() for item in one.items)
        for pair in (*_OTHERS, *((item.api_version, item.kind) for item in sealed)):
            kinds.setdefault(pair, _HELMS)
        found: dict[str, list[Object]] = defaultdict(list)
        for (version, kind), labels in kinds.items():
            for item in self._cluster.listed(version, kind, self._namespace, labels=labels):
                found[str(item["metadata"].get("namespace", ""))].append(item)
        return found

    def _newest(self) -> dict[tuple[str, str], Record]:
        where = ("v1", "Secret", self._namespace)
        return records.newest(self._cluster.listed(*where, labels=records.LABELS, names_only=True))

    def _around(self, sealed: Sealed) -> dict[Key, Object]:
        """Everything that may be the release's, and each sealed object that the lists had not."""
        places = {"", sealed.namespace, *(item.namespace for item in sealed.items)}
        found = {
            key_of(item, sealed.namespace): item for place in places for item in self._live[place]
        }
        for item in (*sealed.items, *sealed.definitions):
            if item.key not in found:
                where = (item.api_version, item.kind, item.namespace, item.name)
                live = self._cluster.get(*where)
                if live is not None:
                    found[item.key] = live
        return found

    def _record(self, sealed: Sealed) -> Record | None:
        """Helm's newest record; with its words where it is not the one that is expected."""
        record = self._records.get((sealed.namespace, sealed.release))
        if record is None or record.revision == sealed.helm_revision:
            return record
        secret = self._cluster.get("v1", "Secret", sealed.namespace, record.secret)
        return record if secret is None else Record.of(secret)

    def _ask(self, wanted: Object, namespace: str) -> Preview:
        return self._cluster.preview(wanted, namespace, force=True)

    def _states(self, namespace: str, own: Sequence[Object]) -> tuple[ObjectState, ...]:
        found = health.states(own)
        if all(state.ready for state in found):
            return found
        return health.states(own, self._cluster.troubles(namespace))


def opened(vault: Vault, revision: Revision, helm_revision: int) -> Sealed:
    """What a revision sealed; raises VaultMissing."""
    if revision.sealed is None:
        raise ValueError(revision.number)
    chart = vault.get(revision.sealed)
    rendered = seal.opened(chart)
    secrets = vault.inputs(revision.inputs).secrets if revision.inputs else ()
    where = revision.namespace
    return Sealed(
        release=revision.release,
        namespace=where,
        helm_revision=helm_revision,
        items=items(rendered.manifests, where),
        hooks=items(rendered.hooks, where),
        definitions=items(rendered.crds, where),
        mask=Mask((*secrets, *of_sealed(chart))),
    )


def images_of(vault: Vault, revision: Revision) -> dict[str, Digest] | None:
    """The images of a revision's plan by name; None where an older release of champ made it."""
    try:
        plan = Plan.from_bytes(vault.get(revision.plan))
    except (VaultMissing, PlanUnreadable):
        return None
    return {image.name: image.digest for image in plan.images}


def _where(revision: Revision) -> tuple[str, str]:
    return revision.namespace, revision.release
