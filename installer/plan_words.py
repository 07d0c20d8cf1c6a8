"""What a plan foretells, in the user's language: a sentence for every id of the library.

Invariant: every effect, reason, cause and basis of the library has its words here (a test compares
them); what comes from outside is a field.
"""

from __future__ import annotations

from collections.abc import Iterator

from champ_offline.release.review.data import DataChange
from champ_offline.release.review.effects import Effect, Happens
from champ_offline.release.review.estimate import Basis, Estimate
from champ_offline.release.review.irreversible import Irreversible, Why
from champ_offline.release.review.restarts import Cause, Restart, Way
from installer.language import active, mark
from installer.language import translate as _
from installer.quantities import duration, size

_EFFECTS = {
    Happens.NAMESPACE_MADE: mark("Namespace {name} is made; it stays when the release goes."),
    Happens.DEFINITION_MADE: mark("New kind of object: {name}."),
    Happens.DEFINITION_LEFT: mark(
        "The definition {name} differs from the app's; Helm leaves it as it is. If the app needs"
        " the newer one, apply it with kubectl first."
    ),
    Happens.VOLUME_MADE: mark("Volume {name} is made: {size}, storage class {storage_class}."),
    Happens.VOLUME_REUSED: mark("Volume {name} is there already and is used with what is in it."),
    Happens.VOLUME_GROWN: mark("Volume {name} grows from {before} to {after}."),
    Happens.VOLUME_KEPT: mark("Volume {name} stays, with its data."),
    Happens.VOLUME_RELABELLED: mark(
        "Volume {name} stays as it is; only labels or annotations of its claim change."
    ),
    Happens.VOLUME_DELETED: mark("Volume {name} is deleted, with its data."),
    Happens.HOOK_RUNS: mark(
        "Hook {kind} {name}: {events}, weight {weight}, delete policy {policy}, runs: {runs}"
    ),
    Happens.SETTINGS_SEEN: mark(
        "{kind} {name} changes under the running pods of {workload}: no restart, they see it within"
        " about a minute."
    ),
    Happens.SETTINGS_UNSEEN: mark(
        "{kind} {name} changes, but the pods of {workload} do not restart: they read it when they"
        " start next."
    ),
}
_HOOK_WITHOUT_PODS = mark("Hook {kind} {name}: {events}, weight {weight}, delete policy {policy}")
_REASONS = {
    Why.VOLUME_DELETED: mark("Volume {name} is deleted: its data is gone without a backup."),
    Why.DATA_DELETED: mark(
        "{kind} {name} is deleted: it holds entries that the release did not write."
    ),
    Why.DEFINITION_DELETED: mark(
        "The definition {name} is deleted, and with it every object of its kind in the cluster."
    ),
    Why.NO_WAY_BACK: mark(
        "{name} cannot go back from {after} to {before} with its data as they are then: {reason}."
    ),
    Why.DEFINITION_MADE: mark("The definition {name} stays when the release goes back or away."),
    Why.VOLUME_GROWN: mark("Volume {name} grows to {after} and never shrinks to {before} again."),
    Why.HOOK_RUNS: mark(
        "Hook {kind} {name} runs ({events}): a rollback does not undo what it does to data."
    ),
    Why.DATA_CONVERTED: mark(
        "{kind} {name} gets another image and keeps its volumes: if the app converts its data, a"
        " rollback does not convert it back. Make a backup first."
    ),
    Why.RELEASE_REMOVED: mark(
        "The release {name} is removed: it cannot be rolled back, only installed anew."
    ),
}
_CAUSES = {
    Cause.IMAGE: mark("another image"),
    Cause.MARK: mark("a checksum or restart mark"),
    Cause.SETTINGS: mark("other settings in the pod template"),
    Cause.FEWER: mark("fewer replicas"),
    Cause.DELETED: mark("the workload is deleted"),
}
_WAYS = {
    Way.ROLLING: mark("{pods} pod(s) restart, one after another"),
    Way.AT_ONCE: mark("{pods} pod(s) restart at once, nothing serves meanwhile"),
    Way.BY_HAND: mark("{pods} pod(s) restart when somebody deletes them"),
    Way.ENDING: mark("{pods} pod(s) end"),
}
_BASES = {
    Basis.RELEASE: mark("about {usual}, longest {longest} (earlier runs of this release: {runs})"),
    Basis.APP: mark("about {usual}, longest {longest} (earlier runs of this app: {runs})"),
    Basis.NONE: mark("not known yet, nothing like it ran here"),
}


def effect_text(effect: Effect) -> str:
    """One sentence."""
    template = _EFFECTS[effect.happens]
    if effect.happens is Happens.HOOK_RUNS and not effect.fields.get("runs"):
        template = _HOOK_WITHOUT_PODS
    unsaid = {"storage_class": _("the cluster's default"), "size": _("size not said")}
    shown = {name: text or unsaid.get(name, "") for name, text in effect.fields.items()}
    return _(template).format(kind=effect.kind, name=effect.name, **shown)


def irreversible_text(entry: Irreversible) -> str:
    """One sentence."""
    reason = entry.fields.get(active(), "")
    fields = {"kind": entry.kind, "name": entry.name, "reason": reason, **entry.fields}
    return _(_REASONS[entry.why]).format(**fields)


def restart_text(restart: Restart) -> str:
    """How many pods go, how and why, without a full stop."""
    way = _(_WAYS[restart.way]).format(pods=restart.pods)
    causes = ", ".join(_(_CAUSES[cause]) for cause in restart.causes)
    return f"{way}: {causes}" if causes else way


def estimate_text(found: Estimate) -> str:
    """How long it takes and how that is known, without a full stop."""
    return _(_BASES[found.basis]).format(
        usual=duration(found.seconds), longest=duration(found.longest), runs=found.runs
    )


def without_words() -> frozenset[str]:
    """The library's ids that nobody gave words."""
    tables = ((Happens, _EFFECTS), (Why, _REASONS), (Cause, _CAUSES), (Way, _WAYS), (Basis, _BASES))
    return frozenset(str(one) for kind, table in tables for one in kind if one not in table)


def data_texts(data: DataChange) -> Iterator[str]:
    """What is saved before, brought back, and what happens where the change fails."""
    if data.parts:
        names = ", ".join(part.name for part in data.parts)
        last = size(data.last) if data.last else _("nothing was saved yet")
        yield _("saved before: {parts} (last time: {size})").format(parts=names, size=last)
    if data.brings:
        told = {"number": data.brings, "size": size(data.size), "time": data.saved[:19]}
        yield _(
            "backup {number} ({size}, saved {time} UTC) replaces what is there; the app stands"
            " still meanwhile"
        ).format(**told)
    if data.returns:
        yield _("where the change fails, the data saved before comes back with the app")
