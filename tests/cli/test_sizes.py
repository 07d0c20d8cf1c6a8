"""Sizes as people type them."""

from __future__ import annotations

import click
import pytest

from installer.cli.sizes import Share, Size


@pytest.mark.parametrize(
    ("text", "count"),
    [("4000000000", 4 * 10**9), ("700M", 7 * 10**8), ("3.5G", 35 * 10**8), ("1 GiB", 2**30)],
)
def test_sizes_are_read(text: str, count: int) -> None:
    assert Size().convert(text, None, None) == count


@pytest.mark.parametrize("text", ["", "-1", "12X", "1e9", "M", "1,5G"])
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="700M"):
        Size().convert(text, None, None)


@pytest.mark.parametrize(
    ("text", "percent"), [("5%", 5), ("5", 5), ("2 %", 2), ("50%", 50), ("0", 0)]
)
def test_shares_are_read(text: str, percent: int) -> None:
    assert Share(2, 50).convert(text, None, None) == percent


@pytest.mark.parametrize("text", ["", "1%", "51", "-5", "5.5%", "500%", "5%%", "five"])
def test_shares_out_of_bounds_are_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="2% to 50%"):
        Share(2, 50).convert(text, None, None)
