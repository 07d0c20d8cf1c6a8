"""Sizes as people type them."""

from __future__ import annotations

import click
import pytest

from installer.cli.sizes import Size


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
