"""What this product asks of Helm, as one interface with typed values.

Invariant: every implementation runs the contract suite in tests/contracts/helm_engine.py, so one
engine can take the place of another; releases stay ordinary Helm releases whichever made them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeAlias

Values: TypeAlias = Mapping[str, Any]
Wait: TypeAlias = Literal["watcher", "legacy", "hookOnly"]

DEPLOYED = "deployed"
FAILED = "failed"
SUPERSEDED = "superseded"
UNINSTALLING = "uninstalling"
# Taken away with the records kept, as `helm uninstall --keep-history` does.
UNINSTALLED = "uninstalled"
# A release is in one of these while Helm works on it, or after its Helm was killed.
PENDING = frozenset({"pending-install", "pending-upgrade", "pending-rollback", UNINSTALLING})


@dataclass(frozen=True)
class Document:
    """One Kubernetes object as rendered text; `source` is the template that made it."""

    source: str
    text: str = field(repr=False)


@dataclass(frozen=True)
class Rendered:
    """A chart rendered for one release; documents in template order, hooks and CRDs apart."""

    manifests: tuple[Document, ...]
    hooks: tuple[Document, ...] = ()
    crds: tuple[Document, ...] = ()
    notes: str = ""


@dataclass(frozen=True)
class Capabilities:
    """What templates may ask about the cluster: `v1.35.4`, and `group/version[/Kind]` texts.

    Without a version it is the newest that the engine knows; only `Renderer` takes that.
    """

    kube_version: str
    api_versions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Release:
    """One revision of a release as Helm records it; `manifest` is filled in by `status` only."""

    name: str
    namespace: str
    revision: int
    status: str
    chart: str
    chart_version: str
    app_version: str
    manifest: str = field(default="", repr=False)


@dataclass(frozen=True)
class Options:
    """How to apply: `timeout` in seconds for each wait; failed means put back when asked to.

    `hooks` False leaves every hook out; with `force` fields that others hold are taken over.
    """

    wait: Wait = "watcher"
    timeout: int = 300
    rollback_on_failure: bool = True
    description: str = ""
    hooks: bool = True
    force: bool = False


class Renderer(Protocol):
    """The one verb that needs no cluster; every HelmEngine has it too."""

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
        """See HelmEngine; where there is no cluster `lookup` finds nothing."""
        ...


class HelmEngine(Protocol):
    """Helm for one cluster. Calls block; `cancel` from another thread ends the running one.

    All raise the errors of helm/faults.py. `chart` is the bytes of a chart archive (.tgz).
    """

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
        """Expand the templates once, with `lookup` answered by the cluster; writes nothing.

        Raises ChartInvalid, ValuesRefused, RenderFailed, HelmUnreachable, HelmForbidden.
        """
        ...

    def check(
        self, chart: bytes, release: str, namespace: str, values: Values, *, upgrade: bool
    ) -> None:
        """Dry run against the cluster: names, API versions, ownership, schema; writes nothing."""
        ...

    def install(
        self, chart: bytes, release: str, namespace: str, values: Values, options: Options
    ) -> Release:
        """Install and wait; raises ReleaseFailed (the release is gone if it was put back)."""
        ...

    def upgrade(
        self, chart: bytes, release: str, namespace: str, values: Values, options: Options
    ) -> Release:
        """Upgrade to exactly `values` and wait; raises ReleaseFailed, ReleaseUnknown."""
        ...

    def rollback(self, release: str, namespace: str, revision: int, options: Options) -> None:
        """Apply an older revision again: only to leave the state of a killed Helm."""
        ...

    def uninstall(self, release: str, namespace: str, options: Options) -> None:
        """Remove the release and its objects; raises ReleaseUnknown, ReleaseFailed."""
        ...

    def history(self, release: str, namespace: str) -> tuple[Release, ...]:
        """All recorded revisions, oldest first; empty for a release that does not exist."""
        ...

    def status(self, release: str, namespace: str) -> Release | None:
        """The newest revision with its manifest; None for a release that does not exist."""
        ...

    def values(self, release: str, namespace: str) -> dict[str, Any]:
        """The values given to the newest revision; raises ReleaseUnknown."""
        ...

    def releases(self, namespace: str = "") -> tuple[Release, ...]:
        """Every release, or those of one namespace, in any state."""
        ...

    def cancel(self) -> None:
        """End the running call (it raises EngineCancelled); safe from any thread."""
        ...

    def close(self) -> None:
        """Let go of processes and files; the engine may be used again afterwards."""
        ...
