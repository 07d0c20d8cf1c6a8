"""What an app is: app.yaml as its author types it, and the config document it becomes.

Invariant: an entry's names, versions, references and digests have been checked for form; its file
names are plain relative names, used as titles of layers and never as paths at the site. Files that
app.yaml names lie inside the app's folder.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from champ_offline.catalog import data_parts, upgrade_table
from champ_offline.catalog.data_parts import DataPart
from champ_offline.catalog.upgrades import NONE_DECLARED, Upgrades
from champ_offline.durable import typed_yaml
from champ_offline.durable.typed_yaml import Node
from champ_offline.errors import ChampError, ExitCode, Phrase
from champ_offline.oci.descriptor import Descriptor
from champ_offline.oci.digest import Digest
from champ_offline.oci.manifest import encode
from champ_offline.oci.reference import InvalidReference, Reference
from champ_offline.oci.strict_json import NotStrict, parse

FORMAT = 1
LANGUAGES = ("en", "zh")
NAME = re.compile(r"[a-z0-9]+(?:[.-][a-z0-9]+)*")
# What may also be an OCI tag, so that the version can be the tag of the app's ref.
VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,63}")
_FILE = re.compile(r"[0-9A-Za-z_][0-9A-Za-z_.-]*(?:/[0-9A-Za-z_][0-9A-Za-z_.-]*)*")
_LONGEST = 2000
_KUBERNETES = re.compile(r"v1\.[0-9]{1,3}\.[0-9]{1,3}")
_API_VERSION = re.compile(r"[a-z0-9.-]+(?:/[a-z0-9]+(?:/[A-Za-z0-9]+)?)?")
_KEYS = (
    "format", "name", "title", "summary", "category", "chart", "form", "hints", "values", "readme",
    "versions", "not_images", "kubernetes", "api_versions", *upgrade_table.KEYS,
    *data_parts.KEYS,
)  # fmt: skip
# Where an app keeps documented answers, in its folder and among its artifact's files.
EXAMPLES = "answers"
_EXAMPLE = re.compile(rf"{EXAMPLES}/({NAME.pattern})\.yaml")


class AppMalformed(ChampError):
    """The config document of an app artifact is not what pack writes."""

    id = "catalog.app-malformed"
    exit_code = ExitCode.CORRUPT
    message = "The app entry {where} cannot be read: {reason}."
    remedy = "Do not use it; ask whoever packed the bundle to pack it again."


class AppFormatNewer(ChampError):
    """An app artifact was written by a later version of this product."""

    id = "catalog.app-format-newer"
    exit_code = ExitCode.PREFLIGHT
    message = "The app entry {where} has format {found}; up to {known} is understood here."
    remedy = "Bring a newer installer with the bundle and use that one."


class AppVersionUnknown(ChampError):
    """A version is asked for that app.yaml does not describe."""

    id = "catalog.app-version-unknown"
    exit_code = ExitCode.USAGE
    message = "{file} describes no version {version} of {name}."
    remedy = "Versions described there: {known}."


def said(texts: Mapping[str, str], language: str) -> str:
    """The text in `language` ("zh", "zh_CN", "en"), else the English one, else none."""
    return texts.get(re.split("[-_]", language)[0]) or texts.get("en", "")


@dataclass(frozen=True)
class AppSource:
    """A parsed app.yaml; `chart` is a path, the other files are names relative to `folder`.

    `versions` leads from a version to its components: name -> full image reference. The last four
    serve the proof of completeness: files of documented answers, texts that look like images and
    why they are none, Kubernetes versions and API versions to render for.
    """

    file: Path
    name: str
    title: Mapping[str, str] = field(hash=False)
    summary: Mapping[str, str] = field(hash=False)
    category: str
    chart: Path
    form: str
    hints: str
    values: str
    readme: Mapping[str, str] = field(hash=False)
    versions: Mapping[str, Mapping[str, str]] = field(hash=False)
    examples: tuple[str, ...] = ()
    not_images: Mapping[str, str] = field(default_factory=dict, hash=False)
    kubernetes: tuple[str, ...] = ()
    api_versions: tuple[str, ...] = ()
    upgrades: Upgrades = NONE_DECLARED
    data: tuple[DataPart, ...] = ()

    @property
    def folder(self) -> Path:
        """The app's folder."""
        return self.file.parent

    @property
    def files(self) -> tuple[str, ...]:
        """The preset's files, sorted; each becomes one layer."""
        named = {self.form, self.hints, self.values, *self.readme.values()}
        return tuple(sorted({*named, *self.examples}))

    def components(self, version: str) -> Mapping[str, str]:
        """Component -> image reference of one version; raises AppVersionUnknown."""
        if version not in self.versions:
            known = ", ".join(self.versions)
            raise AppVersionUnknown(file=self.file, version=version, name=self.name, known=known)
        return self.versions[version]

    @classmethod
    def from_file(cls, path: Path) -> AppSource:
        """Read app.yaml; raises the errors of `typed_yaml`, with file, line and key."""
        root = typed_yaml.read(path).table(*_KEYS)
        root["format"].integer(FORMAT, FORMAT)
        versions = _versions(root["versions"])
        return cls(
            file=path,
            name=root["name"].text(NAME, "a name of lower-case letters, digits, dots and dashes"),
            title=_texts(root["title"]),
            summary=_texts(root["summary"]),
            category=root["category"].text(NAME, "a category such as imaging"),
            chart=path.parent / _inside(root["chart"], path.parent),
            form=_file(root["form"], path.parent),
            hints=_file(root["hints"], path.parent),
            values=_file(root["values"], path.parent),
            readme=_both(root["readme"], lambda node: _file(node, path.parent)),
            versions=versions,
            examples=_examples(root["name"], path.parent),
            not_images=dict(map(_excuse, root.get("not_images", []).items())),
            kubernetes=tuple(
                root.get("kubernetes", []).texts(_KUBERNETES, 'versions such as "v1.35.4"')
            ),
            api_versions=tuple(
                root.get("api_versions", []).texts(_API_VERSION, "group/version[/Kind]")
            ),
            upgrades=upgrade_table.typed_upgrades(root, versions),
            data=data_parts.typed_parts(root),
        )


