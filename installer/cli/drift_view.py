"""Drift as `champ status` shows it: a word for each release, and every difference of one.

Invariant: shows what the library masked, and nothing else; JSON has the same values whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from installer.cli.output import Column
from installer.cli.session import Session
from installer.language import translate as _
from installer.words import word

if TYPE_CHECKING:
    from champ_offline.release.drift.values import Drift, HelmDrift

_Line: TypeAlias = dict[str, str]


def in_short(status: Mapping[str, Any]) -> str:
    """What a release's row says: `none`, `helm`, `2 object(s)`."""
    drift = status["drift"]
    if drift is None:
        return _("not looked at")
    told = [_("helm")] if drift["helm"] else []
    counts = {
        _("{count} object(s)"): len(drift["objects"]),
        _("{count} image(s)"): len(drift["images"]) + len(drift["missing"] or ()),
    }
    told += [text.format(count=count) for text, count in counts.items() if count]
    return ", ".join(told) or _("none")


def show(session: Session, drift: Drift) -> None:
    """Each difference on a line, below what Helm's record says."""
    output = session.output
    if drift.helm is not None:
        output.text(f"\n{_of_helm(drift.helm)}\n")
    if drift.missing is None:
        output.text("\n" + _("Whether nodes can still pull its images was not looked at.") + "\n")
    lines = list(_lines(drift))
    if not lines:
        return
    output.text("\n")
    columns = [
        Column("kind", _("KIND")),
        Column("name", _("NAME")),
        Column("what", _("WHAT")),
        Column("field", _("FIELD")),
        Column("sealed", _("SEALED")),
        Column("now", _("NOW")),
        Column("by", _("BY")),
    ]
    # A table is as wide as it must be: what no line fills is left out.
    output.rows(lines, [one for one in columns if any(line[one.key] for line in lines)])


def _of_helm(helm: HelmDrift) -> str:
    if not helm.revision:
        text = _("Helm has no record of this release any more; this zone left revision {expected}.")
        return text.format(expected=helm.expected)
    text = _(
        "Helm's record is another than this zone made: revision {revision} instead of {expected},"
        " {status}, {modified}, {description}, written by {manager}"
    )
    return text.format(**{**vars(helm), "status": word(helm.status)})


def _lines(drift: Drift) -> Iterator[_Line]:
    for one in drift.objects:
        what = word(one.standing)
        if one.reason or not one.fields:
            yield _line(one.kind, one.name, what, now=one.reason)
        for field in one.fields:
            by = ", ".join(field.managers)
            yield _line(one.kind, one.name, what, field.path, field.sealed, field.live, by)
    for image in drift.images:
        what = _("another image")
        yield _line("Pod", image.pod, what, image.container, image.sealed, image.running)
    for name in drift.missing or ():
        yield _line("", name, _("missing in the registry"))


def _line(
    kind: str, name: str, what: str, field: str = "", sealed: str = "", now: str = "", by: str = ""
) -> _Line:
    return {
        "kind": kind, "name": name, "what": what, "field": field, "sealed": sealed, "now": now,
        "by": by,
    }  # fmt: skip
