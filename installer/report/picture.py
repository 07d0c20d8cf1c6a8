"""The picture of a zone: its store and registry, its clusters, and the apps on each.

Invariant: pure; every text has a box that it stays in whatever the reader's fonts, as its width is
reckoned with the widest of the common ones and it is cut to fit; no box overlaps another, and all
are within the picture. What there is no room for is counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import NamedTuple

from champ_offline.handover.document import ClusterFacts, Handover, Standing
from champ_offline.release.status import Health
from installer.language import translate as _
from installer.quantities import size
from installer.terminal_text import printable, width

WIDTH = 720.0
_PAD = 14.0
_LEFT = 178.0
_GAP = 12.0
_ROW = 17.0
_PART, _BETWEEN = 46.0, 20.0
_CHIP_GAP = 14.0
_HEAD = 38.0
# Higher, and it would not fit on a page below a heading.
_MOST_CHIPS = 72
_LEAST_CHIPS = 5
_MOST_CLUSTERS = 10
_FEW, _SOME = 10, 48
# Widths of characters in parts of the font's size, those of DejaVu Sans, the widest in common use.
_NARROW, _MIDDLE, _BROAD, _BROADEST = 0.42, 0.66, 0.8, 1.02
_CLASSES = {
    **dict.fromkeys("fijlrtI .,:;'|!()[]/-", _NARROW),
    **dict.fromkeys("mwMW@%—→…", _BROADEST),
}


class Box(NamedTuple):
    """A rectangle by its corners, in units of the picture."""

    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: Box) -> bool:
        """Whether the two have any area in common."""
        beside = self.right <= other.left or other.right <= self.left
        return not (beside or self.bottom <= other.top or other.bottom <= self.top)

    def holds(self, other: Box) -> bool:
        """Whether the other lies within this one."""
        across = self.left <= other.left and other.right <= self.right
        return across and self.top <= other.top and other.bottom <= self.bottom


@dataclass(frozen=True)
class Label:
    """A text whose base line begins, or with `right` ends, at `x` and `y`; `sort` styles it."""

    x: float
    y: float
    text: str
    size: float
    sort: str = "plain"
    right: bool = False

    @property
    def box(self) -> Box:
        """What it takes at most."""
        long = text_width(self.text, self.size)
        left = self.x - long if self.right else self.x
        return Box(left, self.y - 0.95 * self.size, left + long, self.y + 0.3 * self.size)


@dataclass(frozen=True)
class Shape:
    """A rectangle of that sort, with round corners."""

    box: Box
    sort: str


@dataclass(frozen=True)
class Mark:
    """How a release is, left of its name: a sign whose form tells, not its colour."""

    x: float
    y: float
    sort: str


@dataclass
class Picture:
    """What is to be drawn, back to front; `height` in the units of WIDTH."""

    height: float = 0.0
    shapes: list[Shape] = field(default_factory=list)
    labels: list[Label] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    arrows: list[tuple[float, float, float, float]] = field(default_factory=list)
    # Left of what belongs together: across, from, to.
    brackets: list[tuple[float, float, float]] = field(default_factory=list)

    @property
    def sorts(self) -> list[str]:
        """The sorts of marks that are in it, for a legend."""
        used = {mark.sort for mark in self.marks}
        return [sort for sort in MARKS if sort in used]


# Sorts of marks, the best first; `unseen` where nobody looked.
MARKS = ("healthy", "not-serving", "troubled", "unseen")
_WELL = frozenset({"healthy", "unseen"})


def mark_of(health: Health | None) -> str:
    """The sort of mark of a release."""
    return "unseen" if health in {None, Health.UNKNOWN} else str(health).replace(" ", "-")


def text_width(text: str, font: float) -> float:
    """What a text takes at most, in the units of its font's size."""
    return sum(map(_width, text)) * font


def fitted(text: str, room: float, font: float) -> str:
    """The text, printable, cut with an ellipsis to what fits into `room`."""
    text = printable(text)
    if text_width(text, font) <= room:
        return text
    kept = text
    while kept and text_width(f"{kept}…", font) > room:
        kept = kept[:-1]
    return f"{kept}…"


def _width(character: str) -> float:
    if width(character) == 2:
        return _BROADEST
    known = _CLASSES.get(character)
    return known or (_BROAD if character.isupper() else _MIDDLE)


def picture(found: Handover) -> Picture:
    """The zone as the report has it."""
    made = Picture()
    top = _title(made, found)
    bottom = max(_column(made, found, top), _clusters(made, found, top))
    made.height = bottom + _PAD
    made.shapes.insert(0, Shape(Box(0.5, 0.5, WIDTH - 0.5, made.height - 0.5), "zone"))
    return made


def _title(made: Picture, found: Handover) -> float:
    zone = found.zone
    told = fitted(_("Zone {name}").format(name=zone.name), WIDTH * 0.55, 14)
    made.labels.append(Label(_PAD, 25, told, 14, "strong"))
    counted = _("releases: {releases}, clusters: {clusters}").format(
        releases=len(found.releases), clusters=len(found.clusters)
    )
    room = WIDTH * 0.38
    made.labels.append(Label(WIDTH - _PAD, 25, fitted(counted, room, 10), 10, "soft", right=True))
    return 40.0


