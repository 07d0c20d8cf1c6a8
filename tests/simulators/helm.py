"""A Helm in memory over a simulated cluster: records, hooks, waits, putting back.

It writes its records and changes objects one by one, in the order of Helm 4 (pkg/action), each
inside `cluster.effect`; whatever ends it there leaves what it leaves on a real cluster.

It expands only what the tests' charts use: `.Values.x`, `.Release.Name`, `.Files.Get "x"`, quoted
text and `fail "x"`.
"""

from __future__ import annotations

import gzip
import io
import json
import re
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import jsonschema

from champ_offline.cluster.interface import ClusterUnreachable
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
    ChartInvalid,
    EngineCancelled,
    HelmUnreachable,
    ObjectNotOurs,
    ReleaseBusy,
    ReleaseFailed,
    ReleaseNameTaken,
    ReleaseUnknown,
    RenderFailed,
    ValuesRefused,
)
from champ_offline.release.objects import Item, items, items_of_manifest
from tests.simulators.cluster import SimulatedCluster

_ACTION = re.compile(r'\{\{ ("[^"]*"|[^"}]+(?:"[^"]*")?) ?\}\}')


@dataclass
class _Record:
    release: Release
    values: dict[str, Any]


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
        files = _files(chart, release)
        return _expand(files, release, _composed(files, release, values))

    def check(
        self, chart: bytes, release: str, namespace: str, values: Values, *, upgrade: bool
    ) -> None:
        rendered = self._rendered(chart, release, namespace, values)
        for item in items(rendered.manifests, namespace):
            if not self.cluster.knows(item.content):
                raise RenderFailed(release=release, reason=f"no kind {item.kind} is known")
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
            self._roll_back(self._records[(namespace, release)], revision)

    def uninstall(self, release: str, namespace: str, options: Options) -> None:
        with self._answering():
            self._last(release, namespace)
            self._take_away(self._records[(namespace, release)])

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
            raise HelmUnreachable(reason=str(error).rstrip(".")) from error

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
        files = _files(chart, release)
        return _expand(files, release, _composed(files, release, values))

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
            raise ReleaseFailed(release=release, namespace=namespace, reason=reason)
        rendered = self._rendered(chart, release, namespace, values)
        for document in () if upgrade else rendered.crds:
            self.cluster.apply(manifests.load(document.text, document.source), namespace)
        self.check(chart, release, namespace, values, upgrade=upgrade)
        records = self._records.get((namespace, release), [])
        before = records[-1].release.manifest if records else ""
        number = records[-1].release.revision + 1 if records else 1
        status = "pending-upgrade" if upgrade else "pending-install"
        record = _Record(_recorded(chart, release, namespace, rendered, status), dict(values))
        record.release = replace(record.release, revision=number)
        self._add(records, record)
        for document in rendered.hooks:
            self.cluster.apply(manifests.load(document.text, document.source), namespace)
        self._change(before, record.release.manifest, release, namespace)
        return self._settled(record, records, options)

    def _settled(self, record: _Record, records: list[_Record], options: Options) -> Release:
        trouble = self._trouble(record)
        if trouble is None:
            self._supersede(records[:-1])
            self._write(record, DEPLOYED)
            return record.release
        if self._cancelled.wait(min(options.timeout, 30) if options.timeout > 10 else 0.05):
            self._cancelled.clear()
            raise EngineCancelled(verb="upgrade")
        if len(records) == 1 and options.rollback_on_failure:
            self._take_away(records)
        else:
            self._write(record, FAILED)
            stood = [one for one in records if one.release.status in {DEPLOYED, SUPERSEDED}]
            if options.rollback_on_failure and stood:
                self._roll_back(records, stood[-1].release.revision)
        raise self._failed(record, trouble)

    def _trouble(self, record: _Record) -> ObjectState | None:
        states = self.cluster.objects(record.release.namespace, record.release.name)
        return next((one for one in states if not one.ready), None)

    def _failed(self, record: _Record, trouble: ObjectState) -> ReleaseFailed:
        reason = f"resource {trouble.kind}/{trouble.name} not ready: context deadline exceeded"
        name, namespace = record.release.name, record.release.namespace
        return ReleaseFailed(release=name, namespace=namespace, reason=reason)

    def _roll_back(self, records: list[_Record], revision: int) -> None:
        last = records[-1].release
        target = next((one for one in records if one.release.revision == revision), None)
        if target is None:
            raise ReleaseUnknown(release=last.name, namespace=last.namespace)
        again = replace(target.release, revision=last.revision + 1, status="pending-rollback")
        record = _Record(again, target.values)
        self._add(records, record)
        self._change(last.manifest, again.manifest, last.name, last.namespace)
        if (trouble := self._trouble(record)) is not None:
            self._write(record, FAILED)
            raise self._failed(record, trouble)
        self._supersede(records)
        self._write(record, DEPLOYED)

    def _take_away(self, records: list[_Record]) -> None:
        last = records[-1]
        self._write(last, UNINSTALLING)
        name, namespace = last.release.name, last.release.namespace
        self._change(last.release.manifest, "", name, namespace)
        while records:
            self.cluster.identity()
            with self.cluster.effect("record gone"):
                records.pop(0)
        del self._records[(namespace, name)]

    def _supersede(self, records: list[_Record]) -> None:
        for one in records:
            if one.release.status == DEPLOYED:
                self._write(one, SUPERSEDED)

    def _change(self, old: str, new: str, release: str, namespace: str) -> None:
        after = items_of_manifest(new, namespace)
        kept = {item.key for item in after}
        for item in items_of_manifest(old, namespace):
            if item.key not in kept and not item.kept:
                self.cluster.delete(item.content, item.namespace)
        for item in after:
            self.cluster.apply(item.owned_by(release, namespace), item.namespace, "helm")

    def _own(self, item: Item, release: str) -> None:
        live = self.cluster.get(item.api_version, item.kind, item.namespace, item.name)
        if live is None:
            return
        owner = manifests.annotations_of(live).get("meta.helm.sh/release-name")
        if owner != release:
            raise ObjectNotOurs(release=release, reason=f"{item.kind} {item.name} of {owner}")


