"""HelmEngine on the official `helm` command (v4), for sites and tests that want the stock tool.

Invariant: charts go through a private temporary file and values through standard input, so nothing
secret is on a command line; Helm's own configuration of the user plays no part.
"""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from champ_offline.durable.write import write_atomic
from champ_offline.errors import Phrase, system_said
from champ_offline.helm import manifests
from champ_offline.helm.engine import (
    Capabilities,
    Document,
    Options,
    Release,
    Rendered,
    Values,
)
from champ_offline.helm.faults import (
    EngineCancelled,
    EngineMissing,
    EngineStuck,
    ReleaseUnknown,
    fault,
)

_READ_SECONDS = 120.0
_WAITS = 6
_EVERY = "100000"
_CHART = re.compile(r"(.+?)-(v?\d+\.\d+.*)")
_SOURCE = re.compile(r"# Source: (.+)\n")


class CommandEngine:
    """See HelmEngine; `binary` is the path of helm, `kubeconfig` that of a file."""

    def __init__(self, kubeconfig: Path, binary: Path) -> None:
        self._kubeconfig = kubeconfig
        self._binary = binary
        self._process: subprocess.Popen[str] | None = None
        self._turn = threading.Lock()
        self._cancelled = threading.Event()

    def render(
        self,
        chart: bytes,
        release: str,
        namespace: str,
        values: Values,
        *,
        upgrade: bool,
        capabilities: Capabilities,  # noqa: ARG002 (the command asks the cluster itself)
        revision: int = 1,  # noqa: ARG002 (likewise)
    ) -> Rendered:
        """See HelmEngine."""
        found = self._dry_run(chart, release, namespace, values, upgrade=upgrade)
        with _file(chart) as path:
            crds = self._run("show", ["crds", str(path)], release=release)
        hooks = [Document(hook["path"], hook["manifest"]) for hook in found.get("hooks") or []]
        return Rendered(
            manifests=tuple(_documents(found.get("manifest", ""))),
            hooks=tuple(sorted(hooks, key=lambda hook: hook.source)),
            crds=tuple(_body("crds", text) for text in manifests.split(crds)),
            notes=found["info"].get("notes", ""),
        )

    def check(
        self, chart: bytes, release: str, namespace: str, values: Values, *, upgrade: bool
    ) -> None:
        """See HelmEngine."""
        self._dry_run(chart, release, namespace, values, upgrade=upgrade)

    def install(
        self, chart: bytes, release: str, namespace: str, values: Values, options: Options
    ) -> Release:
        """See HelmEngine."""
        return self._apply("install", [], chart, release, namespace, values, options)

    def upgrade(
        self, chart: bytes, release: str, namespace: str, values: Values, options: Options
    ) -> Release:
        """See HelmEngine."""
        more = ["--reset-values"]
        return self._apply("upgrade", more, chart, release, namespace, values, options)

    def rollback(self, release: str, namespace: str, revision: int, options: Options) -> None:
        """See HelmEngine."""
        arguments = [release, str(revision), *_waiting(options), *_forced(options)]
        self._run("rollback", arguments, release, namespace, seconds=_patience(options))

    def uninstall(self, release: str, namespace: str, options: Options) -> None:
        """See HelmEngine."""
        arguments = [release, *_waiting(options)]
        self._run("uninstall", arguments, release, namespace, seconds=_patience(options))

    def history(self, release: str, namespace: str) -> tuple[Release, ...]:
        """See HelmEngine."""
        try:
            rows = self._read("history", [release, "--max", _EVERY], release, namespace)
        except ReleaseUnknown:
            return ()
        return tuple(_row(row, release, namespace) for row in rows)

    def status(self, release: str, namespace: str) -> Release | None:
        """See HelmEngine."""
        try:
            found = self._read("status", [release], release, namespace)
        except ReleaseUnknown:
            return None
        about = self._read("get", ["metadata", release], release, namespace)
        return Release(
            name=found["name"],
            namespace=found["namespace"],
            revision=int(found["version"]),
            status=found["info"]["status"],
            chart=about["chart"],
            chart_version=about["version"],
            app_version=about.get("appVersion", ""),
            manifest=found.get("manifest", ""),
        )

    def values(self, release: str, namespace: str) -> dict[str, Any]:
        """See HelmEngine."""
        return dict(self._read("get", ["values", release], release, namespace) or {})

    def releases(self, namespace: str = "") -> tuple[Release, ...]:
        """See HelmEngine."""
        scope = ["--namespace", namespace] if namespace else ["--all-namespaces"]
        rows = self._read("list", [*scope, "--max", _EVERY])
        return tuple(_row(row, row["name"], row["namespace"]) for row in rows)

    def cancel(self) -> None:
        """See HelmEngine."""
        self._cancelled.set()
        if (process := self._process) is not None:
            process.kill()

    def close(self) -> None:
        """See HelmEngine; there is nothing to let go of."""

    def _dry_run(
        self, chart: bytes, release: str, namespace: str, values: Values, *, upgrade: bool
    ) -> dict[str, Any]:
        verb = ["upgrade", "--reset-values"] if upgrade else ["install"]
        more = [*verb[1:], "--dry-run=server", "--output", "json", "--values", "-"]
        with _file(chart) as path:
            text = self._run(verb[0], [release, str(path), *more], release, namespace, given=values)
        found: dict[str, Any] = json.loads(text)
        return found

    def _apply(
        self,
        verb: str,
        more: list[str],
        chart: bytes,
        release: str,
        namespace: str,
        values: Values,
        options: Options,
    ) -> Release:
        how = [*_waiting(options), *_forced(options)]
        flags = [*more, *how, "--output", "json", "--values", "-"]
        if options.rollback_on_failure:
            flags.append("--rollback-on-failure")
        if options.description:
            flags += ["--description", options.description]
        with _file(chart) as path:
            text = self._run(
                verb,
                [release, str(path), *flags],
                release,
                namespace,
                given=values,
                seconds=_patience(options),
            )
        found = json.loads(text)
        about = found["chart"]["metadata"]
        return Release(
            name=found["name"],
            namespace=found["namespace"],
            revision=int(found["version"]),
            status=found["info"]["status"],
            chart=about["name"],
            chart_version=about["version"],
            app_version=about.get("appVersion", ""),
        )

    def _read(self, verb: str, arguments: list[str], release: str = "", namespace: str = "") -> Any:  # noqa: ANN401
        return json.loads(
            self._run(verb, [*arguments, "--output", "json"], release, namespace) or "null"
        )

    def _run(
        self,
        verb: str,
        arguments: list[str],
        release: str = "",
        namespace: str = "",
        *,
        given: Values | None = None,
        seconds: float = _READ_SECONDS,
    ) -> str:
        """Standard output of one helm call; raises the errors of helm/faults.py."""
        where = ["--namespace", namespace] if namespace else []
        argv = [str(self._binary), verb, *arguments, *where, "--kubeconfig", str(self._kubeconfig)]
        with self._turn, tempfile.TemporaryDirectory() as home:
            self._cancelled.clear()
            status, out, talk = self._finish(argv, verb, home, json.dumps(given or {}), seconds)
        if status == 0:
            return out
        detail = "\n".join(line.removeprefix("Error: ") for line in talk.splitlines())
        raise fault("", detail, release=release, namespace=namespace)

    def _finish(
        self, argv: list[str], verb: str, home: str, given: str, seconds: float
    ) -> tuple[int, str, str]:
        pipe = subprocess.PIPE
        environment = {"PATH": "/usr/bin:/bin", "HOME": home}
        try:
            self._process = subprocess.Popen(
                argv, stdin=pipe, stdout=pipe, stderr=pipe, env=environment, text=True
            )
        except OSError as error:
            raise EngineMissing(
                reason=Phrase("{program}: {why}", program=self._binary, why=system_said(error))
            ) from error
        try:
            out, talk = self._process.communicate(given, timeout=seconds)
        except subprocess.TimeoutExpired as error:
            self._process.kill()
            self._process.communicate()
            raise EngineStuck(verb=verb, seconds=round(seconds)) from error
        if self._cancelled.is_set():
            raise EngineCancelled(verb=verb)
        return self._process.returncode, out, talk