def _column(made: Picture, found: Handover, top: float) -> float:
    """What is of the zone itself: bundles, store, registry, one below the other."""
    zone = found.zone
    own = _("the zone's own")
    held = _("bundles held: {count}").format(count=found.held)
    stored = _("{count} blobs, {size}").format(count=zone.blobs, size=size(zone.size))
    parts = (
        (_("Signed media"), held),
        (_("Store"), stored),
        (_("Registry"), zone.registry or own),
    )
    height = _PART
    for place, (name, told) in enumerate(parts):
        box = Box(_PAD, top, _PAD + _LEFT, top + height)
        made.shapes.append(Shape(box, "part"))
        room = _LEFT - 2 * 10
        made.labels.append(Label(box.left + 10, top + 19, fitted(name, room, 11), 11, "strong"))
        made.labels.append(Label(box.left + 10, top + 35, fitted(told, room, 9.5), 9.5, "soft"))
        if place < len(parts) - 1:
            middle = (box.left + box.right) / 2
            made.arrows.append((middle, box.bottom, middle, box.bottom + _BETWEEN))
            top += height + _BETWEEN
    made.arrows.append((_PAD + _LEFT, top + height / 2, _PAD + _LEFT + 22, top + height / 2))
    return top + height


def _clusters(made: Picture, found: Handover, top: float) -> float:
    """A card for each cluster, in one column or two, each below the shorter one."""
    left, right = _PAD + _LEFT + 34, WIDTH - _PAD
    by_cluster = {
        name: list(group) for name, group in groupby(found.releases, key=lambda one: one.cluster)
    }
    shown = found.clusters[:_MOST_CLUSTERS]
    if not shown:
        told = fitted(_("No cluster is known to this zone."), right - left, 10)
        made.labels.append(Label(left, top + 20, told, 10, "soft"))
        return top + 30
    columns = 1 if len(shown) == 1 else 2
    wide = (right - left - _GAP * (columns - 1)) / columns
    limit = max(_LEAST_CHIPS, _MOST_CHIPS // len(shown))
    ends = [top] * columns
    for one in shown:
        column = ends.index(min(ends))
        corner = (left + column * (wide + _GAP), ends[column])
        ends[column] = _card(made, one, by_cluster.get(one.name, []), corner, wide, limit) + _GAP
    bottom = max(ends) - _GAP
    made.brackets.append((left - 12, top, max(bottom, top + 3 * _PART + 2 * _BETWEEN)))
    if more := len(found.clusters) - len(shown):
        told = fitted(_("and {count} more clusters").format(count=more), right - left, 10)
        made.labels.append(Label(left, bottom + 18, told, 10, "soft"))
        bottom += 24
    return bottom


def _card(
    made: Picture,
    cluster: ClusterFacts,
    releases: Sequence[Standing],
    corner: tuple[float, float],
    wide: float,
    limit: int,
) -> float:
    left, top = corner
    room = wide - 2 * 10
    nodes = fitted(nodes_of(cluster), room * 0.55, 8.5)
    name = fitted(cluster.name, room - text_width(nodes, 8.5) - 10, 11)
    made.labels.append(Label(left + 10, top + 18, name, 11, "strong"))
    made.labels.append(Label(left + wide - 10, top + 18, nodes, 8.5, "soft", right=True))
    places = list(_places(releases, limit))
    columns = _chip_columns(wide, len(places))
    rows = -(-len(places) // columns)
    each = (room - _CHIP_GAP * (columns - 1)) / columns
    for index, place in enumerate(places):
        x = left + 10 + (index // rows) * (each + _CHIP_GAP)
        _chip(made, place, x, top + _HEAD + (index % rows) * _ROW, each)
    bottom = top + _HEAD + rows * _ROW + 2
    made.shapes.insert(0, Shape(Box(left, top, left + wide, bottom), "cluster"))
    return bottom


def _chip_columns(wide: float, count: int) -> int:
    """One column for few, or where the card is narrow; else as many as stay readable."""
    if count <= _FEW:
        return 1
    return 3 if wide > WIDTH / 2 and count > _SOME else 2


def _places(releases: Sequence[Standing], limit: int) -> Iterator[Standing | str]:
    """What stands in a card: the releases, and how many more there are, or that there is none."""
    shown = releases
    if len(releases) > limit:
        ailing_first = sorted(releases, key=lambda one: mark_of(one.health) in _WELL)
        shown = ailing_first[: limit - 1]
    yield from shown
    if more := len(releases) - len(shown):
        yield _("and {count} more").format(count=more)
    if not releases:
        yield _("no release")


def _chip(made: Picture, place: Standing | str, x: float, y: float, wide: float) -> None:
    if isinstance(place, str):
        made.labels.append(Label(x, y, fitted(place, wide, 9.5), 9.5, "soft"))
        return
    made.marks.append(Mark(x + 4, y - 3.2, mark_of(place.health)))
    version = fitted(place.version, wide * 0.36, 9)
    name = fitted(place.release, wide - 18 - text_width(version, 9), 9.5)
    made.labels.append(Label(x + 12, y, name, 9.5))
    made.labels.append(Label(x + wide, y, version, 9, "soft", right=True))


def nodes_of(cluster: ClusterFacts) -> str:
    """How many nodes it has, as far as anybody looked."""
    if cluster.nodes is None:
        return _("nodes not known")
    if cluster.ready == cluster.nodes:
        return _("nodes: {count}").format(count=cluster.nodes)
    return _("nodes: {count}, ready: {ready}").format(count=cluster.nodes, ready=cluster.ready)
