"""What applying would do to each object, found out without changing any.

Invariant: every object of the new manifest, of the old one, every hook that would run and every CRD
is compared exactly once, with its reason; the cluster is only asked.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import TypeAlias

from champ_offline.cluster.interface import Cluster, ObjectRefused, Preview
from champ_offline.helm.engine import Document, Rendered
from champ_offline.release import differences, live
from champ_offline.release.live import Place
from champ_offline.release.masks import Mask
from champ_offline.release.objects import Item, Key, Object, items
from champ_offline.release.plan import Action, Change
from champ_offline.release.review import guard, immutable
from champ_offline.release.review.compared import Compared, Role
from champ_offline.release.review.effects import lost_claims
from champ_offline.release.review.restarts import restarts
from champ_offline.release.review.volumes import CLAIM

_Told: TypeAlias = tuple[Change, str]

HOOKS_OF: Mapping[bool, frozenset[str]] = {
    False: frozenset({"pre-install", "post-install"}),
    True: frozenset({"pre-upgrade", "post-upgrade"}),
}
"""Helm's events of an install and, for True, of an upgrade."""
_REMOVAL = frozenset({"pre-delete", "post-delete"})


class Comparison:
    """Compares one release's objects with the cluster."""

    def __init__(
        self,
        cluster: Cluster,
        release: str,
        namespace: str,
        foretold: Callable[[Item], bool] = lambda _item: False,
    ) -> None:
        """`foretold` says of which objects a refusal is known already, as a concern."""
        self._cluster = cluster
        self._foretold = foretold
        self._release = release
        self._namespace = namespace
        self._live: Mapping[Place, Object | None] = {}

    def change(
        self, old: Sequence[Item], rendered: Rendered, *, upgrade: bool, new_namespace: bool
    ) -> tuple[Compared, ...]:
        """The objects of an install or upgrade.

        Raises FieldsImmutable, ObjectRefused.
        """
        events = HOOKS_OF[upgrade]
        new = items(rendered.manifests, self._namespace)
        before = {item.key for item in old}
        after = {item.key for item in new}
        left = [item for item in old if item.key not in after]
        if not new_namespace:
            self._read([*new, *left])
        immutable.refuse((item, self._found(item)) for item in new)
        crds = [self._definition(item) for item in items(rendered.crds, self._namespace)]
        made = [self._applied(item, before, ask=not new_namespace) for item in new]
        gone = [self._left(item, "no longer part of the release") for item in left]
        hooks = [
            self._hook(item)
            for item in items(rendered.hooks, self._namespace)
            if events & {*item.hook}
        ]
        return (*crds, *made, *gone, *hooks)

    def removal(self, old: Sequence[Item], hooks: Sequence[Document]) -> tuple[Compared, ...]:
        """The objects of removing the release; volumes that stay are named too."""
        self._read(old)
        run = [
            self._hook(item) for item in items(hooks, self._namespace) if _REMOVAL & {*item.hook}
        ]
        left = [self._left(item, "part of the release") for item in old]
        return (*left, *self._volumes(left), *run)

    def claims(self, compared: Iterable[Compared]) -> frozenset[str]:
        """The names of the claims in the namespace, where StatefulSets are concerned."""
        if not any(one.kind == "StatefulSet" for one in compared):
            return frozenset()
        found = self._cluster.listed("v1", CLAIM, self._namespace)
        return frozenset(str(one["metadata"]["name"]) for one in found)

    def _read(self, every: Sequence[Item]) -> None:
        self._live = live.read(self._cluster, map(Place.of, every))

    def _found(self, item: Item) -> Object | None:
        return self._live.get(Place.of(item))

    def _applied(self, item: Item, before: set[Key], *, ask: bool) -> Compared:
        wanted = item.owned_by(self._release, self._namespace)
        found = self._preview(wanted, item) if ask else Preview()
        change, reason = _verdict(found, listed=item.key in before)
        # For something new the server would invent addresses that applying will not give again.
        after = wanted if found.live is None else found.after or wanted
        return Compared(item, Role.MEMBER, change, reason, found.live, after, found.conflicts)

    def _preview(self, wanted: Object, item: Item) -> Preview:
        try:
            return self._cluster.preview(wanted, item.namespace)
        except ObjectRefused:
            if not self._foretold(item):
                raise
            there = self._cluster.get(item.api_version, item.kind, item.namespace, item.name)
            return Preview(live=there)

    def _left(self, item: Item, reason: str) -> Compared:
        there = self._found(item)
        if item.kept:
            kept = "kept by its resource policy"
            return Compared(item, Role.MEMBER, Change.UNCHANGED, kept, there, there)
        return Compared(item, Role.MEMBER, Change.DELETED, reason, there)

    def _volumes(self, left: Sequence[Compared]) -> list[Compared]:
        """The claims of the release's pods that nothing deletes."""
        named = {one.name for one in left if one.kind == CLAIM}
        claims = self.claims(left)
        named |= {name for one in left for name in lost_claims(one, claims)}
        found = []
        for state in self._cluster.objects(self._namespace, self._release):
            if state.kind == CLAIM and state.name not in named:
                there = self._cluster.get("v1", CLAIM, self._namespace, state.name)
                item = Item(("", CLAIM, self._namespace, state.name), there or _claim(state.name))
                told = (Change.UNCHANGED, "volumes with data stay")
                found.append(Compared(item, Role.MEMBER, *told, there, there))
        return found

    def _hook(self, item: Item) -> Compared:
        there = self._cluster.get(item.api_version, item.kind, item.namespace, item.name)
        change = Change.CREATED if there is None else Change.REPLACED
        return Compared(item, Role.HOOK, change, "runs as a hook", there, item.content)

    def _definition(self, item: Item) -> Compared:
        there = self._cluster.get(item.api_version, item.kind, item.namespace, item.name)
        if there is not None:
            reason = "Helm leaves existing definitions alone"
            return Compared(item, Role.DEFINITION, Change.UNCHANGED, reason, there, there)
        reason = "new kind of object"
        return Compared(item, Role.DEFINITION, Change.CREATED, reason, None, item.content)


