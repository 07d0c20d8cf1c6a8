"""What Argo CD and Flux are told: the objects that lead them to the applications' folders.

Invariant: pure; nothing is deleted by them (`prune` is off), and what comes before what is said as
far as the tool can say it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from enum import StrEnum

from champ_offline.catalog.yaml_text import block
from champ_offline.site.gitops.application import AFTER, BEFORE, MAIN, Application, Files

_ARGO = "argoproj.io/v1alpha1"
_FLUX = "kustomize.toolkit.fluxcd.io/v1"
_HERE = "https://kubernetes.default.svc"
_GIVEN = frozenset({"default", "kube-system", "kube-public", "kube-node-lease"})


class Tool(StrEnum):
    """Who shall apply the files."""

    ARGOCD = "argocd"
    FLUX = "flux"


def cluster_files(
    tool: Tool, cluster: str, source: str, made: Sequence[tuple[Application, Files]]
) -> dict[str, bytes]:
    """What lies beside a cluster's applications: their objects, and a kustomization of these."""
    folder = f"clusters/{cluster}"
    made = [(one, files) for one, files in made if files.phases]
    there = {one.name for one, _ in made}
    if tool is Tool.ARGOCD:
        objects: dict[str, Iterable[Mapping[str, object]]] = {
            "applications.yaml": [_application(one, source) for one, _ in made]
        }
        root = {f"{folder}/root.yaml": block(_root(folder, source)).encode()}
    else:
        objects = {
            "kustomizations.yaml": [
                phase for one, files in made for phase in _phases(one, files.phases, source, there)
            ],
            "namespaces.yaml": _namespaces(one for one, _ in made),
        }
        root = {}
    texts = {name: "---\n".join(map(block, of)) for name, of in objects.items()}
    listed = {"resources": [name for name, text in texts.items() if text]}
    kind = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}
    texts["kustomization.yaml"] = block({**kind, **listed})
    return root | {f"{folder}/{name}": text.encode() for name, text in texts.items() if text}


def _application(one: Application, source: str) -> dict[str, object]:
    return {
        "apiVersion": _ARGO,
        "kind": "Application",
        "metadata": {
            "name": one.name,
            "namespace": "argocd",
            "annotations": {"argocd.argoproj.io/sync-wave": str(one.wave), **_told(one)},
        },
        "spec": {
            "project": "default",
            "source": _source(source, one.folder),
            "destination": {"server": _HERE, "namespace": one.namespace},
            "syncPolicy": {
                "automated": {"prune": False, "selfHeal": False},
                "syncOptions": ["CreateNamespace=true", "ServerSideApply=true"],
            },
        },
    }


def _root(folder: str, source: str) -> dict[str, object]:
    """The application of the applications, which somebody applies once."""
    return {
        "apiVersion": _ARGO,
        "kind": "Application",
        "metadata": {"name": "champ", "namespace": "argocd"},
        "spec": {
            "project": "default",
            "source": _source(source, folder),
            "destination": {"server": _HERE, "namespace": "argocd"},
            "syncPolicy": {"automated": {"prune": False, "selfHeal": False}},
        },
    }


def _source(url: str, path: str) -> dict[str, object]:
    return {"repoURL": url, "targetRevision": "HEAD", "path": path}


def _phases(
    one: Application, phases: Sequence[str], source: str, there: Collection[str]
) -> Iterable[Mapping[str, object]]:
    """One of Flux's kustomizations for each phase; each needs the one before it.

    The last has the application's name: who needs the application waits for that one.
    """
    before = [name for name in one.needs if name in there]
    own = [phase for phase in (BEFORE, MAIN, AFTER) if phase in phases]
    for phase in own:
        name = one.name if phase == own[-1] else f"{one.name}.{phase or 'main'}"
        yield {
            "apiVersion": _FLUX,
            "kind": "Kustomization",
            "metadata": {"name": name, "namespace": "flux-system", "annotations": _told(one)},
            "spec": {
                "interval": "10m",
                "path": "./" + "/".join(part for part in (one.folder, phase) if part),
                "prune": False,
                "wait": True,
                # Jobs are not changed in place.
                "force": phase != MAIN,
                "sourceRef": {"kind": "GitRepository", "name": source},
                **({"dependsOn": [{"name": other} for other in before]} if before else {}),
            },
        }
        before = [name]


def _told(one: Application) -> dict[str, str]:
    return {"champ.local/plan": str(one.plan), "champ.local/sealed": str(one.sealed)}


def _namespaces(every: Iterable[Application]) -> Iterable[Mapping[str, object]]:
    for name in sorted({one.namespace for one in every} - _GIVEN):
        yield {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