@contextmanager
def _file(chart: bytes) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "chart.tgz"
        write_atomic(path, chart, mode=0o600)
        yield path


def _waiting(options: Options) -> list[str]:
    hooks = [] if options.hooks else ["--no-hooks"]
    return [f"--wait={options.wait}", "--timeout", f"{options.timeout}s", *hooks]


def _forced(options: Options) -> list[str]:
    return ["--force-conflicts"] if options.force else []


def _patience(options: Options) -> float:
    return options.timeout * _WAITS + _READ_SECONDS


def _documents(manifest: str) -> list[Document]:
    found: list[Document] = []
    for text in manifests.split(manifest):
        source = _SOURCE.match(text)
        body = text[source.end() :] if source else text
        found.append(_body(source[1] if source else "", body))
    return sorted(found, key=lambda document: document.source)


def _body(source: str, text: str) -> Document:
    """Helm ends each document it prints with a line break of its own."""
    return Document(source, text.removesuffix("\n"))


def _row(row: dict[str, Any], release: str, namespace: str) -> Release:
    name = _CHART.fullmatch(row["chart"])
    return Release(
        name=release,
        namespace=namespace,
        revision=int(row["revision"]),
        status=row["status"],
        chart=name[1] if name else row["chart"],
        chart_version=name[2] if name else "",
        app_version=row.get("app_version", ""),
    )
