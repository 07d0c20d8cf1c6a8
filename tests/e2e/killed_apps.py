"""What is changed while commands are killed: an app, the data it keeps, and how both are looked at.

Invariant: data counts from the moment at which its keeper was told that it is kept, and is looked
for byte by byte afterwards.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, Protocol

from tests.e2e.one_zone import OneZone
from tests.e2e.pair_app import APP, REPLICAS, VERSIONS, pair_recipe
from tests.lab.api import Api

EVIDENCE = "images of yesterday\n"


class KilledApp(Protocol):
    """An app in two versions, as one release in a namespace of the same name."""

    app: str
    release: str
    versions: tuple[str, str]

    @property
    def kept(self) -> int:
        """How many pieces of data it was given."""

    def recipes(self, binaries: Path, build: Path) -> list[Path]:
        """The recipes of all it needs, the cluster's own images included."""

    def answers(self, text: str) -> dict[str, Any]:
        """The answers of one change; `text` is to be found again."""

    def said(self) -> str | None:
        """The text of the change that the cluster has; None where the app is not there."""

    def serves(self) -> bool:
        """Whether everything of it is there, of the version that is wanted, and well."""

    def busy(self) -> AbstractContextManager[object]:
        """Data that goes on coming in while it is changed."""

    def keep(self) -> None:
        """Give it data."""

    def lost(self) -> list[str]:
        """Whatever it was given and does not have any more, as it was."""


class Pair:
    """The two replicas with a volume, which holds a file."""

    app, release, versions = APP, APP, VERSIONS
    kept = 1

    def __init__(self, zone: OneZone) -> None:
        self._zone = zone

    def recipes(self, binaries: Path, build: Path) -> list[Path]:
        return [pair_recipe(binaries, build)]

    def answers(self, text: str) -> dict[str, Any]:
        return {"greeting": text}

    def said(self) -> str | None:
        path = f"/api/v1/namespaces/{APP}/configmaps/{APP}"
        if not self._zone.node.api.exists(path):
            return None
        return str(self._zone.node.api.get(path)["data"]["greeting"])

    def serves(self) -> bool:
        return complete(self._zone.node.api, "deployments", APP, APP, REPLICAS)

    def busy(self) -> AbstractContextManager[object]:
        """Nothing comes in: its containers only wait."""
        return nullcontext()

    def keep(self) -> None:
        self._volume().joinpath("evidence").write_text(EVIDENCE)

    def lost(self) -> list[str]:
        file = self._volume() / "evidence"
        return [] if file.is_file() and file.read_text() == EVIDENCE else ["evidence"]

    def _volume(self) -> Path:
        path = f"/api/v1/namespaces/{APP}/persistentvolumeclaims/{APP}-data"
        claim = self._zone.node.api.get(path)
        assert claim["status"]["phase"] == "Bound"
        return (
            self._zone.ground.kubeconfig.parent / "lib/volumes" / str(claim["spec"]["volumeName"])
        )


def complete(api: Api, kind: str, namespace: str, name: str, replicas: int) -> bool:
    """Whether a workload of `kind` (its plural) has all replicas, up to date and available."""
    found = api.get(f"/apis/apps/v1/namespaces/{namespace}/{kind}/{name}")
    status = found.get("status", {})
    counts = [status.get(key, 0) for key in ("availableReplicas", "updatedReplicas", "replicas")]
    seen = status.get("observedGeneration", 0) >= found["metadata"]["generation"]
    return seen and counts == [replicas] * 3
