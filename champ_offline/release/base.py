"""What a plan starts from: the release as Helm records it, and whether it still is so.

Invariant: a plan is applied only on the very cluster, revision and manifest it was made on.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from champ_offline.cluster.interface import Cluster
from champ_offline.errors import ChampError, ExitCode
from champ_offline.helm.engine import DEPLOYED, PENDING, SUPERSEDED, HelmEngine
from champ_offline.helm.faults import ReleaseBusy
from champ_offline.oci.digest import Digest
from champ_offline.release.plan import Plan


class PlanStale(ChampError):
    """The cluster is no longer as it was when the plan was made."""

    id = "release.plan-stale"
    exit_code = ExitCode.PREFLIGHT
    message = "Nothing was changed: since release {release} was planned, {moved}."
    remedy = "Plan again and review what is different now."


class NeverDeployed(ChampError):
    """Helm has a record of the release, but none of its revisions ever stood."""

    id = "release.never-deployed"
    exit_code = ExitCode.PREFLIGHT
    message = "Release {release} in namespace {namespace} was never deployed well."
    remedy = "Remove it with `champ remove {release}`, then install again."


@dataclass(frozen=True)
class Base:
    """Helm's newest revision (0: none) and manifest, and the salted digest of the latter."""

    cluster: str
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
    """The release as it is; raises ReleaseBusy while Helm works on it."""
    identity = cluster.identity()
    found = engine.status(release, namespace)
    if found is None:
        return Base(identity, 0, "", None, "", deployed=False)
    if found.status in PENDING:
        raise ReleaseBusy(release=release, namespace=namespace)
    standing = found.status == DEPLOYED or any(
        one.status in {DEPLOYED, SUPERSEDED} for one in engine.history(release, namespace)
    )
    digest = Digest.of(salt.encode() + found.manifest.encode())
    return Base(identity, found.revision, found.manifest, digest, found.app_version, standing)


def check(plan: Plan, found: Base) -> None:
    """Raise PlanStale, saying what moved, unless `found` is what the plan starts from."""
    if found.cluster != plan.cluster:
        moved = "the kubeconfig leads to another cluster"
    elif found.revision != plan.base_revision:
        moved = (
            f"its revision went from {plan.base_revision or 'none'} to {found.revision or 'none'}"
        )
    elif found.digest != plan.base_manifest:
        moved = "the objects of its revision changed"
    else:
        return
    raise PlanStale(release=plan.release, moved=moved)
