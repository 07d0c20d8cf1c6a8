"""What the clusters of a plan run once it is applied, from the plan and the zone's history.

Invariant: no cluster is asked. What the plan does not change is taken as the zone applied it last,
so that an export is whole and not only what changes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from champ_offline.errors import ChampError, ExitCode, Quoted
from champ_offline.helm.engine import Rendered
from champ_offline.oci.digest import Digest
from champ_offline.release import hidden, seal
from champ_offline.release.clusters import Clusters
from champ_offline.release.plan import Operation, Plan
from champ_offline.release.records.history import History, Revision
from champ_offline.release.records.vault import Vault
from champ_offline.site.gitops.application import Application
from champ_offline.site.plan import SitePlan


class NotPlannedYet(ChampError):
    """A member of a site plan has no sealed objects: it is planned when its turn comes."""

    id = "gitops.not-planned-yet"
    exit_code = ExitCode.PREFLIGHT
    message = "Nothing was exported: {name} is planned only when its turn comes ({reason})."
    remedy = "Apply what it needs, plan the site again, and export that plan."


@dataclass(frozen=True)
class _Step:
    """One plan of a site plan: on the cluster of that name, in that wave, after those."""

    cluster: str
    plan: Plan
    wave: int
    needs: tuple[tuple[str, str], ...] = ()

    @property
    def place(self) -> tuple[str, str, str]:
        return (self.plan.cluster, self.plan.namespace, self.plan.release)


class Gatherer:
    """Of one zone."""

    def __init__(self, history: History, vault: Vault, clusters: Clusters) -> None:
        self._history, self._vault, self._clusters = history, vault, clusters

    def of_site(self, plan: SitePlan) -> tuple[Application, ...]:
        """Raises NotPlannedYet, ClusterUnknown, VaultMissing."""
        steps: dict[str, _Step] = {}
        for wave, members in enumerate(plan.waves, start=1):
            for one in members:
                if one.plan is None:
                    raise NotPlannedYet(name=one.name, reason=Quoted(one.later))
                cluster = one.name.partition("/")[0]
                before = (steps[name] for name in one.needs)
                needs = tuple(
                    (step.cluster, f"{step.plan.namespace}.{step.plan.release}")
                    for step in before
                    if step.plan.operation is not Operation.REMOVE
                )
                made = Plan.from_bytes(self._vault.get(one.plan))
                steps[one.name] = _Step(cluster, made, wave, needs)
        names = {step.plan.cluster: step.cluster for step in steps.values()}
        for unchanged in plan.unchanged:
            found = self._clusters.one(unchanged.partition("/")[0])
            names[found.identity] = found.name
        return tuple(self._all({step.place: step for step in steps.values()}, names))

    def of_plan(self, plan: Plan) -> tuple[Application, ...]:
        """The same for the plan of one release; raises VaultMissing."""
        step = _Step(self._clusters.name(plan.cluster), plan, 1)
        return tuple(self._all({step.place: step}, {plan.cluster: step.cluster}))

    def _all(
        self, steps: Mapping[tuple[str, str, str], _Step], names: Mapping[str, str]
    ) -> Iterator[Application]:
        for step in steps.values():
            if step.plan.operation is not Operation.REMOVE:
                yield self._planned(step)
        for identity, name in names.items():
            for now in self._history.standing(None, None, identity):
                if now.place not in steps:
                    yield self._standing(name, now)

    def _planned(self, step: _Step) -> Application:
        plan = step.plan
        rendered, secrets = self._opened(plan.sealed, plan.values)
        return Application(
            cluster=step.cluster,
            namespace=plan.namespace,
            release=plan.release,
            app=plan.app,
            version=plan.to_version,
            plan=plan.digest,
            sealed=plan.sealed,
            wave=step.wave,
            needs=tuple(sorted(name for at, name in step.needs if at == step.cluster)),
            elsewhere=tuple(f"{at}/{name}" for at, name in step.needs if at != step.cluster),
            rendered=rendered,
            secrets=secrets,
        )

    def _standing(self, cluster: str, now: Revision) -> Application:
        rendered, secrets = self._opened(now.sealed, now.inputs)
        return Application(
            cluster=cluster,
            namespace=now.namespace,
            release=now.release,
            app=now.app,
            version=now.version,
            plan=now.plan,
            sealed=now.sealed,
            wave=0,
            needs=(),
            elsewhere=(),
            rendered=rendered,
            secrets=secrets,
        )

    def _opened(
        self, sealed: Digest | None, inputs: Digest | None
    ) -> tuple[Rendered, frozenset[str]]:
        """The objects, and the texts that no file may hold."""
        chart = b"" if sealed is None else self._vault.get(sealed)
        secrets = hidden.of_sealed(chart)
        if inputs is not None:
            secrets |= set(self._vault.inputs(inputs).secrets)
        return seal.opened(chart), frozenset(secrets)
