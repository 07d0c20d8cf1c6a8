"""Sizes as a person types them: `4000000000`, `700M`, `3.5G`; K, M, G are powers of 1000.

Invariant: what is not such a size is a usage error that says what is expected.
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
