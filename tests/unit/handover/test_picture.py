"""The picture of a zone: nothing overlaps or leaves it, whatever there is to be drawn."""

from __future__ import annotations

from itertools import combinations

import pytest

from installer.language import activate
from installer.report.picture import (
    WIDTH,
    Box,
    Picture,
    fitted,
    picture,
    text_width,
)
from tests.unit.handover.collected import small
from tests.unit.handover.sizes import of_size

# What is left of a page of A4 below a heading, in the picture's units.
_PAGE = WIDTH / 182 * 245
SIZES = [(0, 0), (1, 0), (1, 1), (1, 12), (1, 40), (1, 1000), (2, 2), (6, 40), (6, 400), (30, 500)]


def drawn(clusters: int, releases: int) -> Picture:
    return picture(of_size(small(), clusters, releases))


def marks(made: Picture) -> list[Box]:
    return [Box(one.x - 4.4, one.y - 4.4, one.x + 4.4, one.y + 4.4) for one in made.marks]


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize(("clusters", "releases"), SIZES)
def test_no_text_overlaps_another_or_leaves_its_place(
    clusters: int, releases: int, language: str
) -> None:
    activate(language)
    made = drawn(clusters, releases)
    activate("en")
    whole = Box(0, 0, WIDTH, made.height)
    boxes = [label.box for label in made.labels] + marks(made)
    assert all(whole.holds(box) for box in boxes)
    assert [pair for pair in combinations(boxes, 2) if pair[0].meets(pair[1])] == []
    cards = [shape.box for shape in made.shapes if shape.sort != "zone"]
    assert [pair for pair in combinations(cards, 2) if pair[0].meets(pair[1])] == []
    for box in boxes:
        assert all(card.holds(box) or not card.meets(box) for card in cards)


@pytest.mark.parametrize(("clusters", "releases"), SIZES)
def test_it_fits_on_a_page(clusters: int, releases: int) -> None:
    assert drawn(clusters, releases).height <= _PAGE


@pytest.mark.parametrize(("clusters", "releases"), [(1, 1), (1, 40), (6, 40)])
def test_every_release_of_an_ordinary_site_is_drawn(clusters: int, releases: int) -> None:
    made = drawn(clusters, releases)
    assert len(made.marks) == releases
    assert not any("more" in label.text for label in made.labels)


def test_what_there_is_no_room_for_is_counted_and_what_ails_is_drawn_first() -> None:
    made = drawn(1, 1000)
    [more] = [label.text for label in made.labels if "more" in label.text]
    assert more == f"and {1000 - len(made.marks)} more"
    assert {mark.sort for mark in made.marks} == {"troubled", "not-serving"}
    many = drawn(30, 500)
    assert "and 20 more clusters" in {label.text for label in many.labels}


def test_nodes_are_told_as_far_as_they_are_known() -> None:
    texts = {label.text for label in drawn(3, 3).labels}
    assert {"nodes: 100", "nodes: 101, ready: 100", "nodes not known"} <= texts


def test_a_text_is_cut_to_its_room_and_drives_nothing() -> None:
    assert fitted("short", 100, 10) == "short"
    cut = fitted("a very long name indeed", 60, 10)
    assert cut.endswith("…")
    assert text_width(cut, 10) <= 60
    assert fitted("a\u202eb\n", 100, 10) == r"a\u202eb\n"
    assert fitted("登记系统", 25, 10) == "登…"
