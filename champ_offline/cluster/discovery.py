"""Which kinds a cluster knows (aggregated discovery, apidiscovery.k8s.io/v2).

Invariant: built from the API server's own documents; a kind that is not in them has no path.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Kind:
    """Where objects of a kind are: their plural, and whether in a namespace."""

    plural: str
    namespaced: bool


@dataclass(frozen=True)
class Discovery:
    """Kinds by (apiVersion, kind)."""

    kinds: dict[tuple[str, str], Kind]

    @classmethod
    def of(cls, documents: Iterable[dict[str, Any]]) -> Discovery:
        """Read the documents of /api and /apis."""
        kinds: dict[tuple[str, str], Kind] = {}
        for document in documents:
            for group in document.get("items") or []:
                name = (group.get("metadata") or {}).get("name", "")
                for version in group.get("versions") or []:
                    api_version = f"{name}/{version['version']}" if name else version["version"]
                    kinds |= _kinds(api_version, version)
        return cls(kinds)

    @property
    def api_versions(self) -> tuple[str, ...]:
        """`group/version` and `group/version/Kind` of everything, sorted, as Helm lists them."""
        versions = {api_version for api_version, _ in self.kinds}
        return tuple(sorted(versions | {"/".join(pair) for pair in self.kinds}))

    def find(self, api_version: str, kind: str) -> Kind | None:
        """The kind; None when the cluster does not know it."""
        return self.kinds.get((api_version, kind))


def _kinds(api_version: str, version: dict[str, Any]) -> dict[tuple[str, str], Kind]:
    return {
        (api_version, resource["responseKind"]["kind"]): Kind(
            resource["resource"], resource.get("scope") == "Namespaced"
        )
        for resource in version.get("resources") or []
        if resource.get("responseKind")
    }
