"""Make plans: render once, hold images to digests, seal, compare with the cluster.

Invariant: planning writes nothing to the cluster; install, upgrade, rollback and remove all give
the same kind of value, and a rollback goes the way of an upgrade, from an older sealed chart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from champ_offline.cluster.interface import Cluster, Node
from champ_offline.helm.engine import Capabilities, Document, HelmEngine, Rendered
from champ_offline.helm.faults import ReleaseNameTaken, ReleaseUnknown
from champ_offline.oci.digest import Digest
from champ_offline.preflight.change import Planned
from champ_offline.preflight.concern import Concern, ordered
from champ_offline.preflight.ownership import since
from champ_offline.release import base, seal
from champ_offline.release.actions import Comparison, actions
from champ_offline.release.autoscaled import autoscalers, left_alone
from champ_offline.release.base import Base, NeverDeployed
from champ_offline.release.images.digests import Image, Pinned, pin
from champ_offline.release.masks import Mask
from champ_offline.release.objects import Object, items, items_of_manifest
from champ_offline.release.ownership import of_others
from champ_offline.release.plan import Operation, Plan
from champ_offline.release.prospect import buildable, foretold, masked, prospect
from champ_offline.release.records.history import History, Outcome, Revision
from champ_offline.release.records.recorded import recorded
from champ_offline.release.records.vault import Inputs, Vault
from champ_offline.release.request import ReleaseRequest, check_names
from champ_offline.release.review.answers import compare
from champ_offline.release.review.compared import Compared
from champ_offline.release.review.effects import Effect, effects
from champ_offline.release.review.estimate import Estimate, estimate
from champ_offline.release.review.irreversible import irreversible
from champ_offline.release.review.pulls import loads, pulls
from champ_offline.release.source import source

_WELL = frozenset({Outcome.DEPLOYED, Outcome.REMOVED})


@dataclass(frozen=True)
class _Wanted:
    """What a plan leads to, whether it was asked for or comes from an older revision."""

    operation: Operation
    release: str
    namespace: str
    app: str
    version: str
    chart: bytes = field(repr=False)
    inputs: Inputs = field(repr=False)
    images: Mapping[str, Digest] = field(hash=False)
    target: int = 0
    defaults: Mapping[str, Any] = field(default_factory=dict, repr=False, hash=False)


class Planner:
    """`size` gives an image's bytes by digest (and raises where the store lacks it).

    `registry` (host:port/prefix) is set only where nodes have no mirror and references must be
    rewritten; `refuse_missing` raises for images that nodes could not pull; `preflight` says what
    stands in the way of a change. `nodes` gives the cluster's, where somebody remembers them.
    """

    def __init__(
        self,
        engine: HelmEngine,
        cluster: Cluster,
        history: History,
        vault: Vault,
        *,
        zone: str,
        now: Callable[[], datetime],
        size: Callable[[Digest], int],
        registry: str = "",
        refuse_missing: Callable[[Mapping[str, Digest]], None] | None = None,
        preflight: Callable[[Planned], tuple[Concern, ...]] = lambda _planned: (),
        nodes: Callable[[], Sequence[Node]] | None = None,
    ) -> None:
        self._engine = engine
        self._cluster = cluster
        self._history = history
        self._vault = vault
        self._zone = zone
        self._now = now
        self._size = size
        self._registry = registry
        self._refuse_missing = refuse_missing
        self._preflight = preflight
        self._nodes = nodes or cluster.nodes

    def change(self, request: ReleaseRequest) -> Plan:
        """Install the release, or upgrade it where it exists."""
        found = self._base(request.release, request.namespace)
        return self._upgrade(request, found) if found.exists else self._install(request, found)

    def install(self, request: ReleaseRequest) -> Plan:
        """Raises ReleaseNameTaken, ImagesMissing, RecordTooLarge and the engine's errors."""
        return self._install(request, self._base(request.release, request.namespace))

    def upgrade(self, request: ReleaseRequest) -> Plan:
        """Raises ReleaseUnknown, NeverDeployed, ImagesMissing, RecordTooLarge, engine's errors."""
        return self._upgrade(request, self._base(request.release, request.namespace))

    def stands(self, request: ReleaseRequest, revision: Revision) -> bool:
        """Whether `revision`, which the cluster has untouched, is what the request would make.

        The same inputs, and the same source: then an upgrade would render what is sealed already.
        False in doubt, of which a plan tells more. Raises ImagesMissing.
        """
        if revision.inputs is None or (revision.app, revision.version) != (
            request.app,
            request.version,
        ):
            return False
        wanted = self._asked(Operation.UPGRADE, request)
        found = self._source(wanted)
        made = recorded(self._vault.get(revision.plan))
        if found is None or found != made.source:
            return False
        if self._refuse_missing is not None:
            self._refuse_missing({image.name: image.digest for image in made.images})
        return Digest.of(wanted.inputs.to_bytes()) == revision.inputs

    def rollback(self, release: str, namespace: str, number: int) -> Plan:
        """Return to revision `number` of ours; raises RevisionUnknown, VaultMissing too."""
        check_names(release, namespace)
        old = self._history.revision(self._cluster.identity(), namespace, release, number)
        if old.sealed is None or old.inputs is None:
            raise ReleaseUnknown(release=release, namespace=namespace)
        plan = recorded(self._vault.get(old.plan))
        wanted = _Wanted(
            operation=Operation.ROLLBACK,
            release=release,
            namespace=namespace,
            app=old.app,
            version=old.version,
            chart=self._vault.get(old.sealed),
            inputs=self._vault.inputs(old.inputs),
            images={image.name: image.digest for image in plan.images},
            target=number,
        )
        return self._changed(wanted, _standing(self._base(release, namespace), release, namespace))

    def remove(self, release: str, namespace: str) -> Plan:
        """Take the release away; raises ReleaseUnknown."""
        check_names(release, namespace)
        found = self._base(release, namespace)
        if not found.exists:
            raise ReleaseUnknown(release=release, namespace=namespace)
        now = self._history.current(found.cluster, namespace, release)
        present = self._present(now)
        mask = Mask(present.secrets if present else ())
        comparison = Comparison(self._cluster, release, namespace)
        compared = comparison.removal(
            items_of_manifest(found.manifest, namespace), self._hooks(now)
        )
        claims = comparison.claims(compared)
        app = now.app if now else ""
        return Plan(
            operation=Operation.REMOVE,
            zone=self._zone,
            cluster=found.cluster,
            release=release,
            namespace=namespace,
            new_namespace=False,
            app=app,
            from_version=now.version if now else found.app_version,
            to_version="",
            base_revision=found.revision,
            base_manifest=found.digest,
            target=0,
            actions=actions(compared, mask, self._vault.salt(found.cluster, namespace, release)),
            images=(),
            sealed=None,
            values=None,
            created=self._now().isoformat(),
            effects=_masked(effects(compared, claims, removal=True), mask),
            irreversible=irreversible(compared, claims, removed=release),
            estimate=self._estimate(Operation.REMOVE, release, namespace, app),
        )

    def _install(self, request: ReleaseRequest, found: Base) -> Plan:
        if found.exists:
            raise ReleaseNameTaken(release=request.release, namespace=request.namespace)
        return self._changed(self._asked(Operation.INSTALL, request), found)

    def _upgrade(self, request: ReleaseRequest, found: Base) -> Plan:
        _standing(found, request.release, request.namespace)
        return self._changed(self._asked(Operation.UPGRADE, request), found)

    def _hooks(self, now: Revision | None) -> tuple[Document, ...]:
        """The hooks of the revision in the cluster, as sealed; none where it is not ours."""
        if now is None or now.sealed is None or now.inputs is None:
            return ()
        offer = self._cluster.offer()
        rendered = self._engine.render(
            self._vault.get(now.sealed),
            now.release,
            now.namespace,
            self._vault.inputs(now.inputs).values,
            upgrade=False,
            capabilities=Capabilities(offer.version, offer.api_versions),
        )
        return rendered.hooks

    def _asked(self, operation: Operation, request: ReleaseRequest) -> _Wanted:
        salt = self._vault.salt(self._cluster.identity(), request.namespace, request.release)
        return _Wanted(
            operation=operation,
            release=request.release,
            namespace=request.namespace,
            app=request.app,
            version=request.version,
            chart=request.chart,
            inputs=Inputs(request.answers, request.values, request.secrets, salt),
            images=request.images,
            defaults=request.defaults,
        )

    def _present(self, now: Revision | None) -> Inputs | None:
        """What the revision in the cluster was made of; None where it is not ours."""
        return self._vault.inputs(now.inputs) if now and now.inputs else None

    def _estimate(self, operation: Operation, release: str, namespace: str, app: str) -> Estimate:
        def took(revisions: Iterable[Revision]) -> list[float]:
            return [
                one.seconds
                for one in revisions
                if one.operation is operation and one.outcome in _WELL
            ]

        own = took(self._history.revisions(self._cluster.identity(), namespace, release))
        return estimate(own, took(self._history.of_app(app)) if app else ())

    def _base(self, release: str, namespace: str) -> Base:
        salt = self._vault.salt(self._cluster.identity(), namespace, release)
        return base.read(self._engine, self._cluster, release, namespace, salt)

    def _changed(self, wanted: _Wanted, found: Base) -> Plan:
        now = self._history.current(found.cluster, wanted.namespace, wanted.release)
        present = self._present(now)
        # What is secret no more stands in the cluster still, and on the left of a difference.
        secrets = {*wanted.inputs.secrets, *(present.secrets if present else ())}
        mask = Mask(secrets)
        with mask.errors():
            plan = self._composed(wanted, found, mask)
        before = present.answers if present else wanted.defaults
        return replace(
            plan,
            from_version=now.version if now else found.app_version,
            answers=compare(before, wanted.inputs.answers, secrets),
        )

    def _composed(self, wanted: _Wanted, found: Base, mask: Mask) -> Plan:
        fresh = not found.place
        scalers = () if fresh else autoscalers(self._cluster, wanted.namespace)
        pinned = self._pinned(wanted, found, scalers)
        images = tuple(Image(name, at, self._size(at)) for name, at in pinned.images.items())
        sealed, record = self._sealed(wanted, pinned.rendered)
        where = (wanted.release, wanted.namespace)
        concerns = self._preflight(prospect(*where, found, pinned.rendered, images, record))
        if buildable(concerns):
            self._try(wanted, found, pinned.rendered, sealed)
        compared, claims = self._compared(wanted, found, pinned.rendered, concerns, fresh=fresh)
        elsewhere = self._elsewhere(wanted, found)
        fetched = pulls(images, compared, self._nodes())
        made = wanted.namespace if fresh else ""
        salt = self._vault.salt(found.cluster, wanted.namespace, wanted.release)
        return Plan(
            operation=wanted.operation,
            zone=self._zone,
            cluster=found.cluster,
            release=wanted.release,
            namespace=wanted.namespace,
            new_namespace=fresh,
            app=wanted.app,
            from_version="",
            to_version=wanted.version,
            base_revision=found.revision,
            base_manifest=found.digest,
            target=wanted.target,
            actions=actions(compared, mask, salt, scalers),
            images=images,
            sealed=self._vault.put(sealed),
            values=self._vault.put(wanted.inputs.to_bytes()),
            created=self._now().isoformat(),
            pulls=fetched,
            loads=loads(fetched),
            effects=_masked(effects(compared, claims, removal=False, new_namespace=made), mask),
            irreversible=irreversible(compared, claims),
            estimate=self._estimate(wanted.operation, wanted.release, wanted.namespace, wanted.app),
            concerns=masked(ordered((*concerns, *of_others(compared), *elsewhere)), mask),
            source=self._source(wanted),
        )

    def _source(self, wanted: _Wanted) -> Digest | None:
        """What it is rendered from; a sealed chart is no source."""
        if wanted.operation is Operation.ROLLBACK:
            return None
        given = (wanted.chart, wanted.inputs.values, wanted.images, self._registry)
        return source(*given, self._cluster.offer())

    def _elsewhere(self, wanted: _Wanted, found: Base) -> tuple[Concern, ...]:
        """What was done with another Helm since this zone's last change."""
        place = (found.cluster, wanted.namespace, wanted.release)
        now = next(
            (one for one in self._history.releases(found.cluster) if one.place == place), None
        )
        release = f"{wanted.namespace}/{wanted.release}"
        return since(release, now.helm_revision, found.revision) if now else ()

    def _pinned(self, wanted: _Wanted, found: Base, scalers: tuple[Object, ...]) -> Pinned:
        """What is rendered, without what autoscalers hold, its images held to digests."""
        whole = self._rendered(wanted, found)
        rendered = left_alone(whole, wanted.namespace, scalers, self._cluster)
        pinned = pin(rendered, wanted.images, self._registry)
        if self._refuse_missing is not None:
            self._refuse_missing(pinned.images)
        return pinned

    def _compared(
        self,
        wanted: _Wanted,
        found: Base,
        rendered: Rendered,
        concerns: tuple[Concern, ...],
        *,
        fresh: bool,
    ) -> tuple[tuple[Compared, ...], frozenset[str]]:
        """Every object, and the names of the claims that are there."""
        where = (wanted.release, wanted.namespace)
        comparison = Comparison(self._cluster, *where, foretold(concerns))
        old = items_of_manifest(found.manifest, wanted.namespace)
        compared = comparison.change(old, rendered, upgrade=found.exists, new_namespace=fresh)
        return compared, frozenset() if fresh else comparison.claims(compared)

    def _rendered(self, wanted: _Wanted, found: Base) -> Rendered:
        offer = self._cluster.offer()
        return self._engine.render(
            wanted.chart,
            wanted.release,
            wanted.namespace,
            wanted.inputs.values,
            upgrade=found.exists,
            capabilities=Capabilities(offer.version, offer.api_versions),
            revision=found.revision + 1,
        )

    def _sealed(self, wanted: _Wanted, rendered: Rendered) -> tuple[bytes, int]:
        """The sealed chart, and the size of the record that Helm would keep of it."""
        sealed = seal.seal(wanted.chart, rendered, wanted.inputs.salt)
        record = seal.check_record(wanted.release, sealed, rendered, wanted.inputs.values)
        return sealed, record

    def _try(self, wanted: _Wanted, found: Base, rendered: Rendered, sealed: bytes) -> None:
        """Let Helm itself try the sealed chart against the cluster."""
        values: Mapping[str, Any] = wanted.inputs.values
        # Helm cannot try objects of kinds whose definition it would only install.
        definitions = items(rendered.crds, wanted.namespace)
        if all(
            self._cluster.get(item.api_version, item.kind, item.namespace, item.name)
            for item in definitions
        ):
            self._engine.check(
                sealed, wanted.release, wanted.namespace, values, upgrade=found.exists
            )


def _standing(found: Base, release: str, namespace: str) -> Base:
    if not found.exists:
        raise ReleaseUnknown(release=release, namespace=namespace)
    if not found.deployed:
        raise NeverDeployed(release=release, namespace=namespace)
    return found


def _masked(found: Iterable[Effect], mask: Mask) -> tuple[Effect, ...]:
    return tuple(
        replace(one, fields={name: mask.text(text) for name, text in one.fields.items()})
        for one in found
    )
