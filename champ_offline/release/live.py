"""Many live objects in few requests.

Invariant: what is given for an object is what the API server holds, or None where it holds none;
reading changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from champ_offline.cluster.interface import Cluster
from champ_offline.release.objects import Item, Object

# From how many objects of a kind on one list costs less than asking for each.
_WORTH_A_LIST = 3
# Definitions are large and a cluster has many of them.
_NEVER_LISTED = frozenset({"CustomResourceDefinition"})


@dataclass(frozen=True)
class Place:
    """Where an object is; for kinds of the whole cluster `namespace` means nothing."""

    api_version: str
    kind: str
    namespace: str
    name: str

    @classmethod
    def of(cls, item: Item) -> Place:
        """Where an object of a release is."""
        return cls(item.api_version, item.kind, item.namespace, item.name)


def read(
    cluster: Cluster, places: Iterable[Place], nowhere: str = ""
) -> Mapping[Place, Object | None]:
    """The live object at each place: a list for each kind with several, else one by one.

    `nowhere` is a namespace known not to be there: nothing in it is asked for.
    """
    groups: dict[tuple[str, str, str], list[Place]] = {}
    for place in dict.fromkeys(places):
        groups.setdefault((place.api_version, place.kind, place.namespace), []).append(place)
    found: dict[Place, Object | None] = {}
    for where, group in groups.items():
        if nowhere and where[2] == nowhere and cluster.is_namespaced(*where[:2]):
            found |= dict.fromkeys(group)
        elif len(group) < _WORTH_A_LIST or where[1] in _NEVER_LISTED:
            found |= {place: cluster.get(*where, place.name) for place in group}
        else:
            there = {str(one["metadata"]["name"]): one for one in cluster.listed(*where)}
            found |= {place: there.get(place.name) for place in group}
    return found
