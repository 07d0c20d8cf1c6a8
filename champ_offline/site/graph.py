"""What comes before what: the order of apps by what they need.

Invariant: pure; equal input gives equal waves, and a circle is refused by the names on it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from champ_offline.errors import ChampError, ExitCode


class NeedsInCircle(ChampError):
    """Apps that need each other: none of them can be the first."""

    id = "site.needs-in-circle"
    exit_code = ExitCode.USAGE
    message = "{file}: none of these can come first, each needs the next: {circle}."
    remedy = "Take one of them out of the other's “needs”."


def waves(needs: Mapping[str, Collection[str]], file: str) -> tuple[tuple[str, ...], ...]:
    """Names in waves, sorted: each needs only names of earlier waves. Raises NeedsInCircle.

    Every name that is needed must be a key of `needs`; `file` names the document in errors.
    """
    left = {name: set(needed) for name, needed in needs.items()}
    found: list[tuple[str, ...]] = []
    while left:
        ready = tuple(sorted(name for name, needed in left.items() if not needed & left.keys()))
        if not ready:
            raise NeedsInCircle(file=file, circle=" → ".join(_circle(left)))
        found.append(ready)
        for name in ready:
            del left[name]
    return tuple(found)


def _circle(left: Mapping[str, Collection[str]]) -> Iterator[str]:
    """The names of one circle, beginning and ending with the same, among those that are stuck."""
    seen: list[str] = []
    name = min(left)
    while name not in seen:
        seen.append(name)
        name = min(one for one in left[name] if one in left)
    yield from (*seen[seen.index(name) :], name)
