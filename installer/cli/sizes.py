"""Sizes as a person types them: `4000000000`, `700M`, `3.5G`; K, M, G are powers of 1000;
shares as `5%`.

Invariant: what is not of that form is a usage error that says what is expected.
"""

from __future__ import annotations

import re

import click

from installer.language import translate as _

_FORM = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,3})?) ?([KMGT]?)(i?)B?", re.IGNORECASE)
_POWERS = {"": 0, "K": 1, "M": 2, "G": 3, "T": 4}


class Size(click.ParamType[int]):
    """A number of bytes; `Ki`, `Mi`, `Gi` are powers of 1024."""

    name = "size"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        """Bytes as an integer."""
        if isinstance(value, int):
            return value
        found = _FORM.fullmatch(str(value))
        if found is None:
            self.fail(_("expected a size such as 700M or 3.5G"), param, ctx)
        number, unit, binary = found.groups()
        return int(float(number) * (1024 if binary else 1000) ** _POWERS[unit.upper()])


class Share(click.ParamType[int]):
    """A whole number of percent between two bounds, or 0 for none."""

    name = "share"

    def __init__(self, least: int, most: int) -> None:
        self._least, self._most = least, most

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> int:
        """Percent as an integer."""
        found = re.fullmatch(r"([0-9]{1,3}) ?%?", str(value))
        share = int(found[1]) if found else -1
        if share and not self._least <= share <= self._most:
            text = _("expected {least}% to {most}%, or 0 for none")
            self.fail(text.format(least=self._least, most=self._most), param, ctx)
        return share
