"""Find apps by a text or a category, as people type them: in either language, in any case.

Invariant: pure; what is found keeps the listing's order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias

from champ_offline.catalog.entry import AppEntry
from champ_offline.catalog.index import Listing
from champ_offline.errors import ChampError, ExitCode

# What people call a category, in every language; entries know it by its name alone.
Called: TypeAlias = Callable[[str], Iterable[str]]


class CategoryUnknown(ChampError):
    """No app of the catalog is of that category."""

    id = "catalog.category-unknown"
    exit_code = ExitCode.NOT_FOUND
    message = "No app in the catalog is of the category “{wanted}”."
    remedy = "It has these categories: {known}."


class NothingFound(ChampError):
    """No app of the catalog has what was searched for."""

    id = "catalog.nothing-found"
    exit_code = ExitCode.NOT_FOUND
    message = "No app in the catalog has “{text}”."
    remedy = (
        "Search for a part of a name, title, summary or category; `champ catalog` lists all apps."
    )


def by_name(category: str) -> Iterable[str]:
    """A category that is called by its name alone."""
    return (category,)


def categories(listing: Listing) -> tuple[str, ...]:
    """The categories of what can be used, each once, in order."""
    return tuple(sorted({app.category for app in listing.apps}))


def in_category(listing: Listing, wanted: str, called: Called = by_name) -> Listing:
    """The apps of a category, named as it is called; raises CategoryUnknown."""
    known = categories(listing)
    folded = wanted.strip().casefold()
    for category in known:
        if folded in {one.casefold() for one in (category, *called(category))}:
            return Listing(tuple(app for app in listing.apps if app.category == category), ())
    raise CategoryUnknown(wanted=wanted[:100], known=", ".join(known) or "—")


def with_text(listing: Listing, text: str, called: Called = by_name) -> Listing:
    """The apps that have every word of the text in name, title, summary or category.

    Of those that cannot be used only the name is known.
    """
    words = text.casefold().split()
    return Listing(
        tuple(app for app in listing.apps if _has(words, _told(app, called))),
        tuple(app for app in listing.unusable if _has(words, app.name.casefold())),
    )


def _has(words: list[str], told: str) -> bool:
    return all(word in told for word in words)


def _told(app: AppEntry, called: Called) -> str:
    texts = (app.name, *app.title.values(), *app.summary.values(), app.category)
    return "\n".join((*texts, *called(app.category))).casefold()
