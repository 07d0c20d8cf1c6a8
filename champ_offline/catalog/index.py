"""The apps of a zone, found among its refs by what they are.

Invariant: the catalog keeps nothing: what it lists is what the refs lead to at that moment.
"""

from __future__ import annotations

import re
from typing import TypeAlias

from champ_offline.catalog.artifact import app_file, read_app
from champ_offline.catalog.entry import AppEntry
from champ_offline.catalog.form import Form
from champ_offline.errors import ChampError, ExitCode
from champ_offline.oci import media_types
from champ_offline.oci.descriptor import Descriptor
from champ_offline.oci.digest import Digest
from champ_offline.oci.manifest import Manifest
from champ_offline.store.blobs import BlobStore
from champ_offline.store.refs import Ref, Refs

APPS = "champ.local/apps/"
LARGEST_CHART = 32 * 1024 * 1024
VersionKey: TypeAlias = tuple[tuple[tuple[int, int, str], ...], str]
_PART = re.compile(r"(?P<before>~|-(?=[A-Za-z]))|(?P<number>[0-9]+)|(?P<text>[^0-9.+_~-]+)")


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


def version_key(version: str) -> VersionKey:
    """Orders versions of any form: numbers by value, 1.0~rc1 and 1.0-rc1 before 1.0."""
    parts: list[tuple[int, int, str]] = []
    for found in _PART.finditer(version):
        if found["before"]:
            parts.append((0, 0, ""))
        elif found["number"]:
            digits = found["number"].lstrip("0")
            # Compared by length first: int() refuses very long numbers.
            parts.append((3, len(digits), digits))
        else:
            parts.append((2, 0, found["text"].lower()))
    return ((*parts, (1, 0, "")), version)


class Catalog:
    """The apps that imported bundles brought to a zone."""

    def __init__(self, refs: Refs, blobs: BlobStore) -> None:
        self._refs = refs
        self._blobs = blobs

    def apps(self) -> list[AppEntry]:
        """All versions of all apps, by name, the newest version first.

        Raises AppFormatNewer, AppMalformed where a bundle brought an app that cannot be used here.
        """
        found: dict[tuple[str, str], AppEntry] = {}
        # The packer's own names first: they decide where two artifacts claim one version.
        for ref in sorted(self._refs.all(), key=lambda ref: not ref.name.startswith(APPS)):
            if self._is_app(ref):
                entry = read_app(self._blobs, ref.descriptor)
                found.setdefault((entry.name, entry.version), entry)
        newest = sorted(found.values(), key=lambda app: version_key(app.version), reverse=True)
        return sorted(newest, key=lambda app: app.name)

    def entry(self, name: str, version: str | None = None) -> AppEntry:
        """An app at `version`, or at its newest; raises AppUnknown, which lists what there is."""
        apps = self.apps()
        for app in apps:
            if app.name == name and version in {None, app.version}:
                return app
        named = [app for app in apps if app.name == name] or apps
        raise AppUnknown(
            wanted=f"{name} {version}" if version else name,
            known=", ".join(f"{app.name} {app.version}" for app in named) or "—",
        )

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
        return Form.from_bytes(
            self.file(entry, entry.form),
            self.file(entry, entry.hints),
            f"{entry.name} {entry.version}",
        )

    def chart(self, entry: AppEntry) -> bytes:
        """The chart's .tgz; raises AppChartUnusable, BlobMissing, BlobTooLarge."""
        return app_chart(self._blobs, entry)

    def image_digests(self, entry: AppEntry) -> dict[str, Digest]:
        """Full reference -> manifest digest of every image of the app."""
        return dict(entry.images)

    def _is_app(self, ref: Ref) -> bool:
        descriptor: Descriptor = ref.descriptor
        if descriptor.artifact_type or descriptor.media_type in media_types.INDEXES:
            return descriptor.artifact_type == media_types.APP
        # An image layout's index need not repeat the artifact type of a manifest.
        return Manifest.from_bytes(self._blobs.read(descriptor.digest)).kind == media_types.APP
