"""Make plans: render once, hold images to digests, seal, compare with the cluster.

Invariant: planning writes nothing to the cluster; install, upgrade, rollback and remove all give
the same kind of value, and a rollback goes the way of an upgrade, from an older sealed chart.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from champ_offline.cluster.interface import Cluster
from champ_offline.helm.engine import Capabilities, Document, HelmEngine, Rendered
from champ_offline.helm.faults import ReleaseNameTaken, ReleaseUnknown
from champ_offline.oci.digest import Digest
from champ_offline.release import base, seal
from champ_offline.release.actions import Comparison
from champ_offline.release.base import Base, NeverDeployed
from champ_offline.release.history import History, Revision
from champ_offline.release.images import Image, pin
from champ_offline.release.masks import Mask
from champ_offline.release.objects import items, items_of_manifest
from champ_offline.release.plan import Operation, Plan
from champ_offline.release.request import ReleaseRequest, check_names
from champ_offline.release.vault import Inputs, Vault


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


class Planner:
    """`size` gives an image's bytes by digest (and raises where the store lacks it).

    `registry` (host:port/prefix) is set only where nodes have no mirror and references must be
    rewritten; `refuse_missing` raises for images that nodes could not pull.
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

    def change(self, request: ReleaseRequest) -> Plan:
        """Install the release, or upgrade it where it exists."""
        exists = self._engine.status(request.release, request.namespace) is not None
        return self.upgrade(request) if exists else self.install(request)

    def install(self, request: ReleaseRequest) -> Plan:
        """Raises ReleaseNameTaken, ImagesMissing, RecordTooLarge and the engine's errors."""
        found = self._base(request.release, request.namespace)
        if found.exists:
            raise ReleaseNameTaken(release=request.release, namespace=request.namespace)
        return self._changed(self._asked(Operation.INSTALL, request), found)

    def upgrade(self, request: ReleaseRequest) -> Plan:
        """Raises ReleaseUnknown, NeverDeployed, ImagesMissing, RecordTooLarge, engine's errors."""
        found = self._standing(request.release, request.namespace)
        return self._changed(self._asked(Operation.UPGRADE, request), found)

    def rollback(self, release: str, namespace: str, number: int) -> Plan:
        """Return to revision `number` of ours; raises RevisionUnknown, VaultMissing too."""
        check_names(release, namespace)
        old = self._history.revision(namespace, release, number)
        if old.sealed is None or old.inputs is None:
            raise ReleaseUnknown(release=release, namespace=namespace)
        plan = Plan.from_bytes(self._vault.get(old.plan))
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
        return self._changed(wanted, self._standing(release, namespace))

    def remove(self, release: str, namespace: str) -> Plan:
        """Take the release away; raises ReleaseUnknown."""
        check_names(release, namespace)
        found = self._base(release, namespace)
        if not found.exists:
            raise ReleaseUnknown(release=release, namespace=namespace)
        now = self._history.current(namespace, release)
        mask = Mask(self._vault.inputs(now.inputs).secrets if now and now.inputs else ())
        comparison = Comparison(self._cluster, release, namespace, mask)
        return Plan(
            operation=Operation.REMOVE,
            zone=self._zone,
            cluster=found.cluster,
            release=release,
            namespace=namespace,
            new_namespace=False,
            app=now.app if now else "",
            from_version=now.version if now else found.app_version,
            to_version="",
            base_revision=found.revision,
            base_manifest=found.digest,
            target=0,
            actions=comparison.removal(
                items_of_manifest(found.manifest, namespace), self._hooks(now)
            ),
            images=(),
            sealed=None,
            values=None,
            created=self._now().isoformat(),
        )

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
        salt = self._vault.salt(request.namespace, request.release)
        return _Wanted(
            operation=operation,
            release=request.release,
            namespace=request.namespace,
            app=request.app,
            version=request.version,
            chart=request.chart,
            inputs=Inputs(request.answers, request.values, request.secrets, salt),
            images=request.images,
        )

    def _base(self, release: str, namespace: str) -> Base:
        salt = self._vault.salt(namespace, release)
        return base.read(self._engine, self._cluster, release, namespace, salt)

    def _standing(self, release: str, namespace: str) -> Base:
        found = self._base(release, namespace)
        if not found.exists:
            raise ReleaseUnknown(release=release, namespace=namespace)
        if not found.deployed:
            raise NeverDeployed(release=release, namespace=namespace)
        return found

    def _changed(self, wanted: _Wanted, found: Base) -> Plan:
        mask = Mask(wanted.inputs.secrets)
        with mask.errors():
            return self._composed(wanted, found, mask)

    def _composed(self, wanted: _Wanted, found: Base, mask: Mask) -> Plan:
        pinned = pin(self._rendered(wanted, found), wanted.images, self._registry)
        if self._refuse_missing is not None:
            self._refuse_missing(pinned.images)
        sealed = self._sealed(wanted, found, pinned.rendered)
        fresh = not self._cluster.has_namespace(wanted.namespace)
        comparison = Comparison(self._cluster, wanted.release, wanted.namespace, mask)
        actions = comparison.change(
            items_of_manifest(found.manifest, wanted.namespace),
            pinned.rendered,
            upgrade=found.exists,
            new_namespace=fresh,
        )
        now = self._history.current(wanted.namespace, wanted.release)
        return Plan(
            operation=wanted.operation,
            zone=self._zone,
            cluster=found.cluster,
            release=wanted.release,
            namespace=wanted.namespace,
            new_namespace=fresh,
            app=wanted.app,
            from_version=now.version if now else found.app_version,
            to_version=wanted.version,
            base_revision=found.revision,
            base_manifest=found.digest,
            target=wanted.target,
            actions=actions,
            images=tuple(Image(name, at, self._size(at)) for name, at in pinned.images.items()),
            sealed=self._vault.put(sealed),
            values=self._vault.put(wanted.inputs.to_bytes()),
            created=self._now().isoformat(),
        )

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

    def _sealed(self, wanted: _Wanted, found: Base, rendered: Rendered) -> bytes:
        """Seal, and let Helm itself try the result against the cluster."""
        values: Mapping[str, Any] = wanted.inputs.values
        sealed = seal.seal(wanted.chart, rendered, wanted.inputs.salt)
        seal.check_record(wanted.release, sealed, rendered, values)
        # Helm cannot try objects of kinds whose definition it would only install.
        definitions = items(rendered.crds, wanted.namespace)
        if all(
            self._cluster.get(item.api_version, item.kind, item.namespace, item.name)
            for item in definitions
        ):
            self._engine.check(
                sealed, wanted.release, wanted.namespace, values, upgrade=found.exists
            )
        return sealed
