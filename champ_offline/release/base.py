"""What a plan starts from: the release as Helm records it, and whether it still is so.

Invariant: a plan is applied only on the very cluster, revision, manifest and live objects that it
was made on; what moved is named.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from champ_offline.cluster.interface import Cluster
from champ_offline.errors import ChampError, ExitCode, Phrases
from champ_offline.helm.engine import DEPLOYED, PENDING, SUPERSEDED, HelmEngine
from champ_offline.helm.faults import ReleaseBusy
from champ_offline.oci.digest import Digest
from champ_offline.release import live
from champ_offline.release.autoscaled import autoscalers
from champ_offline.release.live import Place
from champ_offline.release.objects import Object
from champ_offline.release.plan import Action, Plan
from champ_offline.release.review import guard
from champ_offline.release.review.compared import at
from champ_offline.release.review.guard import Moved
from champ_offline.release.review.volumes import CLAIM


class PlanStale(ChampError):
    """The cluster is no longer as it was when the plan was made; a subclass says what moved."""

    exit_code = ExitCode.PREFLIGHT
    remedy = "Plan again and review what is different now."


class ClusterIsAnother(PlanStale):
    """The plan was made on another cluster than the one it shall be applied to."""

    id = "release.plan-for-another-cluster"
    message = "Nothing was changed: {release} was planned for another cluster than this one."
    remedy = "Name the kubeconfig of the cluster that was planned on, or plan again for this one."


class RevisionMoved(PlanStale):
    """The release has another revision than when it was planned."""

    id = "release.plan-revision-moved"
    message = (
        "Nothing was changed: since {release} was planned, Helm's revision of it went from"
        " {planned} to {found} (0: there is none)."
    )


class ManifestMoved(PlanStale):
    """Helm's record of the very revision holds other objects than when it was planned."""

    id = "release.plan-manifest-moved"
    message = (
        "Nothing was changed: since {release} was planned, Helm's record of its revision {found}"
        " was altered."
    )


class ObjectsMoved(PlanStale):
    """Live objects that the plan touches were changed, removed or made by somebody else."""

    id = "release.plan-objects-moved"
    message = (
        "Nothing was changed: since {release} was planned, {count} object(s) moved: {objects}."
    )
    remedy = "Find out who changed them, then plan again and review what is different now."


class NeverDeployed(ChampError):
    """Helm has a record of the release, but none of its revisions ever stood."""

    id = "release.never-deployed"
    exit_code = ExitCode.PREFLIGHT
    message = "Release {release} in namespace {namespace} was never deployed well."
    remedy = "Remove it with `champ remove {release}`, then install again."


@dataclass(frozen=True)
class Base:
    """Helm's newest revision (0: none) and manifest, and the salted digest of the latter.

    `place` says whether the namespace is there.
    """

    cluster: str
    place: bool
    revision: int
    manifest: str = field(repr=False)
    digest: Digest | None
    app_version: str
    deployed: bool

    @property
    def exists(self) -> bool:
        """Whether Helm has the release."""
        return self.revision > 0


def read(engine: HelmEngine, cluster: Cluster, release: str, namespace: str, salt: str) -> Base:
    """The release as it is; raises ReleaseBusy while Helm works on it.

    Helm keeps its records in the namespace: where there is none it is not asked for any.
    """
    identity, place = cluster.identity(), cluster.has_namespace(namespace)
    found = engine.status(release, namespace) if place else None
    if found is None:
        return Base(identity, place, 0, "", None, "", deployed=False)
    if found.status in PENDING:
        raise ReleaseBusy(release=release, namespace=namespace)
    standing = found.status == DEPLOYED or any(
        one.status in {DEPLOYED, SUPERSEDED} for one in engine.history(release, namespace)
    )
    digest = Digest.of(salt.encode() + found.manifest.encode())
    return Base(
        identity, place, found.revision, found.manifest, digest, found.app_version, standing
    )


def check(plan: Plan, found: Base) -> None:
    """Raise PlanStale, saying what moved, unless `found` is what the plan starts from."""
    if found.cluster != plan.cluster:
        raise ClusterIsAnother(release=plan.release)
    if found.revision != plan.base_revision:
        raise RevisionMoved(release=plan.release, planned=plan.base_revision, found=found.revision)
    if found.digest != plan.base_manifest:
        raise ManifestMoved(release=plan.release, found=found.revision)


def check_objects(
    plan: Plan,
    cluster: Cluster,
    salt: str,
    left: Collection[str] = frozenset(),
    *,
    there: bool = True,
) -> None:
    """Raise ObjectsMoved, naming each, unless all live objects are as they were planned on.

    `salt` is the release's, `left` the UIDs of claims that own attempts at this plan made:
    these may have come since. `there` says whether the namespace is. Asks the cluster once for each
    kind, not for each object.
    """
    guarded = {_place(action): action for action in plan.actions if action.guard}
    found = live.read(cluster, guarded, "" if there else plan.namespace)
    scalers = autoscalers(cluster, plan.namespace) if there else ()
    scaled = guard.scaled([*found.values(), *scalers])
    moves = [
        guard.told(action.kind, action.name, moved)
        for place, action in guarded.items()
        if (moved := guard.moved(action.guard, _now(found[place], action, salt, scaled)))
        and not (moved is Moved.MADE and _left(found[place], left))
    ]
    if moves:
        raise ObjectsMoved(release=plan.release, count=len(moves), objects=Phrases(moves))


def _left(there: Object | None, left: Collection[str]) -> bool:
    claim = there is not None and there["kind"] == CLAIM
    return claim and at(there, "metadata", "uid") in left


def _place(action: Action) -> Place:
    return Place(action.api_version, action.kind, action.namespace, action.name)


def _now(
    there: Object | None, action: Action, salt: str, scaled: Collection[tuple[str, str]]
) -> str:
    return guard.guard(there, salt, scaled=(action.kind, action.name) in scaled)