def _files(chart: bytes, release: str) -> dict[str, str]:
    try:
        with tarfile.open(fileobj=io.BytesIO(gzip.decompress(chart))) as archive:
            members = [(one, archive.extractfile(one)) for one in archive]
            return {
                one.name.partition("/")[2]: file.read().decode() for one, file in members if file
            }
    except (OSError, tarfile.TarError, EOFError) as error:
        raise ChartInvalid(release=release, reason=str(error)) from error


def _composed(files: dict[str, str], release: str, values: Values) -> dict[str, Any]:
    defaults = manifests.read(files.get("values.yaml", "{}"), "values.yaml") or {}
    composed = {**defaults, **values}
    if "values.schema.json" in files:
        try:
            jsonschema.validate(composed, json.loads(files["values.schema.json"]))
        except jsonschema.ValidationError as error:
            raise ValuesRefused(release=release, reason=error.message) from error
    return composed


def _expand(files: dict[str, str], release: str, values: dict[str, Any]) -> Rendered:
    plain: list[Document] = []
    hooks: list[Document] = []
    for name in sorted(files):
        if not name.startswith("templates/") or name.endswith("NOTES.txt"):
            continue
        for text in manifests.split(_text(files[name], files, release, values)):
            source = f"sample/{name}"
            hook = manifests.is_hook(manifests.load(text, source))
            (hooks if hook else plain).append(Document(source, text))
    definitions = [
        Document(name, text)
        for name in sorted(files)
        if name.startswith("crds/")
        for text in manifests.split(files[name])
    ]
    notes = _text(files.get("templates/NOTES.txt", ""), files, release, values)
    return Rendered(tuple(plain), tuple(hooks), tuple(definitions), notes)


def _text(template: str, files: dict[str, str], release: str, values: dict[str, Any]) -> str:
    def value(match: re.Match[str]) -> str:
        word = match[1].strip()
        if word.startswith(".Values."):
            return str(values.get(word.removeprefix(".Values."), ""))
        if word.startswith(".Files.Get "):
            return files.get(json.loads(word.removeprefix(".Files.Get ")), "")
        if word.startswith("fail "):
            reason = json.loads(word.removeprefix("fail "))
            raise RenderFailed(release=release, reason=reason)
        return release if word == ".Release.Name" else str(json.loads(word))

    return _ACTION.sub(value, template)


def _recorded(
    chart: bytes, release: str, namespace: str, rendered: Rendered, status: str
) -> Release:
    about = manifests.read(_files(chart, release)["Chart.yaml"], "Chart.yaml")
    manifest = "".join(
        f"---\n# Source: {document.source}\n{document.text}\n" for document in rendered.manifests
    )
    return Release(
        name=release,
        namespace=namespace,
        revision=0,
        status=status,
        chart=about["name"],
        chart_version=about["version"],
        app_version=about["appVersion"],
        manifest=manifest,
    )
