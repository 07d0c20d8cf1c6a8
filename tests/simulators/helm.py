"""A Helm in memory over a simulated cluster: records, hooks, waits, putting back.

It writes its records and changes objects one by one, in the order of Helm 4 (pkg/action), each
inside `cluster.effect`; whatever ends it there leaves what it leaves on a real cluster.

It expands only what the tests' charts use: `.Values.x`, `.Release.Name`, `.Files.Get "x"`, quoted
text and `fail "x"`.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from champ_offline.cluster.interface import ClusterUnreachable
from champ_offline.errors import Quoted
from champ_offline.events import ObjectState
from champ_offline.helm import manifests
from champ_offline.helm.engine import (
    DEPLOYED,
    FAILED,
    PENDING,
    SUPERSEDED,
    UNINSTALLING,
    Capabilities,
    Document,
    Options,
    Release,
    Rendered,
    Values,
)
from champ_offline.helm.faults import (
    EngineCancelled,
    FieldsHeld,
    HelmUnreachable,
    ObjectNotOurs,
    ReleaseBusy,
    ReleaseFailed,
    ReleaseNameTaken,
    ReleaseUnknown,
    RenderFailed,
)
from champ_offline.release.objects import Item, items, items_of_manifest
from tests.simulators.charts import NOWHERE
from tests.simulators.cluster import SimulatedCluster
from tests.simulators.templates import composed, expand, files_of, recorded


@dataclass
class _Record:
    release: Release
    values: dict[str, Any]
    hooks: tuple[Document, ...] = ()


class SimulatedHelm:
    """See HelmEngine."""

    def __init__(self, cluster: SimulatedCluster) -> None:
        self.cluster = cluster
        self._records: dict[tuple[str, str], list[_Record]] = {}
        self._cancelled = threading.Event()
        cluster.records = self.secrets

    def render(
        self,
        chart: bytes,
        release: str,
        namespace: str,
        values: Values,
        *,
        upgrade: bool,
        capabilities: Capabilities,
        revision: int = 1,
    ) -> Rendered:
        files = files_of(chart, release)
        return expand(files, release, composed(files, release, values))

    def check(
        self, chart: bytes, release: str, namespace: str, values: Values, *, upgrade: bool
    ) -> None:
        rendered = self._rendered(chart, release, namespace, values)
        for item in items(rendered.manifests, namespace):
            if not self.cluster.knows(item.content):
                raise RenderFailed(release=release, reason=Quoted(f"no kind {item.kind} is known"))
            self._own(item, release)

    def install(
        self, chart: bytes, release: str, namespace: str, values: Values, options: Options
    ) -> Release:
        with self._answering():
            if self._records.get((namespace, release)):
                raise ReleaseNameTaken(release=release, namespace=namespace)
            self._cancelled.clear()
            return self._apply(chart, release, namespace, values, options, upgrade=False)

    def upgrade(
        self, chart: bytes, release: str, namespace: str, values: Values, options: Options
    ) -> Release:
        with self._answering():
            last = self._last(release, namespace)
            if last.status in PENDING:
                raise ReleaseBusy(release=release, namespace=namespace)
            self._cancelled.clear()
            return self._apply(chart, release, namespace, values, options, upgrade=True)

    def rollback(self, release: str, namespace: str, revision: int, options: Options) -> None:
        with self._answering():
            self._last(release, namespace)
            self._roll_back(self._records[(namespace, release)], revision, options)

    def uninstall(self, release: str, namespace: str, options: Options) -> None:
        with self._answering():
            self._last(release, namespace)
            self._take_away(self._records[(namespace, release)], options)

    def history(self, release: str, namespace: str) -> tuple[Release, ...]:
        with self._answering():
            records = self._records.get((namespace, release), [])
            return tuple(replace(one.release, manifest="") for one in records)

    def status(self, release: str, namespace: str) -> Release | None:
        with self._answering():
            records = self._records.get((namespace, release))
            return records[-1].release if records else None

    def values(self, release: str, namespace: str) -> dict[str, Any]:
        self._last(release, namespace)
        return dict(self._records[(namespace, release)][-1].values)

    def releases(self, namespace: str = "") -> tuple[Release, ...]:
        return tuple(
            replace(records[-1].release, manifest="")
            for (place, _), records in sorted(self._records.items())
            if records and namespace in {"", place}
        )

    def cancel(self) -> None:
        self._cancelled.set()

    def close(self) -> None:
        self._cancelled.clear()

    def mark(self, release: str, namespace: str, status: str) -> None:
        """Leave the newest record as a killed Helm would."""
        record = self._records[(namespace, release)][-1]
        record.release = replace(record.release, status=status)

    @contextmanager
    def _answering(self) -> Iterator[None]:
        """What Helm says where the API server is not there."""
        try:
            self.cluster.identity()
            yield
        except ClusterUnreachable as error:
            raise HelmUnreachable(reason=Quoted(str(error).rstrip("."))) from error

    def _write(self, record: _Record, status: str) -> None:
        self.cluster.identity()
        with self.cluster.effect(f"record {status}"):
            record.release = replace(record.release, status=status)

    def _add(self, records: list[_Record], record: _Record) -> None:
        self.cluster.identity()
        with self.cluster.effect(f"record {record.release.status}"):
            place, name = record.release.namespace, record.release.name
            self._records[(place, name)] = records
            records.append(record)

    def secrets(self) -> list[dict[str, Any]]:
        """The records as Helm keeps them in the cluster, without their content."""
        return [
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {
                    "name": f"sh.helm.release.v1.{one.release.name}.v{one.release.revision}",
                    "namespace": one.release.namespace,
                    "labels": {
                        "owner": "helm",
                        "name": one.release.name,
                        "status": one.release.status,
                        "version": str(one.release.revision),
                    },
                    "managedFields": [{"manager": "Helm", "operation": "Update"}],
                },
            }
            for records in self._records.values()
            for one in records
        ]

    def _last(self, release: str, namespace: str) -> Release:
        found = self.status(release, namespace)
        if found is None:
            raise ReleaseUnknown(release=release, namespace=namespace)
        return found

    def _rendered(self, chart: bytes, release: str, namespace: str, values: Values) -> Rendered:
        files = files_of(chart, release)
        return expand(files, release, composed(files, release, values))

    def _apply(
        self,
        chart: bytes,
        release: str,
        namespace: str,
        values: Values,
        options: Options,
        *,
        upgrade: bool,
    ) -> Release:
        if not self.cluster.has_namespace(namespace):
            reason = f'namespaces "{namespace}" not found'
            raise ReleaseFailed(release=release, namespace=namespace, reason=Quoted(reason))
        rendered = self._rendered(chart, release, namespace, values)
        for document in () if upgrade else rendered.crds:
            self.cluster.apply(manifests.load(document.text, document.source), namespace)
        self.check(chart, release, namespace, values, upgrade=upgrade)
        records = self._records.get((namespace, release), [])
        before = records[-1].release.manifest if records else ""
        number = records[-1].release.revision + 1 if records else 1
        status = "pending-upgrade" if upgrade else "pending-install"
        told = recorded(chart, release, namespace, rendered, status)
        record = _Record(told, dict(values), rendered.hooks)
        record.release = replace(record.release, revision=number)
        self._add(records, record)
        verb = "upgrade" if upgrade else "install"
        try:
            self._run_hooks(record, f"pre-{verb}", options)
            self._change(before, record.release.manifest, release, namespace, options)
            self._wait(record, options)
            self._run_hooks(record, f"post-{verb}", options)
        except ReleaseFailed:
            self._give_up(record, records, options)
            raise
        self._supersede(records[:-1])
        self._write(record, DEPLOYED)
        return record.release

    def _wait(self, record: _Record, options: Options) -> None:
        trouble = self._trouble(record)
        if trouble is None:
            return
        if self._cancelled.wait(min(options.timeout, 30) if options.timeout > 10 else 0.05):
            self._cancelled.clear()
            raise EngineCancelled(verb="upgrade")
        raise self._failed(record, trouble)

    def _give_up(self, record: _Record, records: list[_Record], options: Options) -> None:
        if len(records) == 1 and options.rollback_on_failure:
            self._take_away(records, options)
        else:
            self._write(record, FAILED)
            stood = [one for one in records if one.release.status in {DEPLOYED, SUPERSEDED}]
            if options.rollback_on_failure and stood:
                self._roll_back(records, stood[-1].release.revision, options)

    def _run_hooks(self, record: _Record, event: str, options: Options) -> None:
        """Make what runs at that event; one whose image nobody has never succeeds."""
        name, namespace = record.release.name, record.release.namespace
        for document in record.hooks if options.hooks else ():
            item = manifests.load(document.text, document.source)
            if event not in manifests.annotations_of(item).get(manifests.HOOK, "").split(","):
                continue
            self.cluster.apply(item, namespace)
            if NOWHERE in document.text:
                reason = f"{event} hooks failed: job {item['metadata']['name']} failed"
                raise ReleaseFailed(release=name, namespace=namespace, reason=Quoted(reason))

    def _trouble(self, record: _Record) -> ObjectState | None:
        """What of the record does not come up; its hooks are none of it."""
        hooks = {manifests.load(one.text, one.source)["metadata"]["name"] for one in record.hooks}
        states = self.cluster.objects(record.release.namespace, record.release.name)
        return next((one for one in states if not one.ready and one.name not in hooks), None)

    def _failed(self, record: _Record, trouble: ObjectState) -> ReleaseFailed:
        reason = f"resource {trouble.kind}/{trouble.name} not ready: context deadline exceeded"
        name, namespace = record.release.name, record.release.namespace
        return ReleaseFailed(release=name, namespace=namespace, reason=Quoted(reason))

    def _roll_back(self, records: list[_Record], revision: int, options: Options) -> None:
        last = records[-1].release
        target = next((one for one in records if one.release.revision == revision), None)
        if target is None:
            raise ReleaseUnknown(release=last.name, namespace=last.namespace)
        again = replace(target.release, revision=last.revision + 1, status="pending-rollback")
        record = _Record(again, target.values, target.hooks)
        self._add(records, record)
        self._run_hooks(record, "pre-rollback", options)
        self._change(last.manifest, again.manifest, last.name, last.namespace, options)
        if (trouble := self._trouble(record)) is not None:
            self._write(record, FAILED)
            raise self._failed(record, trouble)
        self._run_hooks(record, "post-rollback", options)
        self._supersede(records)
        self._write(record, DEPLOYED)

    def _take_away(self, records: list[_Record], options: Options) -> None:
        last = records[-1]
        self._write(last, UNINSTALLING)
        name, namespace = last.release.name, last.release.namespace
        self._run_hooks(last, "pre-delete", options)
        self._change(last.release.manifest, "", name, namespace, options)
        while records:
            self.cluster.identity()
            with self.cluster.effect("record gone"):
                records.pop(0)
        del self._records[(namespace, name)]

    def _supersede(self, records: list[_Record]) -> None:
        for one in records:
            if one.release.status == DEPLOYED:
                self._write(one, SUPERSEDED)

    def _change(self, old: str, new: str, release: str, namespace: str, options: Options) -> None:
        after = items_of_manifest(new, namespace)
        kept = {item.key for item in after}
        for item in items_of_manifest(old, namespace):
            if item.key not in kept and not item.kept:
                self.cluster.delete(item.content, item.namespace)
        for item in after:
            wanted = item.owned_by(release, namespace)
            held = self.cluster.conflicts(wanted, item.namespace)
            if held and not options.force:
                reason = f"Apply failed with {len(held)} conflict(s): {held[0]}"
                raise FieldsHeld(release=release, namespace=namespace, reason=Quoted(reason))
            self.cluster.apply(wanted, item.namespace, "helm")

    def _own(self, item: Item, release: str) -> None:
        live = self.cluster.get(item.api_version, item.kind, item.namespace, item.name)
        if live is None:
            return
        owner = manifests.annotations_of(live).get("meta.helm.sh/release-name")
        if owner != release:
            raise ObjectNotOurs(
                release=release, reason=Quoted(f"{item.kind} {item.name} of {owner}")
            )
