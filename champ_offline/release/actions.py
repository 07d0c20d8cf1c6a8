"""What applying would do to each object, found out without changing any.

Invariant: every object of the new manifest, of the old one, every hook that would run and every CRD
gets exactly one action with its reason; the cluster is only asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from champ_offline.cluster.interface import Cluster, Preview
from champ_offline.helm.engine import Document, Rendered
from champ_offline.release import differences
from champ_offline.release.masks import Mask
from champ_offline.release.objects import Item, Key, items
from champ_offline.release.plan import Action, Change

_Told: TypeAlias = tuple[Change, str]

_INSTALL = frozenset({"pre-install", "post-install"})
_UPGRADE = frozenset({"pre-upgrade", "post-upgrade"})
_REMOVAL = frozenset({"pre-delete", "post-delete"})
_CLAIM = "PersistentVolumeClaim"


class Comparison:
    """Compares one release's objects with the cluster."""

    def __init__(self, cluster: Cluster, release: str, namespace: str, mask: Mask) -> None:
        self._cluster = cluster
        self._release = release
        self._namespace = namespace
        self._mask = mask

    def change(
        self, old: Sequence[Item], rendered: Rendered, *, upgrade: bool, new_namespace: bool
    ) -> tuple[Action, ...]:
        """The actions of an install or upgrade; raises ObjectRefused, FieldsOwned."""
        events = _UPGRADE if upgrade else _INSTALL
        new = items(rendered.manifests, self._namespace)
        before = {item.key for item in old}
        after = {item.key for item in new}
        crds = [self._definition(item) for item in items(rendered.crds, self._namespace)]
        made = [self._applied(item, before, ask=not new_namespace) for item in new]
        reason = "no longer part of the release"
        gone = [self._left(item, reason) for item in old if item.key not in after]
        hooks = [
            self._hook(item)
            for item in items(rendered.hooks, self._namespace)
            if events & {*item.hook}
        ]
        return (*crds, *made, *gone, *hooks)

    def removal(self, old: Sequence[Item], hooks: Sequence[Document]) -> tuple[Action, ...]:
        """The actions of removing the release; volumes that stay are named too."""
        run = [
            self._hook(item) for item in items(hooks, self._namespace) if _REMOVAL & {*item.hook}
        ]
        named = {item.name for item in old if item.kind == _CLAIM}
        volumes = [
            Action(Change.UNCHANGED, "v1", _CLAIM, state.name, "volumes with data stay")
            for state in self._cluster.objects(self._namespace, self._release)
            if state.kind == _CLAIM and state.name not in named
        ]
        return (*(self._left(item, "part of the release") for item in old), *volumes, *run)

    def _applied(self, item: Item, before: set[Key], *, ask: bool) -> Action:
        wanted = item.owned_by(self._release, self._namespace)
        found = self._cluster.preview(wanted, item.namespace) if ask else Preview()
        change, reason = _verdict(found, listed=item.key in before)
        if change is Change.UNCHANGED:
            return _action(change, item, reason)
        # For something new the server would invent addresses that applying will not give again.
        after = wanted if found.live is None else found.after or wanted
        return _action(change, item, reason, differences.shown(found.live, after, self._mask))

    def _left(self, item: Item, reason: str) -> Action:
        if item.kept:
            return _action(Change.UNCHANGED, item, "kept by its resource policy")
        diff = differences.shown(item.content, None, self._mask)
        return _action(Change.DELETED, item, reason, diff)

    def _hook(self, item: Item) -> Action:
        live = self._cluster.get(item.api_version, item.kind, item.namespace, item.name)
        change = Change.CREATED if live is None else Change.REPLACED
        diff = differences.shown(None, item.content, self._mask)
        return _action(change, item, "runs as a hook", diff, ",".join(item.hook))

    def _definition(self, item: Item) -> Action:
        live = self._cluster.get(item.api_version, item.kind, item.namespace, item.name)
        if live is not None:
            return _action(Change.UNCHANGED, item, "Helm leaves existing definitions alone")
        return _action(Change.CREATED, item, "new kind of object")


def _verdict(found: Preview, *, listed: bool) -> _Told:
    if found.live is None:
        return Change.CREATED, "missing in the cluster" if listed else "new in the release"
    if differences.equal(found.live, found.after):
        return Change.UNCHANGED, "as it is"
    return Change.CHANGED, "differs from the cluster"


def _action(change: Change, item: Item, reason: str, diff: str = "", hook: str = "") -> Action:
    return Action(change, item.api_version, item.kind, item.name, reason, diff, hook)