def actions(
    compared: Collection[Compared], mask: Mask, salt: str, scalers: Iterable[Object] = ()
) -> tuple[Action, ...]:
    """What a plan tells of each object, masked and guarded with the release's salt.

    `scalers` are the autoscalers that are there, also those that are not the release's.
    """
    scaled = guard.scaled([*(one.live for one in compared), *scalers])
    return tuple(
        Action(
            change=one.change,
            api_version=one.item.api_version,
            kind=one.kind,
            namespace=one.item.namespace,
            name=one.name,
            reason=one.reason,
            diff=_diff(one, mask),
            hook=",".join(one.item.hook) if one.role is Role.HOOK else "",
            restarts=restarts(one) if one.role is Role.MEMBER else (),
            guard=_guard(one, salt, scaled),
        )
        for one in compared
    )


def _guard(one: Compared, salt: str, scaled: Collection[tuple[str, str]]) -> str:
    left_alone = one.role is Role.MEMBER and one.change is Change.UNCHANGED and one.item.kept
    if one.role is Role.HOOK or left_alone:
        return ""
    return guard.guard(one.live, salt, scaled=(one.kind, one.name) in scaled)


def _diff(one: Compared, mask: Mask) -> str:
    if one.change is Change.UNCHANGED or one.role is Role.DEFINITION:
        return ""
    if one.role is Role.HOOK:
        return differences.shown(None, one.item.content, mask)
    if one.change is Change.DELETED:
        return differences.shown(one.item.content, None, mask)
    return differences.shown(one.live, one.after, mask)


def _verdict(found: Preview, *, listed: bool) -> _Told:
    if found.live is None:
        return Change.CREATED, "missing in the cluster" if listed else "new in the release"
    if differences.equal(found.live, found.after):
        return Change.UNCHANGED, "as it is"
    return Change.CHANGED, "differs from the cluster"


def _claim(name: str) -> Object:
    return {"apiVersion": "v1", "kind": CLAIM, "metadata": {"name": name}}
