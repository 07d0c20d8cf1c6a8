"""A Helm in memory over a simulated cluster: records, hooks, waits, putting back.

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
from dataclasses import dataclass, replace
from typing import Any

import jsonschema

from champ_offline.helm import manifests
from champ_offline.helm.engine import (
    DEPLOYED,
    FAILED,
    PENDING,
    SUPERSEDED,
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
        self._waiting = threading.Event()

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
        if self._records.get((namespace, release)):
            raise ReleaseNameTaken(release=release, namespace=namespace)
        return self._apply(chart, release, namespace, values, options, upgrade=False)

    def upgrade(
        self, chart: bytes, release: str, namespace: str, values: Values, options: Options
    ) -> Release:
        last = self._last(release, namespace)
        if last.status in PENDING:
            raise ReleaseBusy(release=release, namespace=namespace)
        return self._apply(chart, release, namespace, values, options, upgrade=True)

    def rollback(self, release: str, namespace: str, revision: int, options: Options) -> None:
        records = self._records.get((namespace, release), [])
        last = self._last(release, namespace)
        target = next((one for one in records if one.release.revision == revision), None)
        if target is None:
            raise ReleaseUnknown(release=release, namespace=namespace)
        self._change(last.manifest, target.release.manifest, release, namespace)
        self._supersede(records)
        again = replace(target.release, revision=last.revision + 1, status=DEPLOYED)
        records.append(_Record(again, target.values))

    def uninstall(self, release: str, namespace: str, options: Options) -> None:
        last = self._last(release, namespace)
        self._change(last.manifest, "", release, namespace)
        del self._records[(namespace, release)]

    def history(self, release: str, namespace: str) -> tuple[Release, ...]:
        records = self._records.get((namespace, release), [])
        return tuple(replace(one.release, manifest="") for one in records)

    def status(self, release: str, namespace: str) -> Release | None:
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
        records = self._records.setdefault((namespace, release), [])
        before = records[-1].release.manifest if records else ""
        status = "pending-upgrade" if upgrade else "pending-install"
        record = _Record(_recorded(chart, release, namespace, rendered, status), dict(values))
        record.release = replace(record.release, revision=len(records) + 1)
        records.append(record)
        for document in rendered.hooks:
            self.cluster.apply(manifests.load(document.text, document.source), namespace)
        self._change(before, record.release.manifest, release, namespace)
        return self._settled(record, records, options, before)

    def _settled(
        self, record: _Record, records: list[_Record], options: Options, before: str
    ) -> Release:
        release, namespace = record.release.name, record.release.namespace
        states = self.cluster.objects(namespace, release)
        trouble = next((one for one in states if not one.ready), None)
        if trouble is None:
            self._supersede(records[:-1])
            record.release = replace(record.release, status=DEPLOYED)
            return record.release
        if self._cancelled.wait(min(options.timeout, 30) if options.timeout > 10 else 0.05):
            self._cancelled.clear()
            raise EngineCancelled(verb="upgrade")
        record.release = replace(record.release, status=FAILED)
        if options.rollback_on_failure:
            self._put_back(record, records, before)
        reason = f"resource {trouble.kind}/{trouble.name} not ready: context deadline exceeded"
        raise ReleaseFailed(release=release, namespace=namespace, reason=reason)

    def _put_back(self, record: _Record, records: list[_Record], before: str) -> None:
        release, namespace = record.release.name, record.release.namespace
        good = next((one for one in reversed(records) if one.release.status == DEPLOYED), None)
        self._change(record.release.manifest, before if good else "", release, namespace)
        if good is None:
            del self._records[(namespace, release)]
            return
        self._supersede(records)
        again = replace(good.release, revision=len(records) + 1, status=DEPLOYED)
        records.append(_Record(again, good.values))

    def _supersede(self, records: list[_Record]) -> None:
        for one in records:
            if one.release.status == DEPLOYED:
                one.release = replace(one.release, status=SUPERSEDED)

    def _change(self, old: str, new: str, release: str, namespace: str) -> None:
        after = items_of_manifest(new, namespace)
        kept = {item.key for item in after}
        for item in items_of_manifest(old, namespace):
            if item.key not in kept and not item.kept:
                self.cluster.delete(item.content, item.namespace)
        for item in after:
            self.cluster.apply(item.owned_by(release, namespace), item.namespace)

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