@dataclass(frozen=True)
class AppEntry:
    """One version of an app as the zone holds it.

    `images` leads from every image's full reference to its manifest's digest, `components` from the
    names that the values template uses to those references; `form`, `hints`, `values` and `readme`
    are titles in `files` (title -> blob), which comes from the artifact's manifest. `upgrades` are
    the rules for all versions, as far as they were known when this one was packed, `data` how what
    it keeps is saved.
    """

    name: str
    version: str
    title: Mapping[str, str] = field(hash=False)
    summary: Mapping[str, str] = field(hash=False)
    category: str
    chart: Descriptor
    images: Mapping[str, Digest] = field(hash=False)
    components: Mapping[str, str] = field(hash=False)
    form: str
    hints: str
    values: str
    readme: Mapping[str, str] = field(hash=False)
    files: Mapping[str, Descriptor] = field(default_factory=dict, hash=False)
    upgrades: Upgrades = NONE_DECLARED
    data: tuple[DataPart, ...] = ()

    @property
    def examples(self) -> dict[str, str]:
        """Name of documented answers -> their title in `files`, by name."""
        found = (_EXAMPLE.fullmatch(title) for title in sorted(self.files))
        return {match[1]: match[0] for match in found if match}

    def to_bytes(self) -> bytes:
        """The config document as canonical JSON."""
        return encode(
            {
                "format": FORMAT,
                "name": self.name,
                "version": self.version,
                "title": dict(self.title),
                "summary": dict(self.summary),
                "category": self.category,
                "chart": self.chart.to_document(),
                "images": {name: str(digest) for name, digest in self.images.items()},
                "components": dict(self.components),
                "form": self.form,
                "hints": self.hints,
                "values": self.values,
                "readme": dict(self.readme),
                **upgrade_table.upgrades_document(self.upgrades),
                **data_parts.parts_document(self.data),
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes, where: str) -> AppEntry:
        """Read the document; `where` names it in errors. Raises AppFormatNewer, AppMalformed."""
        try:
            document = parse(data)
        except NotStrict as error:
            raise AppMalformed(where=where, reason=error.reason) from error
        if not isinstance(document, dict):
            raise AppMalformed(where=where, reason=Phrase("it is not a JSON object"))
        number = document.get("format")
        if not isinstance(number, int) or isinstance(number, bool) or number < 1:
            raise AppMalformed(where=where, reason=Phrase("it names no format"))
        if number > FORMAT:
            raise AppFormatNewer(where=where, found=min(number, 10**6), known=FORMAT)
        return _Document(document, where).entry()


class _Document:
    """Reads a config document's members; each wrong one is an AppMalformed that names it."""

    def __init__(self, document: dict[str, Any], where: str) -> None:
        self.document = document
        self.where = where

    def entry(self) -> AppEntry:
        images = {self.reference(k, "images"): v for k, v in self.table("images").items()}
        components = self.table("components")
        if not components:
            raise self.malformed("components")
        for name, image in components.items():
            if not NAME.fullmatch(name) or image not in images:
                raise self.malformed("components")
        return AppEntry(
            name=self.text("name", NAME),
            version=self.text("version", VERSION),
            title=self.texts("title"),
            summary=self.texts("summary"),
            category=self.text("category", NAME),
            chart=self.chart(),
            images={name: self.digest(digest) for name, digest in images.items()},
            components=components,
            form=self.text("form", _FILE),
            hints=self.text("hints", _FILE),
            values=self.text("values", _FILE),
            readme=self.texts("readme", _FILE),
            upgrades=self.upgrades(),
            data=self.data(),
        )

    def malformed(self, key: str) -> AppMalformed:
        return AppMalformed(where=self.where, reason=Phrase("“{key}” is missing or wrong", key=key))

    def text(self, key: str, pattern: re.Pattern[str]) -> str:
        value = self.document.get(key)
        if not isinstance(value, str) or len(value) > _LONGEST or not pattern.fullmatch(value):
            raise self.malformed(key)
        return value

    def table(self, key: str) -> dict[str, str]:
        value = self.document.get(key)
        if not isinstance(value, dict) or not all(isinstance(v, str) for v in value.values()):
            raise self.malformed(key)
        return value

    def texts(self, key: str, pattern: re.Pattern[str] | None = None) -> dict[str, str]:
        found = self.table(key)
        if set(found) != set(LANGUAGES) or any(len(text) > _LONGEST for text in found.values()):
            raise self.malformed(key)
        if not all(pattern is None or pattern.fullmatch(text) for text in found.values()):
            raise self.malformed(key)
        return found

    def chart(self) -> Descriptor:
        try:
            return Descriptor.from_document(self.document.get("chart"))
        except ChampError as error:
            raise self.malformed("chart") from error

    def upgrades(self) -> Upgrades:
        try:
            return upgrade_table.read_upgrades(self.document)
        except ValueError as error:
            raise self.malformed("upgrades") from error

    def data(self) -> tuple[DataPart, ...]:
        try:
            return data_parts.read_parts(self.document)
        except ValueError as error:
            raise self.malformed("data") from error

    def digest(self, text: str) -> Digest:
        try:
            return Digest.parse(text)
        except ChampError as error:
            raise self.malformed("images") from error

    def reference(self, text: str, key: str) -> str:
        try:
            full = str(Reference.parse(text))
        except ChampError as error:
            raise self.malformed(key) from error
        if full != text:
            raise self.malformed(key)
        return text


def _both(node: Node, read: Callable[[Node], str]) -> dict[str, str]:
    table = node.table(*LANGUAGES)
    return {language: read(table[language]) for language in LANGUAGES}


def _texts(node: Node) -> dict[str, str]:
    return _both(node, lambda item: item.text(re.compile(r"\S.{0,999}", re.DOTALL), "a text"))


def _inside(node: Node, folder: Path) -> str:
    name = node.text(_FILE, "a path inside the app's folder, without “..”")
    try:
        within = (folder / name).resolve(strict=True).is_relative_to(folder.resolve())
    except (OSError, RuntimeError) as error:  # RuntimeError: links in a circle
        raise node.refuse("something that is in the app's folder") from error
    if not within:
        raise node.refuse("a path that does not lead out of the app's folder")
    return name


def _file(node: Node, folder: Path) -> str:
    name = _inside(node, folder)
    if not (folder / name).is_file():
        raise node.refuse("a file")
    return name


def _examples(node: Node, folder: Path) -> tuple[str, ...]:
    """The documented answers: every .yaml in the folder for them; `node` is where to complain."""
    found = []
    for path in sorted((folder / EXAMPLES).glob("*.yaml")):
        title = f"{EXAMPLES}/{path.name}"
        if not _EXAMPLE.fullmatch(title):
            raise replace(node, key=title, content=path.name).refuse(
                "a file named in lower-case letters, digits and dashes"
            )
        found.append(_file(replace(node, key=title, content=title), folder))
    return tuple(found)


def _excuse(node: Node) -> tuple[str, str]:
    row = node.table("text", "reason")
    return row["text"].text(), row["reason"].text(re.compile(r"\S.{9,}"), "a reason, in words")


def _versions(node: Node) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for version, components in node.entries():
        if not VERSION.fullmatch(version):
            raise components.refuse(
                "versions as keys: at most 64 letters, digits and . _ -, beginning with a letter or"
                ' digit, such as "1.10.1"'
            )
        found[version] = {name: _reference(name, image) for name, image in components.entries()}
        if not found[version]:
            raise components.refuse("at least one component with its image")
    if not found:
        raise node.refuse("at least one version")
    return found


def _reference(name: str, node: Node) -> str:
    if not NAME.fullmatch(name):
        raise node.refuse("a component's name of lower-case letters, digits, dots and dashes")
    try:
        reference = Reference.parse(node.text())
    except InvalidReference as error:
        raise node.refuse("an image reference such as champ.local/orthanc:1.10.1") from error
    if reference.digest is not None:
        raise node.refuse("a name with a tag; digests are found by `champ lock`")
    return str(reference)
