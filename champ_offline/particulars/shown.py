"""The catalog as somebody chooses from it: a row for each version, and all that is known of one.

Composition: it joins the catalog with the store, the lists of packages and the zone's history, and
asks no cluster.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from champ_offline.bundle.sbom.shelf import Shelf
from champ_offline.catalog.entry import AppEntry, said
from champ_offline.catalog.index import Catalog, Listing, UnusableApp
from champ_offline.errors import ChampError
from champ_offline.particulars.asks import Asks
from champ_offline.particulars.contents import Contents, contents
from champ_offline.particulars.rendering import asked
from champ_offline.particulars.runs import Run, runs
from champ_offline.particulars.sizes import Size, Sizes
from champ_offline.release.moves import Moves
from champ_offline.release.records.history import History, Revision
from champ_offline.store.blobs import BlobStore


@dataclass(frozen=True)
class Offered:
    """A version of an app, its size (None where the store lacks something), where it runs."""

    app: AppEntry
    size: Size | None
    running: tuple[Revision, ...]


def offering(offered: Iterable[Offered], unusable: Iterable[UnusableApp] = ()) -> Listing:
    """The apps that are offered, as a listing to be searched."""
    return Listing(tuple(one.app for one in offered), tuple(unusable))


@dataclass(frozen=True)
class Particulars:
    """All that is known of one version of an app.

    `versions` are all of the app that can be used here, newest first. `asks` is None where it
    cannot be told without somebody's answers, or not at all; `untold` says why. `readme` is the
    app's own, in the language asked for.
    """

    app: AppEntry
    versions: tuple[str, ...]
    size: Size | None
    contents: Contents
    asks: Asks | None
    untold: ChampError | None
    runs: tuple[Run, ...]
    readme: str


class Showcase:
    """Of one zone."""

    def __init__(
        self, catalog: Catalog, blobs: BlobStore, shelf: Shelf, history: History, moves: Moves
    ) -> None:
        self._catalog, self._blobs, self._shelf = catalog, blobs, shelf
        self._history, self._moves = history, moves

    def offered(self, wanted: Listing, every: Listing) -> tuple[Offered, ...]:
        """The apps of a listing in its order; `every` is the whole catalog, of which it is a part.

        What of them no other app needs is told against that. Raises StoreGone.
        """
        sizes = dict(zip(every.apps, Sizes(self._blobs).of(every.apps), strict=True))
        standing: dict[tuple[str, str], list[Revision]] = {}
        for one in self._history.standing(None, None):
            standing.setdefault((one.app, one.version), []).append(one)
        return tuple(
            Offered(app, sizes[app], tuple(standing.get((app.name, app.version), ())))
            for app in wanted.apps
        )

    def particulars(self, name: str, version: str | None, language: str) -> Particulars:
        """All of an app at `version` or its newest; raises AppUnknown, BlobMissing, SbomMalformed.

        Takes seconds: the app is rendered as packing does.
        """
        listing = self._catalog.listing()
        app = listing.entry(name, version)
        sizes, untold, found = Sizes(self._blobs), None, None
        try:
            found = asked(self._catalog, app, self._blobs)
        except ChampError as error:
            untold = error
        measured = sizes.of(listing.apps)[listing.apps.index(app)]
        standing = self._history.standing(None, None)
        return Particulars(
            app=app,
            versions=tuple(one.version for one in listing.of(name).apps),
            size=measured,
            contents=contents(app, self._shelf, sizes),
            asks=found,
            untold=untold,
            runs=runs(app, listing, standing, self._moves),
            readme=self._catalog.file(app, said(app.readme, language)).decode("utf-8", "replace"),
        )
