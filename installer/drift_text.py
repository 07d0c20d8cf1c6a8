"""How a release drifted, in words: one for a row, and a line for every difference.

Invariant: shows what the library masked, and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from installer.language import translate as _
from installer.words import word

if TYPE_CHECKING:
    from champ_offline.release.drift.values import Drift, FieldDrift, HelmDrift

Line: TypeAlias = dict[str, str]


def in_short(status: Mapping[str, Any]) -> str:
    """What a release's row says, of its plain form: `none`, `helm`, `2 object(s)`."""
    drift = status["drift"]
    if drift is None:
        return _("not looked at")
    missing = drift["missing"] or ()
    return _counted(drift["helm"], drift["objects"], [*drift["images"], *missing])


def in_words(drift: Drift | None) -> str:
    """The same of the value itself."""
    if drift is None:
        return _("not looked at")
    return _counted(drift.helm, drift.objects, [*drift.images, *(drift.missing or ())])


def _counted(helm: object, objects: Sequence[object], images: Sequence[object]) -> str:
    told = [_("helm")] if helm else []
    counts = {_("{count} object(s)"): len(objects), _("{count} image(s)"): len(images)}
    told += [text.format(count=count) for text, count in counts.items() if count]
    return ", ".join(told) or _("none")


def of_helm(helm: HelmDrift) -> str:
    """What Helm's record says, where this zone did not write it."""
    if not helm.revision:
        text = _("Helm has no record of this release any more; this zone left revision {expected}.")
        return text.format(expected=helm.expected)
    if helm.revision == helm.expected:
        text = _("Helm's record of this release, revision {revision}, says: {status}.")
        return text.format(revision=helm.revision, status=word(helm.status))
    text = _(
        "Helm's record is another than this zone made: revision {revision} instead of {expected}"
    )
    told = [word(helm.status), helm.modified, helm.description]
    told += [_("written by {manager}").format(manager=helm.manager)] if helm.manager else []
    known = text.format(revision=helm.revision, expected=helm.expected)
    return ", ".join([known, *filter(None, told)])


def lines(drift: Drift) -> Iterator[Line]:
    """Every difference: kind, name, what, field, sealed, now, by."""
    for one in drift.objects:
        what = word(one.standing)
        if one.reason or not one.fields:
            yield _line(one.kind, one.name, what, now=one.reason)
        for field in one.fields:
            by = ", ".join(field.managers) or _unnamed(field)
            yield _line(one.kind, one.name, what, field.path, field.sealed, field.live, by)
    for image in drift.images:
        what = _("another image")
        yield _line("Pod", image.pod, what, image.container, image.sealed, image.running)
    for name in drift.missing or ():
        yield _line("", name, _("missing in the registry"))


def _unnamed(field: FieldDrift) -> str:
    """Kubernetes notes nobody where a workload was scaled to 0: a Scale of 0 has no such field."""
    scaled = field.path == "spec.replicas" and field.live == "0"
    return _("somebody, by scaling it") if scaled else ""


def _line(
    kind: str, name: str, what: str, field: str = "", sealed: str = "", now: str = "", by: str = ""
) -> Line:
    return {
        "kind": kind, "name": name, "what": what, "field": field, "sealed": sealed, "now": now,
        "by": by,
    }  # fmt: skip


def told(drift: Drift) -> Iterator[str]:
    """All of it as sentences, one below the other, for a screen."""
    if drift.helm is not None:
        yield of_helm(drift.helm)
    for line in lines(drift):
        yield f"{line['kind']} {line['name']}: {line['what']} {line['field']}".strip()
        if line["sealed"] or line["now"]:
            yield "    " + _("sealed: {sealed}").format(sealed=_value(line["sealed"]))
            yield "    " + _("now: {now}").format(now=_value(line["now"]))
        if line["by"]:
            yield "    " + _("by: {by}").format(by=line["by"])
    if drift.missing is None:
        yield _("Whether nodes can still pull its images was not looked at.")


def _value(text: str) -> str:
    """A value in its place; further lines of it stay below its first."""
    return text.strip("\n").replace("\n", "\n      ") or "—"
