"""The apps of a zone, found among its refs by what they are.

Invariant: the catalog keeps nothing: what it lists is what the refs lead to at that moment. An app
that cannot be used is listed as such, with the reason, and is in no other app's way.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeVar

from champ_offline.catalog.artifact import app_file, is_app, read_app
from champ_offline.catalog.entry import AppEntry
from champ_offline.catalog.form import Form
from champ_offline.catalog.versions import version_key
from champ_offline.errors import ChampError, ExitCode
from champ_offline.oci import media_types
from champ_offline.oci.digest import Digest
from champ_offline.oci.manifest import Manifest
from champ_offline.store.blobs import BlobStore
from champ_offline.store.refs import Ref, Refs

APPS = "champ.local/apps/"
LARGEST_CHART = 32 * 1024 * 1024
_App = TypeVar("_App", AppEntry, "UnusableApp")


class AppUnknown(ChampError):
    """An app, or this version of it, is not in the zone's catalog."""

    id = "catalog.app-unknown"
    exit_code = ExitCode.NOT_FOUND
    message = "The catalog has no {wanted}."
    remedy = "It has: {known}. Import the bundle that carries what you want."


class ExampleUnknown(ChampError):
    """An app documents no answers under this name."""

    id = "catalog.example-unknown"
    exit_code = ExitCode.NOT_FOUND
    message = "{name} {version} documents no answers “{wanted}”."
    remedy = "It documents: {known}."


class AppChartUnusable(ChampError):
    """The chart that an app names is no Helm chart artifact."""

    id = "catalog.chart-unusable"
    exit_code = ExitCode.CORRUPT
    message = "The chart of {name} {version} is not a Helm chart ({digest})."
    remedy = "Do not use it; ask whoever packed the bundle to pack it again."


def app_chart(blobs: BlobStore, entry: AppEntry) -> bytes:
    """The .tgz of an app's chart; raises AppChartUnusable, BlobMissing, BlobTooLarge."""
    manifest = Manifest.from_bytes(blobs.read(entry.chart.digest))
    for layer in manifest.layers:
        if layer.media_type == media_types.HELM_CHART:
            return blobs.read(layer.digest, LARGEST_CHART)
    raise AppChartUnusable(name=entry.name, version=entry.version, digest=entry.chart.digest)


@dataclass(frozen=True)
class UnusableApp:
    """An app that a bundle brought and that cannot be used here, as its ref names it; and why."""

    name: str
    version: str
    reason: ChampError


@dataclass(frozen=True)
class Listing:
    """All versions of all apps, by name, the newest version first; usable or not."""

    apps: tuple[AppEntry, ...]
    unusable: tuple[UnusableApp, ...]

    @property
    def named(self) -> str:
        """What can be used, for people."""
        return ", ".join(f"{app.name} {app.version}" for app in self.apps) or "—"

    def of(self, name: str) -> Listing:
        """The same of one app."""
        return Listing(
            tuple(app for app in self.apps if app.name == name),
            tuple(app for app in self.unusable if app.name == name),
        )

    def entry(self, name: str, version: str | None = None) -> AppEntry:
        """An app at `version`, or at its newest.

        Raises AppUnknown, which lists what there is; where that version, or the newest, cannot be
        used, the reason: no older one is taken unasked.
        """
        own = self.of(name)
        found: list[AppEntry | UnusableApp] = [*own.apps, *own.unusable]
        wanted = [app for app in found if version in {None, app.version}]
        if not wanted:
            known = own if own.apps else self
            raise AppUnknown(wanted=f"{name} {version}" if version else name, known=known.named)
        newest = max(wanted, key=lambda app: version_key(app.version))
        if isinstance(newest, UnusableApp):
            raise newest.reason
        return newest


class Catalog:
    """The apps that imported bundles brought to a zone."""

    def __init__(self, refs: Refs, blobs: BlobStore) -> None:
        self._refs = refs
        self._blobs = blobs
        # By what their files say: a site asks for the same forms again and again.
        self._forms: dict[tuple[bytes, bytes], Form] = {}

    def listing(self) -> Listing:
        """What there is at this moment."""
        found: dict[tuple[str, str], AppEntry] = {}
        unusable: list[UnusableApp] = []
        # The packer's own names first: they decide where two artifacts claim one version.
        for ref in sorted(self._refs.all(), key=lambda ref: not ref.name.startswith(APPS)):
            read = self._read(ref)
            if isinstance(read, UnusableApp):
                unusable.append(read)
            elif read is not None:
                found.setdefault((read.name, read.version), read)
        return Listing(_in_order(found.values()), _in_order(unusable))

    def entry(self, name: str, version: str | None = None) -> AppEntry:
        """As `Listing.entry`, of what there is at this moment."""
        return self.listing().entry(name, version)

    def file(self, entry: AppEntry, title: str) -> bytes:
        """The content of one of the app's files; raises AppFileMissing, BlobMissing."""
        return app_file(self._blobs, entry, title)

    def example(self, entry: AppEntry, name: str) -> bytes:
        """Documented answers of the app, as their author wrote them; raises ExampleUnknown."""
        if name not in entry.examples:
            known = ", ".join(entry.examples) or "—"
            raise ExampleUnknown(name=entry.name, version=entry.version, wanted=name, known=known)
        return self.file(entry, entry.examples[name])

    def form(self, entry: AppEntry) -> Form:
        """The app's form; raises FormUnusable, AppFileMissing, BlobMissing."""
        files = self.file(entry, entry.form), self.file(entry, entry.hints)
        if files not in self._forms:
            self._forms[files] = Form.from_bytes(*files, f"{entry.name} {entry.version}")
        return self._forms[files]

    def chart(self, entry: AppEntry) -> bytes:
        """The chart's .tgz; raises AppChartUnusable, BlobMissing, BlobTooLarge."""
        return app_chart(self._blobs, entry)

    def image_digests(self, entry: AppEntry) -> dict[str, Digest]:
        """Full reference -> manifest digest of every image of the app."""
        return dict(entry.images)

    def _read(self, ref: Ref) -> AppEntry | UnusableApp | None:
        """The app that a ref leads to, None where it leads to something else."""
        name = ref.name.removeprefix(APPS)
        try:
            if not is_app(self._blobs.read, ref.descriptor):
                return None
            return read_app(self._blobs.read, ref.descriptor, f"{name} {ref.tag}")
        except ChampError as reason:
            return UnusableApp(name, ref.tag, reason)


def _in_order(apps: Iterable[_App]) -> tuple[_App, ...]:
    newest = sorted(apps, key=lambda app: version_key(app.version), reverse=True)
    return tuple(sorted(newest, key=lambda app: app.name))
