"""Versions of an app in order, and conditions on them.

Invariant: pure and total: every text has a place in the catalog's order, and only Semantic Versions
have one in theirs; no text takes more than linear time.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias

Key: TypeAlias = tuple[Any, ...]
_PART = re.compile(r"(?P<before>~|-(?=[A-Za-z]))|(?P<number>[0-9]+)|(?P<text>[^0-9.+_~-]+)")
# Semantic Versioning 2.0.0, section 9: what stands between the dots of a pre-release.
_IDENTIFIER = r"(?:0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
_SEMVER = re.compile(
    r"(?P<major>0|[1-9][0-9]*)\.(?P<minor>0|[1-9][0-9]*)\.(?P<patch>0|[1-9][0-9]*)"
    rf"(?:-(?P<pre>{_IDENTIFIER}(?:\.{_IDENTIFIER})*))?"
    r"(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?"
)
_LONGEST = 128
_MOST_TERMS = 8
_TERM = re.compile(r"\s*(<=|>=|<|>|=)?\s*([0-9A-Za-z][0-9A-Za-z._+~-]{0,63})\s*")
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "<=": operator.le, ">=": operator.ge, "<": operator.lt, ">": operator.gt, "=": operator.eq,
}  # fmt: skip


def version_key(version: str) -> Key:
    """Orders versions of any form: numbers by value, 1.0~rc1 and 1.0-rc1 before 1.0."""
    parts: list[tuple[int, int, str]] = []
    for found in _PART.finditer(version):
        if found["before"]:
            parts.append((0, 0, ""))
        elif found["number"]:
            parts.append((3, *_number(found["number"])))
        else:
            parts.append((2, 0, found["text"].lower()))
    return ((*parts, (1, 0, "")), version)


def semver_key(version: str) -> Key | None:
    """Precedence by Semantic Versioning 2.0.0, section 11; None for what is no such version."""
    found = _SEMVER.fullmatch(version) if len(version) <= _LONGEST else None
    if found is None:
        return None
    numbers = tuple(_number(found[part]) for part in ("major", "minor", "patch"))
    if found["pre"] is None:
        return (numbers, 1)
    return (numbers, 0, tuple(map(_identifier, found["pre"].split("."))))


def _identifier(text: str) -> Key:
    """Numbers come before words; one that has fewer of them than another comes first."""
    return (0, *_number(text)) if text.isdecimal() else (1, 0, text)


def _number(text: str) -> tuple[int, str]:
    """Compared by length first: int() refuses very long numbers."""
    digits = text.lstrip("0")
    return (len(digits), digits)


class Order(StrEnum):
    """How an app's versions compare: as its makers say, or as the catalog lists them."""

    SEMVER = "semver"
    CATALOG = "catalog"

    def key(self, version: str) -> Key | None:
        """Sorts versions; None for one that has no place in this order."""
        return semver_key(version) if self is Order.SEMVER else version_key(version)


class RangeInvalid(ValueError):
    """A text is no condition on versions; its reader says where it stands."""


@dataclass(frozen=True)
class Range:
    """Comparisons that a version must all meet, such as `>=1.10.1,<2.0.0`; each with its bound."""

    terms: tuple[tuple[str, str], ...]

    @classmethod
    def parse(cls, text: str) -> Range:
        """Read comparisons separated by commas; a version alone means it. Raises RangeInvalid."""
        found = [_TERM.fullmatch(part) for part in text.split(",", _MOST_TERMS)]
        if not all(found) or len(found) > _MOST_TERMS:
            raise RangeInvalid
        return cls(tuple((one[1] or "=", one[2]) for one in found if one))

    def __str__(self) -> str:
        return ",".join(f"{sign}{version}" for sign, version in self.terms)

    @property
    def bounds(self) -> tuple[str, ...]:
        """The versions it names."""
        return tuple(version for _, version in self.terms)

    def admits(self, version: str, order: Order) -> bool:
        """Whether the version meets all; one without a place in the order meets none."""
        key = order.key(version)
        return key is not None and all(
            (bound := order.key(text)) is not None and _COMPARISONS[sign](key, bound)
            for sign, text in self.terms
        )
