"""Between which versions of an app a release may go: at once, in steps, back, or not at all.

Invariant: pure. Each stop on a way lies between its ends, so every way ends, whatever a table says;
what it does not speak of is allowed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from champ_offline.catalog.versions import Order, Range
from champ_offline.errors import ChampError, ExitCode, Fields, Said


class StepsRequired(ChampError):
    """An upgrade would leave out versions that its app must go through."""

    id = "upgrade.steps-required"
    exit_code = ExitCode.PREFLIGHT
    message = (
        "Release {release} cannot go from {app} {from_version} to {to_version} at once: {reason}."
    )
    remedy = "Upgrade in this order: {way}. Still to be brought into the zone: {missing}."


class NoWayThere(ChampError):
    """An app's makers know no way from one version to another."""

    id = "upgrade.no-way"
    exit_code = ExitCode.PREFLIGHT
    message = "Release {release} cannot go from {app} {from_version} to {to_version}: {reason}."
    remedy = "Install {to_version} as another release and move the data, or ask the app's makers."


class NoWayBack(ChampError):
    """A release would go back to a version that cannot use the data as they are now."""

    id = "upgrade.no-way-back"
    exit_code = ExitCode.PREFLIGHT
    message = (
        "Release {release} cannot go back from {app} {from_version} to {to_version}: {reason}."
    )
    remedy = (
        "Revisions it can go back to: {possible}. To go further back, go with the data that was"
        " saved of that version: `champ rollback {release} --with-data`."
    )


class VersionNotComparable(ChampError):
    """Whether a release may go to a version cannot be told from the version that it runs."""

    id = "upgrade.not-comparable"
    exit_code = ExitCode.PREFLIGHT
    message = (
        "Whether release {release} may go from {app} {from_version} to {to_version} cannot be told:"
        " {version} is no Semantic Version, and the app's versions are compared as such."
    )
    remedy = "Ask the app's makers; install {to_version} as another release to try it."


@dataclass(frozen=True)
class Rule:
    """What is said of going to the versions `to`: from which at once, and whether out of it again.

    A version outside `sources` goes by way of `via`, or has no way if that is empty. Without
    `back`, nothing goes from a version in `to` to an older one outside.
    """

    to: Range
    reason: Mapping[str, str] = field(hash=False)
    sources: Range | None = None
    via: str = ""
    back: bool = True

    @property
    def said(self) -> Said:
        """Why, in both languages."""
        return Said(self.reason)


@dataclass(frozen=True)
class Upgrades:
    """An app's rules, and the order that its versions are compared in."""

    order: Order = Order.CATALOG
    rules: tuple[Rule, ...] = ()

    def forbidding(self, before: str, after: str) -> Rule | None:
        """The first rule against going from `before` up to `after` at once."""
        for rule in self._about(after):
            if rule.sources is not None and not rule.sources.admits(before, self.order):
                return rule
        return None

    def barring(self, before: str, after: str) -> Rule | None:
        """The first rule against going from `before` back to the older `after`."""
        for rule in self._about(before):
            if not rule.back and not rule.to.admits(after, self.order):
                return rule
        return None

    def way(self, before: str, after: str) -> tuple[str, ...]:
        """The versions to go through from `before` up to `after`, which is last; none: no way."""
        against = [
            rule
            for rule in self._about(after)
            if rule.sources is not None and not rule.sources.admits(before, self.order)
        ]
        if not against:
            return (after,)
        if not all(rule.via and self._between(before, rule.via, after) for rule in against):
            return ()
        stop = min((rule.via for rule in against), key=lambda via: self.order.key(via) or ())
        first, rest = self.way(before, stop), self.way(stop, after)
        return (*first, *rest) if first and rest else ()

    def older(self, one: str, other: str) -> bool | None:
        """Whether `one` comes before `other`; None where the order does not say."""
        keys = self.order.key(one), self.order.key(other)
        return None if None in keys else keys[0] < keys[1]  # type: ignore[operator]

    def _about(self, version: str) -> list[Rule]:
        return [rule for rule in self.rules if rule.to.admits(version, self.order)]

    def _between(self, before: str, stop: str, after: str) -> bool:
        return bool(self.older(before, stop) and self.older(stop, after))


NONE_DECLARED = Upgrades()


@dataclass(frozen=True)
class Move:
    """A release of an app that would go from one version to another."""

    release: str
    app: str
    before: str
    after: str

    @property
    def fields(self) -> Fields:
        """For errors about it."""
        versions = {"from_version": self.before, "to_version": self.after}
        return {"release": self.release, "app": self.app, **versions}


def check_move(
    upgrades: Upgrades, move: Move, held: Collection[str], stood: Sequence[tuple[int, str]] = ()
) -> None:
    """Refuse what the rules forbid; a release that stays at its version is always let through.

    `held` are the app's versions in the zone; `stood` the numbers and versions of the revisions
    that could be gone back to. Raises StepsRequired, NoWayThere, NoWayBack, VersionNotComparable.
    """
    if not upgrades.rules or move.before in {"", move.after}:
        return
    down = upgrades.older(move.after, move.before)
    if down is None:
        known = upgrades.order.key(move.before) is None
        version = move.before if known else move.after
        raise VersionNotComparable(version=version, **move.fields)
    if down:
        _check_back(upgrades, move, stood)
    else:
        _check_up(upgrades, move, held)


def no_return(upgrades: Upgrades, move: Move) -> Said | None:
    """Why a release that goes up cannot come back the same way; None where it can, or goes down."""
    if move.before == "" or not upgrades.older(move.before, move.after):
        return None
    rule = upgrades.barring(move.after, move.before)
    return rule.said if rule else None


def _check_up(upgrades: Upgrades, move: Move, held: Collection[str]) -> None:
    rule = upgrades.forbidding(move.before, move.after)
    if rule is None:
        return
    way = upgrades.way(move.before, move.after)
    if not way:
        raise NoWayThere(reason=rule.said, **move.fields)
    missing = ", ".join(version for version in way if version not in held)
    steps = " -> ".join((move.before, *way))
    raise StepsRequired(reason=rule.said, way=steps, missing=missing or "—", **move.fields)


def _check_back(upgrades: Upgrades, move: Move, stood: Sequence[tuple[int, str]]) -> None:
    rule = upgrades.barring(move.before, move.after)
    if rule is None:
        return
    possible = ", ".join(
        f"{number} ({version})"
        for number, version in stood
        if upgrades.barring(move.before, version) is None
        and upgrades.older(move.before, version) is False
    )
    raise NoWayBack(reason=rule.said, possible=possible or "—", **move.fields)
