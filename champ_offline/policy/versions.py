"""How far one version is from another: patch, minor, major, or nothing that numbers tell.

Pure. Invariant: every pair of versions is exactly one kind of step; what has no number to compare
is `OTHER`, never a patch.
"""

from __future__ import annotations

import re
from enum import StrEnum

from champ_offline.catalog.versions import version_key

_NUMBERS = re.compile(r"[vV]?(?P<numbers>[0-9]+(?:\.[0-9]+)*)(?P<rest>.*)", re.DOTALL)
_MINOR = 2


class Kind(StrEnum):
    """SAME is the very version, packed or answered anew; DOWN any step to an older one."""

    INSTALL = "install"
    SAME = "same"
    PATCH = "patch"
    MINOR = "minor"
    MAJOR = "major"
    OTHER = "other"
    DOWN = "down"


def kind_of(found: str, wanted: str) -> Kind:
    """The step from `found` (empty: nothing is there) to `wanted`.

    1.4.2 to 1.4.3 is a patch, to 1.5 minor, to 2.0 major; absent numbers are 0. 1.4-rc1 to 1.4 is
    a patch.
    """
    if not found:
        return Kind.INSTALL
    if found == wanted:
        return Kind.SAME
    if version_key(wanted) < version_key(found):
        return Kind.DOWN
    before, after = _NUMBERS.fullmatch(found), _NUMBERS.fullmatch(wanted)
    if before is None or after is None:
        return Kind.OTHER
    for place, (one, other) in enumerate(_pairs(before["numbers"], after["numbers"])):
        if one != other:
            return (Kind.MAJOR, Kind.MINOR, Kind.PATCH)[min(place, _MINOR)]
    return Kind.PATCH


def _pairs(before: str, after: str) -> list[tuple[str, str]]:
    """The numbers side by side, as texts without leading zeros: int() refuses very long ones."""
    one, other = ([n.lstrip("0") for n in text.split(".")] for text in (before, after))
    longest = max(len(one), len(other))
    return list(zip(_filled(one, longest), _filled(other, longest), strict=True))


def _filled(numbers: list[str], longest: int) -> list[str]:
    return numbers + [""] * (longest - len(numbers))
