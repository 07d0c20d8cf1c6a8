"""What an app asks of a cluster, in words.

Invariant: every line comes from what the app's own objects say; what they do not say is left out.
"""

from __future__ import annotations

from collections.abc import Iterator

from champ_offline.particulars.asks import Asks, Pods, Volume, WayIn, When
from champ_offline.preflight.resources import shown, words
from champ_offline.preflight.standards import LEVELS
from installer.language import mark
from installer.language import translate as _

_SHOWN = 6
_WHEN = {
    When.EACH_NODE: mark("{subject}, on each node: {asked}"),
    When.AT_TIMES: mark("{subject}, at times: {asked}"),
    When.CHANGE: mark("{subject}, during a change: {asked}"),
}


def need_lines(asks: Asks) -> Iterator[str]:
    """A line for each thing, the commonest first."""
    yield from _kubernetes(asks)
    yield from _room(asks)
    yield from _storage(asks)
    yield from _ways_in(asks)
    yield from _security(asks)
    if asks.classes:
        yield _("Must be in the cluster: {names}.").format(names=_some(asks.classes))
    if asks.definitions:
        text = _("Kinds that must be defined beforehand: {names}.")
        yield text.format(names=_some(asks.definitions))
    if asks.cluster_wide:
        text = _("Makes objects outside of its namespace: {names}.")
        yield text.format(names=_some(asks.cluster_wide))


def _kubernetes(asks: Asks) -> Iterator[str]:
    if asks.kubernetes:
        yield _("Kubernetes {condition}, says its chart.").format(condition=asks.kubernetes)
    for one in asks.endings:
        text = _("{subject} is written for {version}, which Kubernetes {removed} took away.")
        yield text.format(subject=one.subject, version=one.version, removed=one.removed)


def _room(asks: Asks) -> Iterator[str]:
    text = _("All pods together: {asked}. The largest one: {largest}.")
    nothing = _("nothing stated")
    yield text.format(asked=words(asks.requests) or nothing, largest=words(asks.largest) or nothing)
    for pods in asks.pods:
        if pods.when is not When.ALWAYS:
            yield _(_WHEN[pods.when]).format(subject=pods.subject, asked=_asked(pods))
    silent = [one.subject for one in asks.pods if one.count and not one.requests]
    if silent:
        yield _("Do not state what they need: {names}.").format(names=_some(silent))


def _asked(pods: Pods) -> str:
    return words(pods.requests) or _("nothing stated")


def _storage(asks: Asks) -> Iterator[str]:
    if not asks.volumes:
        yield _("No volumes.")
        return
    text = _("Storage {size}: {volumes}.")
    told = [_volume(volume) for volume in asks.volumes]
    yield text.format(size=shown("storage", asks.storage), volumes=_some(told, "; "))


def _volume(volume: Volume) -> str:
    text = _("{name} {size} (class {class_}, {modes})")
    if volume.storage_class is None:
        text = _("{name} {size} (the default class, {modes})")
    return text.format(
        name=volume.name,
        size=shown("storage", volume.size),
        class_=volume.storage_class or "“”",
        modes=", ".join(volume.modes) or "-",
    )


def _ways_in(asks: Asks) -> Iterator[str]:
    if asks.ways_in:
        told = [_way_in(one) for one in asks.ways_in]
        yield _("Ways in from outside: {ways}.").format(ways=_some(told, "; "))
    else:
        yield _("No way in from outside of the cluster.")


def _way_in(one: WayIn) -> str:
    if one.what == "Ingress":
        return f"{one.subject} {one.name or '*'}"
    port = str(one.port) if one.port else _("a port that the cluster chooses")
    return f"{one.what} {port} ({one.subject})"


def _security(asks: Asks) -> Iterator[str]:
    yield _("Pod Security level: {level}.").format(level=asks.level)
    if asks.violations:
        stricter = LEVELS[LEVELS.index(asks.level) + 1]
        text = _("What keeps it from {level}: {violations}.")
        yield text.format(level=stricter, violations=_some(asks.violations, "; "))


def _some(names: tuple[str, ...] | list[str], between: str = ", ") -> str:
    """The first of them, and how many more."""
    told = between.join(names[:_SHOWN])
    if len(names) <= _SHOWN:
        return told
    return _("{names} and {count} more").format(names=told, count=len(names) - _SHOWN)
