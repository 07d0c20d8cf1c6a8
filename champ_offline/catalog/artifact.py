"""Apps as OCI artifacts (image-spec 1.1, manifest.md, "Guidelines for Artifact Usage").

Invariant: equal sources give equal bytes; what is written has a form and a values template that can
be read, and every image that a component names has its digest in the entry.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import TypeAlias

from champ_offline.catalog.entry import AppEntry, AppFormatNewer, AppMalformed, AppSource
from champ_offline.errors import ChampError, ExitCode, Phrase, system_said
from champ_offline.oci import media_types
from champ_offline.oci.descriptor import Descriptor
from champ_offline.oci.digest import Digest
from champ_offline.oci.manifest import Manifest, image_manifest
from champ_offline.store.blobs import BlobStore

TITLE = "org.opencontainers.image.title"
LARGEST_FILE = 1024 * 1024
Read: TypeAlias = Callable[[Digest], bytes]


class ComponentImageMissing(ChampError):
    """A component's image is not among the images of the bundle."""

    id = "catalog.component-image-missing"
    exit_code = ExitCode.PREFLIGHT
    message = "{name} {version}: the image {image} of “{component}” is not in the bundle."
    remedy = "Add the image to the recipe under exactly this name, or correct {file}."


class AppFileUnreadable(ChampError):
    """A file that app.yaml names cannot be packed."""

    id = "catalog.app-file-unreadable"
    exit_code = ExitCode.PREFLIGHT
    message = "{path} cannot be packed: {reason}."
    remedy = "Check the file; app.yaml names it."


class AppFileMissing(ChampError):
    """An app has no file of this name."""

    id = "catalog.app-file-missing"
    exit_code = ExitCode.NOT_FOUND
    message = "{name} {version} has no file “{title}”."
    remedy = "It has: {known}."


def write_app(
    source: AppSource,
    version: str,
    chart: Descriptor,
    images: Mapping[str, Digest],
    blobs: BlobStore,
) -> Descriptor:
    """Store one version of an app; the descriptor of its manifest, without a name.

    `chart` is the chart's OCI manifest, `images` leads from full references to manifest digests (of
    which the entry keeps those that components name). Raises AppVersionUnknown,
    ComponentImageMissing, AppFileUnreadable, FormUnusable, TemplateBroken, and the errors of
    `check_example`.
    """
    contents = {name: _content(source, name) for name in source.files}
    _check(source, contents)
    config = _entry(source, version, chart, images).to_bytes()
    layers = [
        replace(_put(blobs, media_types.APP_FILE, data), annotations={TITLE: name})
        for name, data in sorted(contents.items())
    ]
    manifest = image_manifest(
        _put(blobs, media_types.APP_CONFIG, config), layers, artifact_type=media_types.APP
    )
    found = _put(blobs, media_types.IMAGE_MANIFEST, manifest)
    return replace(found, artifact_type=media_types.APP)


def is_app(read: Read, descriptor: Descriptor) -> bool:
    """Whether a named manifest is an app, malformed or not; raises what `read_app` raises."""
    if descriptor.artifact_type or descriptor.media_type in media_types.INDEXES:
        return descriptor.artifact_type == media_types.APP
    # An image layout's index need not repeat the artifact type of a manifest.
    return Manifest.from_bytes(read(descriptor.digest)).kind == media_types.APP


def vet_app(read: Read, descriptor: Descriptor, where: str) -> None:
    """Refuse what is an app and can be used by no release of this product.

    An app of a newer format is let in: the catalog names it, and a newer release uses it. Raises
    AppMalformed, InvalidManifest, BlobMissing, BlobTooLarge.
    """
    if is_app(read, descriptor):
        with suppress(AppFormatNewer):
            read_app(read, descriptor, where)


def read_app(read: Read, descriptor: Descriptor, where: str = "") -> AppEntry:
    """Read an app's entry; `read` gives a blob, `where` names the app in errors.

    Raises AppMalformed, AppFormatNewer, InvalidManifest, BlobMissing, BlobTooLarge.
    """
    where = where or str(descriptor.digest)
    manifest = Manifest.from_bytes(read(descriptor.digest))
    config = manifest.config
    if manifest.kind != media_types.APP or config is None:
        raise AppMalformed(where=where, reason=Phrase("it is another kind of artifact"))
    if config.media_type != media_types.APP_CONFIG:
        raise AppMalformed(where=where, reason=Phrase("its config is of another kind"))
    entry = AppEntry.from_bytes(read(config.digest), where)
    files = {layer.annotations.get(TITLE, ""): layer for layer in manifest.layers}
    for name in (entry.form, entry.hints, entry.values, *entry.readme.values()):
        if name not in files:
            raise AppMalformed(
                where=where, reason=Phrase("its file “{name}” is missing", name=name)
            )
    return replace(entry, files=files)


def app_file(blobs: BlobStore, entry: AppEntry, title: str) -> bytes:
    """The content of one of an app's files; raises AppFileMissing, BlobMissing, BlobTooLarge."""
    if title not in entry.files:
        known = ", ".join(sorted(entry.files))
        raise AppFileMissing(name=entry.name, version=entry.version, title=title, known=known)
    return blobs.read(entry.files[title].digest, LARGEST_FILE)


def _entry(
    source: AppSource, version: str, chart: Descriptor, images: Mapping[str, Digest]
) -> AppEntry:
    components = source.components(version)
    for component, image in components.items():
        if image not in images:
            raise ComponentImageMissing(
                name=source.name,
                version=version,
                component=component,
                image=image,
                file=source.file,
            )
    return AppEntry(
        name=source.name,
        version=version,
        title=source.title,
        summary=source.summary,
        category=source.category,
        # A name or platform of the packer's would make equal apps differ.
        chart=Descriptor(chart.media_type, chart.digest, chart.size),
        images={image: images[image] for image in components.values()},
        components=components,
        form=source.form,
        hints=source.hints,
        values=source.values,
        readme=source.readme,
        upgrades=source.upgrades,
        data=source.data,
    )


def _content(source: AppSource, name: str) -> bytes:
    path = source.folder / name
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise AppFileUnreadable(path=path, reason=system_said(error)) from error
    if len(data) > LARGEST_FILE:
        raise AppFileUnreadable(
            path=path, reason=Phrase("it has more than {limit} bytes", limit=LARGEST_FILE)
        )
    return data


def _check(source: AppSource, contents: Mapping[str, bytes]) -> None:
    """What cannot be used at the site is refused where it can still be corrected."""
    # Imported here: importing or listing apps must load neither jsonschema nor jinja2.
    from champ_offline.catalog.answers import check_example
    from champ_offline.catalog.form import Form
    from champ_offline.catalog.values import check_template

    folder = source.folder
    form = Form.from_bytes(contents[source.form], contents[source.hints], str(folder / source.form))
    check_template(contents[source.values], str(folder / source.values))
    for title in source.examples:
        check_example(contents[title], str(folder / title), form)


def _put(blobs: BlobStore, media_type: str, data: bytes) -> Descriptor:
    return Descriptor(media_type, blobs.add(data), len(data))
