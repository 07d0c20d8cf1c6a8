"""HelmEngine on the Helm SDK in a child process: the engine the product ships with.

Invariant: only JSON goes to the child; a chart is rendered once and split here exactly as Helm
splits it.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from champ_offline.helm import manifests
from champ_offline.helm.engine import (
    Capabilities,
    Document,
    Options,
    Release,
    Rendered,
    Values,
)
from champ_offline.helm.faults import ReleaseUnknown
from champ_offline.helm.worker import Worker

_READ_SECONDS = 120.0
# Hooks before and after, the wait itself, and all of it once more while being put back.
_WAITS = 6


class SdkEngine:
    """See HelmEngine; `kubeconfig` is the path of a file."""

    def __init__(self, kubeconfig: Path, command: Sequence[str] = ()) -> None:
        self._worker = Worker(kubeconfig, command)

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
        """See HelmEngine."""
        given = _with_chart(chart, release, namespace, values) | {
            "upgrade": upgrade,
            "revision": revision,
            "kube_version": capabilities.kube_version,
            "api_versions": list(capabilities.api_versions),
        }
        found = self._worker.call("render", given, _READ_SECONDS)
        return _rendered(found["chart"], found["files"], found["crds"])

    def check(
        self, chart: bytes, release: str, namespace: str, values: Values, *, upgrade: bool
    ) -> None:
        """See HelmEngine."""
        given = _with_chart(chart, release, namespace, values) | {"upgrade": upgrade}
        self._worker.call("check", given, _READ_SECONDS)

    def install(
        self, chart: bytes, release: str, namespace: str, values: Values, options: Options
    ) -> Release:
        """See HelmEngine."""
        given = _with_chart(chart, release, namespace, values) | _applying(options)
        return _release(self._worker.call("install", given, _patience(options)))

    def upgrade(
        self, chart: bytes, release: str, namespace: str, values: Values, options: Options
    ) -> Release:
        """See HelmEngine."""
        given = _with_chart(chart, release, namespace, values) | _applying(options)
        return _release(self._worker.call("upgrade", given, _patience(options)))

    def rollback(self, release: str, namespace: str, revision: int, options: Options) -> None:
        """See HelmEngine."""
        given = {"release": release, "namespace": namespace, "revision": revision}
        self._worker.call("rollback", given | _applying(options), _patience(options))

    def uninstall(self, release: str, namespace: str, options: Options) -> None:
        """See HelmEngine."""
        given = {"release": release, "namespace": namespace}
        self._worker.call("uninstall", given | _applying(options), _patience(options))

    def history(self, release: str, namespace: str) -> tuple[Release, ...]:
        """See HelmEngine."""
        given = {"release": release, "namespace": namespace}
        try:
            rows = self._worker.call("history", given, _READ_SECONDS)
        except ReleaseUnknown:
            return ()
        return tuple(_release(row) for row in rows)

    def status(self, release: str, namespace: str) -> Release | None:
        """See HelmEngine."""
        given = {"release": release, "namespace": namespace}
        try:
            return _release(self._worker.call("status", given, _READ_SECONDS))
        except ReleaseUnknown:
            return None

    def values(self, release: str, namespace: str) -> dict[str, Any]:
        """See HelmEngine."""
        given = {"release": release, "namespace": namespace}
        return dict(self._worker.call("values", given, _READ_SECONDS) or {})

    def releases(self, namespace: str = "") -> tuple[Release, ...]:
        """See HelmEngine."""
        rows = self._worker.call("releases", {"namespace": namespace}, _READ_SECONDS)
        return tuple(_release(row) for row in rows)

    def cancel(self) -> None:
        """See HelmEngine."""
        self._worker.cancel()

    def close(self) -> None:
        """See HelmEngine."""
        self._worker.close()


class OfflineRenderer:
    """See Renderer; Helm's own templates in a child process, and no cluster.

    Templates see the kinds of Kubernetes itself and those of `capabilities`.
    """

    def __init__(self) -> None:
        self._worker = Worker(Path(os.devnull))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._worker.close()

    def render(
        self,
        chart: bytes,
        release: str,
        namespace: str,
        values: Values,
        *,
        upgrade: bool,
        capabilities: Capabilities,
    ) -> Rendered:
        """Raises ChartInvalid, ValuesRefused, RenderFailed."""
        given = _with_chart(chart, release, namespace, values) | {
            "upgrade": upgrade,
            "kube_version": capabilities.kube_version,
            "api_versions": list(capabilities.api_versions),
        }
        found = self._worker.call("expand", given, _READ_SECONDS)
        return _rendered(found["chart"], found["files"], found["crds"])


def _with_chart(chart: bytes, release: str, namespace: str, values: Values) -> dict[str, Any]:
    return {
        "chart": base64.b64encode(chart).decode(),
        "release": release,
        "namespace": namespace,
        "values": dict(values),
    }


def _applying(options: Options) -> dict[str, Any]:
    return {
        "wait": options.wait,
        "timeout": options.timeout,
        "rollback_on_failure": options.rollback_on_failure,
        "description": options.description,
        "hooks": options.hooks,
        "force": options.force,
    }


def _patience(options: Options) -> float:
    return options.timeout * _WAITS + _READ_SECONDS


def _release(row: dict[str, Any]) -> Release:
    return Release(
        name=row["name"],
        namespace=row["namespace"],
        revision=int(row["revision"]),
        status=row["status"],
        chart=row.get("chart_name", ""),
        chart_version=row.get("chart_version", ""),
        app_version=row.get("app_version", ""),
        manifest=row.get("manifest", ""),
    )


def _rendered(chart: str, files: dict[str, str], crds: dict[str, str]) -> Rendered:
    """Sort the SDK's files into documents as Helm's SortManifests does."""
    plain: list[Document] = []
    hooks: list[Document] = []
    for source in sorted(files):
        if source.endswith("NOTES.txt") or source.rpartition("/")[2].startswith("_"):
            continue
        for text in manifests.split(files[source]):
            (hooks if manifests.is_hook_text(text, source) else plain).append(
                Document(source, text)
            )
    return Rendered(
        manifests=tuple(plain),
        hooks=tuple(hooks),
        crds=tuple(
            Document(source, text)
            for source in sorted(crds)
            for text in manifests.split(crds[source])
        ),
        notes=files.get(f"{chart}/templates/NOTES.txt", ""),
    )
