"""Versions of packages in order, so that “older than 2.17.1” can be asked of every ecosystem.

Invariant: pure and total: every text is a version, and no text takes more than linear time. Debian
packages are compared as dpkg does (Debian Policy 5.6.12); the others by their numbers, with
pre-releases before the release: what PEP 440, Semantic Versioning and Maven have in common.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from champ_offline.errors import ChampError, ExitCode

Key: TypeAlias = tuple[Any, ...]
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "<=": operator.le, ">=": operator.ge, "<": operator.lt, ">": operator.gt, "=": operator.eq,
    "==": operator.eq,
}  # fmt: skip
_EQUAL = frozenset({"<=", ">=", "=", "=="})
# Types of package URLs whose versions are [epoch:]upstream[-revision].
_DISTRIBUTIONS = frozenset({"deb", "rpm", "apk"})
_TERM = re.compile(r"\s*(<=|>=|<|>|==?)?\s*([0-9A-Za-z][^\s,<>=]{0,99})\s*")
_STRETCHES = re.compile(r"([^0-9]*)([0-9]*)")
_PART = re.compile(r"([0-9]+)|([a-z]+)|(~)")
# Words that come before the release, each with where it stands among them.
_BEFORE = {
    "": "", "dev": "", "a": "a", "alpha": "a", "b": "b", "beta": "b", "m": "m", "milestone": "m",
    "c": "rc", "cr": "rc", "pre": "rc", "preview": "rc", "rc": "rc", "snapshot": "snapshot",
}  # fmt: skip
_SAME = frozenset({"final", "ga", "release"})
_ZERO = (3, 0, "")
_END = (1, 0, "")


class ConstraintInvalid(ChampError):
    """A condition on versions cannot be understood."""

    id = "sbom.constraint-invalid"
    exit_code = ExitCode.USAGE
    message = "“{text}” is no condition on versions."
    remedy = (
        "Write for example “<2.17.1” or “>=2.0,<2.17.1”; a version alone means exactly that one,"
        " in any revision of a distribution."
    )


@dataclass(frozen=True)
class Constraint:
    """Conditions that a version must all meet, such as `>=2.0,<2.17.1`."""

    terms: tuple[tuple[str, str], ...]

    @classmethod
    def parse(cls, text: str) -> Constraint:
        """Read comparisons, separated by commas; raises ConstraintInvalid."""
        found = [_TERM.fullmatch(part) for part in text.split(",")]
        if not all(found):
            raise ConstraintInvalid(text=text[:200])
        return cls(tuple((one[1] or "=", one[2]) for one in found if one))

    def __str__(self) -> str:
        return ",".join(f"{sign}{version}" for sign, version in self.terms)

    def admits(self, version: str, kind: str) -> bool:
        """Whether a package's version, of the package URL's type `kind`, meets all of them.

        A package whose version is not known is admitted: nobody can say that it is not meant. A
        distribution's package equals a bound that says its version with or without the epoch and
        the revision, and is neither above nor below it: 3.0.22-1~deb12u2 is 3.0.22.
        """
        if not version or version == "UNKNOWN":
            return True
        key = debian_key if kind == "deb" else general_key
        same = {key(spelling) for spelling in _spellings(version, kind)}
        return all(
            sign in _EQUAL if key(bound) in same else _COMPARISONS[sign](key(version), key(bound))
            for sign, bound in self.terms
        )


def _spellings(version: str, kind: str) -> tuple[str, ...]:
    """The version; of a distribution's package also without epoch, revision, and both."""
    if kind not in _DISTRIBUTIONS:
        return (version,)
    epoch, _colon, rest = version.partition(":")
    found = (version, rest) if epoch.isdecimal() and rest else (version,)
    return (*found, *(one.rpartition("-")[0] for one in found if "-" in one))


def general_key(version: str) -> Key:
    """Orders by numbers; pre-releases come first, build metadata (`+…`) does not count."""
    text = re.sub(r"^(?:go|v)(?=[0-9])", "", version.lower()).partition("+")[0]
    parts: list[Key] = []
    for number, word, _tilde in _PART.findall(text):
        if number:
            parts.append((3, *_number(number)))
        elif word not in _SAME:
            _drop_zeros(parts)
            parts.append((0, 0, _BEFORE[word]) if word in _BEFORE else (2, 0, word))
    _drop_zeros(parts)
    return (*parts, _END)


def _drop_zeros(parts: list[Key]) -> None:
    """Zeros at an end mean nothing: 1.0 is 1."""
    while parts and parts[-1] == _ZERO:
        parts.pop()


def debian_key(version: str) -> Key:
    """Orders as dpkg does: epoch, upstream version, revision (Debian Policy 5.6.12)."""
    epoch, colon, rest = version.partition(":")
    if not colon or not epoch.isdecimal():
        epoch, rest = "0", version
    upstream, _dash, revision = rest.rpartition("-") if "-" in rest else (rest, "", "")
    return (_number(epoch), _debian_part(upstream), _debian_part(revision))


def _debian_part(text: str) -> Key:
    """Stretches of other characters and of digits in turn, ending with an empty stretch."""
    parts: list[Key] = []
    # The last match is the empty one at the end of the text.
    for other, digits in _STRETCHES.findall(text)[: -1 if text else None]:
        parts += [(*map(_weight, other), 0), _number(digits)]
    return (*parts, (0,))


def _weight(character: str) -> int:
    """`~` before the end (0), letters before everything else."""
    if character == "~":
        return -1
    return ord(character) if character.isascii() and character.isalpha() else ord(character) + 256


def _number(digits: str) -> tuple[int, str]:
    # Compared by length first: int() refuses very long numbers.
    kept = digits.lstrip("0")
    return (len(kept), kept)
