"""One zone: its store, trust, registry and catalog, and what runs on its clusters.

Composition root: it wires the parts and decides nothing. Every method is one verb of the command
line and one step of the terminal UI; both call these and nothing below.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from champ_offline.bundle.export import Exported, Exporter, ExportOrder
from champ_offline.bundle.image_keys import ImageKey, image_keys
from champ_offline.bundle.intake import Forecast, Imported, Intake
from champ_offline.bundle.names import NAME
from champ_offline.bundle.offer import Offer
from champ_offline.bundle.repair import RepairOrder, repair
from champ_offline.bundle.repaired import Repaired
from champ_offline.bundle.sbom.shelf import Shelf
from champ_offline.bundle.turns import Turn, take_turns
from champ_offline.bundle.verify import VerifiedBundle, verify
from champ_offline.catalog.artifact import vet_app
from champ_offline.catalog.form import Form
from champ_offline.catalog.index import Catalog
from champ_offline.clock import now_utc
from champ_offline.doctor import NeverServed, Vouched, examine_external, examine_zone
from champ_offline.durable.database import Database
from champ_offline.durable.lock import FileLock
from champ_offline.durable.reserve import Reserve
from champ_offline.durable.space import free_bytes
from champ_offline.durable.write import make_directory
from champ_offline.events import Subscriber
from champ_offline.findings import Finding
from champ_offline.journal.acts import Act, done
from champ_offline.journal.audit import Audit
from champ_offline.journal.ferried import Ferried
from champ_offline.journal.journal import Journal
from champ_offline.particulars.shown import Showcase
from champ_offline.paths import ZonePaths
from champ_offline.release.moves import Moves
from champ_offline.release.packages import Packages
from champ_offline.release.records.history import History
from champ_offline.release.records.retention import Retentions
from champ_offline.release.records.vault import Vault
from champ_offline.releases import Releases
from champ_offline.serving import Serving
from champ_offline.store.home import home, settle
from champ_offline.store.links import Links
from champ_offline.store.readings import Readings
from champ_offline.store.refs import Ref, Refs
from champ_offline.store.uploads import Uploads
from champ_offline.store.waiting import WaitingRoom
from champ_offline.tasks.folder import Tasks
from champ_offline.trust.dates import Dates
from champ_offline.trust.errors import FingerprintDiffers, Replayed
from champ_offline.trust.overrides import NO_OVERRIDES, Overrides
from champ_offline.trust.roots import fingerprint, read_root, read_root_file, same_fingerprint
from champ_offline.trust.state import TrustState
from champ_offline.trust.view import TrustView, view_root
from champ_offline.upkeep.remains import refuse_lost, refuse_remains
from champ_offline.upkeep.roots import RootUpdate, follow
from champ_offline.upkeep.verbs import Upkeep
from champ_offline.zone import (
    Discarded,
    FolderTaken,
    InvalidZoneName,
    NotAZone,
    ZoneExists,
    ZoneSettings,
    ZoneSummary,
)

if TYPE_CHECKING:
    from champ_offline.support.archive import SupportBundle

_SCHEMA = ("CREATE TABLE zone (name TEXT NOT NULL, commissioned TEXT NOT NULL) STRICT",)


class Appliance:
    """The verbs of one zone over its folder."""

    def __init__(self, zone: Path, clock: Callable[[], datetime] = now_utc) -> None:
        self.paths = ZonePaths(zone)
        self._clock = clock
        self._database = Database(self.paths.database)
        self._database.migrate("zone", _SCHEMA)
        self._blobs = home(self._database, self.paths.store)
        self._refs = Refs(self._database)
        self._trust = TrustState(self._database)
        self._waiting = WaitingRoom(self.paths.waiting)
        self._intake = Intake(
            self._database, self._blobs, self._waiting, self._refs, self._trust, vet_app
        )

    @classmethod
    def open(cls, zone: Path) -> Appliance:
        """The zone in a folder; raises NotAZone, DatabaseMissing, StoreForeign."""
        paths = ZonePaths(zone)
        if not paths.database.is_file():
            refuse_lost(paths)
            raise NotAZone(path=zone)
        appliance = cls(zone)
        if not appliance.name:
            refuse_lost(paths)
            raise NotAZone(path=zone)
        settle(appliance._database, appliance._blobs, appliance.name)
        return appliance

    @classmethod
    def create(
        cls,
        zone: Path,
        name: str,
        root: Path,
        expected: str | None = None,
        overrides: Overrides = NO_OVERRIDES,
        clock: Callable[[], datetime] = now_utc,
    ) -> Appliance:
        """Commission a zone that trusts `root` (a file) from now on.

        `expected` is the fingerprint read out by the release engineer, spaces and case ignored.
        Raises InvalidZoneName, FolderTaken, ZoneExists, RemainsThere, FingerprintDiffers,
        RootUnreadable, RootExpired; nothing is made then. An override that was needed is kept.
        """
        if not NAME.fullmatch(name):
            raise InvalidZoneName(name=name[:100])
        document = read_root_file(root)
        found = fingerprint(document)
        if expected is not None and not same_fingerprint(expected, found):
            raise FingerprintDiffers(where=root, expected=expected)
        trusted, dates = read_root(document, str(root)), Dates(clock(), overrides, str(root))
        dates.check(trusted)
        if foreign := ZonePaths(zone).foreign():
            raise FolderTaken(path=zone, found=foreign[0])
        if not ZonePaths(zone).database.exists():
            refuse_remains(ZonePaths(zone))
        make_directory(zone)
        with FileLock(ZonePaths(zone).lock):
            Database.create(ZonePaths(zone).database).close()
            appliance = cls(zone, clock)
            if appliance.name:
                raise ZoneExists(path=zone, name=appliance.name)
            refuse_remains(appliance.paths)
            settle(appliance._database, appliance._blobs, name)
            Reserve(appliance.paths.reserve).keep()
            appliance._make_tables()
            with appliance._database.transaction() as connection:
                commissioned, version = appliance._now(), trusted.version
                appliance._trust.pin(connection, version, document)
                appliance._trust.keep(connection, "", version, dates.overridden(), commissioned)
                connection.execute("INSERT INTO zone VALUES (?, ?)", (name, commissioned))
                told = done(Act.INIT, name, root=version, fingerprint=found)
                appliance.audit.append(connection, told)
        return appliance

    def _make_tables(self) -> None:
        """All tables, also those of later acts: a full disk shall not keep one from looking."""
        History(self._database)
        Vault(self._database, secrets.token_urlsafe)
        Journal(self._database, self._clock)
        self.releases.clusters.all()
        Ferried(self._database, self._clock)
        self.upkeep.records.saved()
        Links(self._database)
        Uploads(self._database, self.paths.uploads)
        Readings(self._database, self.paths.readings)
        self.registry.clients.all()
        self.registry.authority.known()

    @property
    def name(self) -> str:
        """The zone's name; empty before it was commissioned."""
        rows = self._database.query("SELECT name FROM zone")
        return str(rows[0]["name"]) if rows else ""

    @property
    def catalog(self) -> Catalog:
        """The apps that imported bundles brought."""
        return Catalog(self._refs, self._blobs)

    def summary(self) -> ZoneSummary:
        """What the zone is and holds."""
        row = self._database.query("SELECT * FROM zone")[0]
        root = self._trust.root()
        sizes = [self._blobs.size(digest) for digest in self._blobs]
        return ZoneSummary(
            name=row["name"],
            commissioned=row["commissioned"],
            root_version=read_root(root, "root").version,
            root_fingerprint=fingerprint(root),
            blobs=len(sizes),
            size=sum(sizes),
            free=free_bytes(self.paths.root),
            waiting=self._waiting.size,
            bundles=tuple(self._intake.bundles()),
            registry=self.registry.elsewhere,
        )

    def settings(self) -> ZoneSettings:
        """What the zone is set to; each is changed by a verb of its own."""
        records, ran = self.upkeep.records, self.audit.last(Act.RUN)
        told = (ran.told() if ran else None) or {}
        return ZoneSettings(
            retention=records.retention(),
            retained=records.retained,
            registry=self.registry.elsewhere,
            anonymous=self.registry.clients.anonymous(),
            clusters=self.releases.clusters.all(),
            policy=str(told.get("policy", "")),
            ran=ran.time if ran else "",
        )

    def inspect(self, media: Sequence[Path], overrides: Overrides = NO_OVERRIDES) -> VerifiedBundle:
        """Accept the bundle on the `media` for this zone: signatures, dates, zone, volume indexes.

        Quick: no blob is read. Raises the errors of `trust.errors` and `bundle.errors`.
        """
        accepted = self._trust.accepted()
        return verify(media, self._trust.root(), self._clock(), self.name, overrides, accepted)

    def forecast(self, bundle: VerifiedBundle) -> Forecast:
        """What importing a bundle that `inspect` accepted would take, and whether it fits.

        Raises Replayed.
        """
        return self._intake.forecast(bundle)

    def import_media(
        self, media: Sequence[Path], notify: Subscriber, overrides: Overrides = NO_OVERRIDES
    ) -> Imported:
        """Verify and import the bundle on the `media`; an error leaves the store as it was.

        What was read stays in the waiting room, and the next run continues there.
        """
        with FileLock(self.paths.lock):
            return self._intake.take(self.inspect(media, overrides), self._now(), notify)

    def import_all(
        self, media: Sequence[Path], notify: Subscriber, overrides: Overrides = NO_OVERRIDES
    ) -> tuple[Turn[Imported], ...]:
        """Every bundle on the `media`, one after the other, each as `import_media` takes it.

        One that the zone holds, with a newer pack besides, changes nothing and is not refused.
        """

        def take(bundle: VerifiedBundle) -> Imported:
            try:
                return self.import_media(bundle.paths, notify, overrides)
            except Replayed:
                if self._intake.held.retired(bundle.trusted.digest) is not False:
                    raise
                return Imported.nothing(bundle.document)

        return take_turns(media, lambda paths: self.inspect(paths, overrides), take)

    def discard(self) -> Discarded:
        """Let go of what unfinished imports left; the next one reads it from the media again."""
        with FileLock(self.paths.lock):
            return Discarded(self._waiting.clear())

    def repair(
        self, order: RepairOrder, notify: Subscriber, overrides: Overrides = NO_OVERRIDES
    ) -> Repaired:
        """Mend the bundle on a medium in place; what the zone holds helps. See `bundle.repair`."""

        def accept(media: Sequence[Path], offer: Offer | None) -> VerifiedBundle:
            accepted, known = self._trust.accepted(), self._trust.roots()
            root = self._trust.root()
            return verify(media, root, self._clock(), None, overrides, accepted, known, offer)

        stores = (self._blobs, self._waiting.blobs)
        return repair(order, accept, stores, notify, self._intake.held)

    def export(self, order: ExportOrder, notify: Subscriber) -> tuple[Exported, ...]:
        """Write media for another zone; see `bundle.export`. Raises InvalidZoneName too."""
        if not NAME.fullmatch(order.zone):
            raise InvalidZoneName(name=order.zone[:100])
        stored = (self._database, self._blobs, self.paths)
        return Exporter(self._intake.held, self._trust, *stored, self._clock).run(order, notify)

    def image_keys(self) -> list[ImageKey]:
        """The keys that signed the images held here, newest first; raises ImageKeyUnknown."""
        newest_first = reversed(self._intake.bundles())
        return image_keys((known.document for known in newest_first), self.paths.root)

    def update_trust(self, media: Path) -> RootUpdate:
        """Follow the roots on a medium that carries no bundle; keys they withdraw are at once out.

        An expired root is kept as well: it is newer, and imports will ask about its date.
        Raises as `follow_roots`; the zone's root is then as it was.
        """
        with FileLock(self.paths.lock):
            return follow(self._database, self.name, media, self._clock)

    def withdrawn(self) -> list[Ref]:
        """The names that the zone serves although only withdrawn keys vouch for their content."""
        return self._intake.withdrawn(self._trust.root())

    def trust_view(self) -> TrustView:
        """What the zone trusts, accepted and overrode."""
        return view_root(
            self._trust.root(),
            self.name,
            accepted=self._trust.accepted(),
            overrides=self._trust.overrides(),
            versions={one.digest: one.document.version for one in self._intake.ever()},
        )

    @property
    def registry(self) -> Serving:
        """The registry that nodes pull from."""
        stored = (self._database, self._blobs, self.paths)
        return Serving(*stored, self._intake.bundles, self._clock)

    @property
    def audit(self) -> Audit:
        """Who changed what in the registry, and who was refused."""
        return Audit(self._database, self._clock)

    @property
    def ferried(self) -> Ferried:
        """What became of the bundles that ferry folders brought."""
        return Ferried(self._database, self._clock)

    @property
    def tasks(self) -> Tasks:
        """The long verbs that are or were at work here, to be followed from anywhere."""
        return Tasks(self.paths.tasks, self._clock)

    @property
    def upkeep(self) -> Upkeep:
        """Checks and collections of the store, and bundles that are wanted no more."""
        stored = (self._database, self._blobs, self._refs, self._intake)
        return Upkeep(self.name, self.paths, *stored, self._clock)

    @property
    def releases(self) -> Releases:
        """What runs on the zone's clusters, and plans to change it."""
        stored = (self._database, self._blobs, self.catalog)
        return Releases(self.name, self.paths, *stored, self.registry.in_use, self._clock)

    @property
    def sboms(self) -> Shelf:
        """The bills of materials that came with the images."""
        return Shelf(self._refs, self._blobs)

    @property
    def packages(self) -> Packages:
        """Where packages are: in which images, apps and releases."""
        vault = Vault(self._database, secrets.token_urlsafe)
        return Packages(self.sboms, self.catalog, History(self._database), vault)

    @property
    def showcase(self) -> Showcase:
        """What can be told of apps before one is chosen: sizes, needs, packages, releases."""
        history = History(self._database)
        moves = Moves(self.catalog, history, Retentions(self._database))
        return Showcase(self.catalog, self._blobs, self.sboms, history, moves)

    def form(self, app: str, version: str | None) -> Form:
        """The form of an app, at `version` or its newest; raises AppUnknown."""
        return self.catalog.form(self.catalog.entry(app, version))

    def example(self, app: str, version: str | None, name: str) -> str:
        """An app's documented answers of that name, as a file; raises ExampleUnknown."""
        return self.catalog.example(self.catalog.entry(app, version), name).decode()

    def doctor(self, kubeconfig: Path | None, *, offline: bool = False) -> list[Finding]:
        """Look for what would stand in the way: in the zone and, unless `offline`, its clusters."""
        root = self._trust.root()
        vouched = Vouched(read_root(root, "root").expires, self._intake.bundles(), self.withdrawn())
        parts = (self._database, self.upkeep.examine(), self._waiting)
        findings = list(examine_zone(*parts, self.paths.pki, vouched, self._clock()))
        if (external := self.registry.in_use()) is not None:
            findings = [one for one in findings if not isinstance(one.error, NeverServed)]
            findings += [] if offline else [examine_external(external.address, external.look)]
        return findings if offline else [*findings, *self.releases.examine(kubeconfig)]

    def support(self, kubeconfig: Path | None, *, logs: bool) -> SupportBundle:
        """What somebody who helps needs to see, redacted: `champ_offline.support`."""
        from champ_offline.support.collect import ZoneSide, collect

        zone = ZoneSide(self._database, self.summary(), self.doctor(kubeconfig), self._clock())
        return collect(zone, kubeconfig, logs=logs)

    def _now(self) -> str:
        return self._clock().isoformat(timespec="seconds")
