"""One release as files: its sealed objects word for word, and what of it no file may hold.

Invariant: pure. Nothing that is a Secret becomes a file, and no file holds a secret of the form or
a value of such a Secret in any of the forms that `release.hiding` knows: it is refused instead.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from champ_offline.catalog.yaml_text import block
from champ_offline.errors import ChampError, ExitCode
from champ_offline.helm import manifests
from champ_offline.helm.engine import Document, Rendered
from champ_offline.oci.digest import Digest
from champ_offline.preflight.scopes import CLUSTER_WIDE
from champ_offline.release.hiding import Hiding
from champ_offline.release.objects import Item, items

BEFORE, MAIN, AFTER = "before", "", "after"
_PHASES = {
    "pre-install": BEFORE, "pre-upgrade": BEFORE, "post-install": AFTER, "post-upgrade": AFTER,
}  # fmt: skip
_BUILDS = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}
_BUILT_IN = frozenset({"", "apps", "batch", "autoscaling", "policy", "extensions"})


class SecretInManifest(ChampError):
    """A secret stands in an object that is no Secret, and would be in every file of an export."""

    id = "gitops.secret-in-clear"
    exit_code = ExitCode.PREFLIGHT
    message = "Nothing was exported: {kind} {name} of {release} holds a secret in clear."
    remedy = (
        "Leave this app to champ, or ask its author to keep the secret in a Secret that the object"
        " refers to."
    )


@dataclass(frozen=True)
class SecretLeftOut:
    """A Secret that somebody has to fill: `keys` of its data, without their values."""

    cluster: str
    namespace: str
    name: str
    type: str
    keys: tuple[str, ...]


@dataclass(frozen=True)
class HookLeftOut:
    """An object that Helm alone runs, at events that the others do not know."""

    cluster: str
    namespace: str
    kind: str
    name: str
    hook: str


@dataclass(frozen=True)
class Application:
    """A release as it is once the plan is applied; `cluster` is the cluster's name.

    `plan` and `sealed` are digests of what was approved; `wave` is its place in the site plan (0:
    it is so already), `needs` and `elsewhere` are names of applications that come before, on this
    cluster and on others. `secrets` must not be seen.
    """

    cluster: str
    namespace: str
    release: str
    app: str
    version: str
    plan: Digest
    sealed: Digest | None
    wave: int
    needs: tuple[str, ...]
    elsewhere: tuple[str, ...]
    rendered: Rendered = field(repr=False)
    secrets: frozenset[str] = field(repr=False)

    @property
    def name(self) -> str:
        """Unique on its cluster."""
        return f"{self.namespace}.{self.release}"

    @property
    def folder(self) -> str:
        """Where its files lie."""
        return f"clusters/{self.cluster}/apps/{self.name}"


@dataclass(frozen=True)
class Files:
    """What an application becomes: `phases` are the folders below its own that have files.

    There is none where all that it has are Secrets.
    """

    files: Mapping[str, bytes] = field(repr=False)
    phases: tuple[str, ...]
    secrets: tuple[SecretLeftOut, ...]
    hooks: tuple[HookLeftOut, ...]


def files(one: Application, *, apart: bool) -> Files:
    """The application's files by their paths; raises SecretInManifest.

    With `apart` hooks have folders of their own, for who does not know Helm's annotations.
    """
    hiding = Hiding(one.secrets)
    made: dict[str, bytes] = {}
    resources: dict[str, list[str]] = {}
    placed: dict[str, list[Item]] = {}
    secrets, hooks = [], []
    wide = _defined(one.rendered.crds)
    for kind, document, item in _documents(one):
        if item.kind == "Secret" and item.key[0] == "":
            secrets.append(_left_out(one, item))
            continue
        phase = _phase(item)
        if phase is None:
            told = (item.namespace, item.kind, item.name, ",".join(item.hook))
            hooks.append(HookLeftOut(one.cluster, *told))
            continue
        _refuse_secrets(one, document, item, hiding)
        phase = phase if apart else MAIN
        name = f"{kind}-{len(resources.get(phase, [])):04}.yaml"
        made[_path(one, phase, name)] = document.text.encode()
        resources.setdefault(phase, []).append(name)
        if not item.content["metadata"].get("namespace") and not _is_wide(item, wide):
            placed.setdefault(phase, []).append(item)
    for phase, names in resources.items():
        patches = [_placing(item, one.namespace) for item in placed.get(phase, [])]
        text = block({**_BUILDS, "resources": names, **({"patches": patches} if patches else {})})
        made[_path(one, phase, "kustomization.yaml")] = text.encode()
    return Files(made, tuple(sorted(resources)), tuple(secrets), tuple(hooks))


def _documents(one: Application) -> Iterable[tuple[str, Document, Item]]:
    rendered = one.rendered
    for kind, documents in (
        ("crd", rendered.crds),
        ("manifest", rendered.manifests),
        ("hook", rendered.hooks),
    ):
        for document, item in zip(documents, items(documents, one.namespace), strict=True):
            yield kind, document, item


def _path(one: Application, phase: str, name: str) -> str:
    return "/".join(part for part in (one.folder, phase, name) if part)


def _phase(item: Item) -> str | None:
    """When it is applied; None for a hook of Helm's other events."""
    if not item.hook:
        return MAIN
    return next((_PHASES[event] for event in item.hook if event in _PHASES), None)


def _left_out(one: Application, item: Item) -> SecretLeftOut:
    content = item.content
    keys = {*(content.get("data") or {}), *(content.get("stringData") or {})}
    kind = str(content.get("type") or "Opaque")
    return SecretLeftOut(one.cluster, item.namespace, item.name, kind, tuple(sorted(keys)))


def _refuse_secrets(one: Application, document: Document, item: Item, hiding: Hiding) -> None:
    # As it is written, and as it reads: folded or escaped a secret would not be found.
    for text in (document.text, json.dumps(item.content, default=str, ensure_ascii=False)):
        if hiding.text(text) != text:
            raise SecretInManifest(kind=item.kind, name=item.name, release=one.release)


def _placing(item: Item, namespace: str) -> dict[str, object]:
    """A patch that says the namespace of an object that Helm would put into its release's."""
    group, _, version = item.api_version.rpartition("/")
    named = {"group": group} if group else {}
    # What says no namespace is matched as if it said “default”.
    place = {"namespace": "^default$", "name": f"^{_literal(item.name)}$"}
    change = [{"op": "add", "path": "/metadata/namespace", "value": namespace}]
    target = {**named, "version": version, "kind": item.kind, **place}
    return {"target": target, "patch": json.dumps(change)}


def _literal(name: str) -> str:
    return name.replace(".", r"\.")


def _is_wide(item: Item, defined: Mapping[tuple[str, str], bool]) -> bool:
    """Whether its kind has no namespaces; one that nobody knows is left to whoever applies it."""
    group, kind = item.key[0], item.kind
    if kind in CLUSTER_WIDE.get(group, ()):
        return True
    built_in = group in _BUILT_IN or group.endswith(".k8s.io")
    return not built_in and defined.get((group, kind), True)


def _defined(crds: Iterable[Document]) -> dict[tuple[str, str], bool]:
    """Whether the kinds that the chart itself defines have no namespaces."""
    found = {}
    for document in crds:
        spec = manifests.load(document.text, document.source).get("spec") or {}
        names = spec.get("names") or {}
        found[str(spec.get("group")), str(names.get("kind"))] = spec.get("scope") == "Cluster"
    return found
