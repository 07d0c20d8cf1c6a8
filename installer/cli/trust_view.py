"""A root on one screen of 80 columns and 24 lines: holders, thresholds, dates, fingerprint.

Invariant: one line for each holder; of long histories the newest entries are shown, JSON has all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from installer.language import translate as _
from installer.terminal_text import pad, printable, width
from installer.words import about, standing
from installer.words import role as role_word

if TYPE_CHECKING:
    from champ_offline.trust.view import RoleView, TrustView

_NEWEST = 4
_GROUPS_PER_LINE = 6
_LONGEST_NAME, _LONGEST_SOURCE = 16, 50


def table(view: TrustView) -> str:
    """The whole screen."""
    blocks = [
        _aligned(_head(view)),
        _aligned(_holders(view.roles)),
        _aligned(_documents(view)),
        _aligned(_accepted(view)),
        _aligned(_overrides(view)),
    ]
    return "\n".join(block for block in blocks if block)


def tallies(found: Sequence[dict[str, Any]]) -> str:
    """Who signed a draft: by the keys of the root before it, and by its own."""
    return "; ".join(
        _tally(one["version"], len(one["signed"]), one["needed"], one["missing"]) for one in found
    )


def _tally(version: int, found: int, needed: int, missing: Sequence[str]) -> str:
    text = _("root {version}: {found} signed, {needed} needed")
    told = text.format(version=version, found=found, needed=needed)
    if not missing:
        return told
    return "; ".join([told, _("not yet: {missing}").format(missing=", ".join(missing))])


def _head(view: TrustView) -> Iterator[list[str]]:
    groups = view.fingerprint.split(" ")
    source = (
        view.source if len(view.source) <= _LONGEST_SOURCE else f"…{view.source[-_LONGEST_SOURCE:]}"
    )
    yield [_("root"), f"{view.version} ({source})"]
    if view.unsigned:
        yield ["", _("a draft that waits for signatures; no zone trusts it yet")]
    yield [_("valid until"), _day(view.expires)]
    for start in range(0, len(groups), _GROUPS_PER_LINE):
        label = "" if start else _("fingerprint")
        yield [label, " ".join(groups[start : start + _GROUPS_PER_LINE])]
    for one in view.draft:
        yield [_("draft"), _tally(one.version, len(one.signed), one.needed, one.missing)]


def _holders(roles: Sequence[RoleView]) -> Iterator[list[str]]:
    yield [_("holder"), *[role_word(role.role) for role in roles], _("algorithm")]
    holders = sorted({key.holder for role in roles for key in role.keys})
    for holder in holders:
        owned = [[key for key in role.keys if key.holder == holder] for role in roles]
        for line in range(max(len(found) for found in owned)):
            ids = [found[line].id if line < len(found) else "—" for found in owned]
            kinds = {found[line].algorithm for found in owned if line < len(found)}
            yield [holder[:_LONGEST_NAME] if line == 0 else "", *ids, ", ".join(sorted(kinds))]
    text = _("{needed} of {keys}")
    needed = [text.format(needed=role.threshold, keys=len(role.keys)) for role in roles]
    yield [_("must sign"), *needed, ""]


def _documents(view: TrustView) -> Iterator[list[str]]:
    if view.documents:
        yield [_("document"), _("version"), _("valid until"), _("signed by")]
    for one in view.documents:
        yield [role_word(one.role), f"{one.version}", _day(one.expires), ", ".join(one.signers)]


def _accepted(view: TrustView) -> Iterator[list[str]]:
    if view.accepted:
        yield [_("accepted bundle"), _("packed"), ""]
    for one in view.accepted[-_NEWEST:]:
        yield [
            f"{one.bundle} {one.version}".rstrip(),
            _second(one.packed),
            standing(one.stands, one.current),
        ]


def _overrides(view: TrustView) -> Iterator[list[str]]:
    if view.overrides:
        yield [_("overridden"), _("bundle"), _("reason")]
    for one in view.overrides[-_NEWEST:]:
        what = one.bundle or _("making of the zone")
        yield [one.time[:16], f"{what}: {about(one.about)}", one.reason]


def _aligned(lines: Iterator[list[str]]) -> str:
    """Columns two spaces apart; a line's last cell is not padded."""
    rows = [[printable(cell) for cell in row] for row in lines]
    widths: dict[int, int] = {}
    for row in rows:
        for column, cell in enumerate(row[:-1]):
            widths[column] = max(widths.get(column, 0), width(cell))
    told = (
        "  ".join([*[pad(cell, widths[n]) for n, cell in enumerate(row[:-1])], row[-1]]).rstrip()
        for row in rows
    )
    return "".join(f"{line}\n" for line in told)


def _day(time: datetime) -> str:
    return f"{time:%Y-%m-%d}"


def _second(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M:%S} UTC"
