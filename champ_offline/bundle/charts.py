"""Helm charts: from a folder or a .tgz to the OCI artifact that stock `helm pull oci://` reads.

Invariant: the same files give the same bytes (sorted names, no times, no owners), and a chart holds
no links and no `$ref` that Helm would have to fetch. A .tgz that needs no change stays byte for
byte what its maker published. https://helm.sh/docs/topics/registries/ describes the artifact.
"""

from __future__ import annotations

import fnmatch
import gzip
import io
import json
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from champ_offline.bundle.chart_archive import NotAnArchive, Room, read_archive
from champ_offline.errors import ChampError, ExitCode, Phrase, system_said
from champ_offline.oci import media_types
from champ_offline.oci.descriptor import Descriptor
from champ_offline.oci.manifest import image_manifest
from champ_offline.store.blobs import BlobStore

CHART_FILE = "Chart.yaml"
SCHEMA_FILE = "values.schema.json"
IGNORE_FILE = ".helmignore"
_MOST_BYTES = 32 * 1024 * 1024
_MOST_FILES = 4096
_LARGEST_CHART_FILE = 256 * 1024
_DEEPEST = 4
_DEEPEST_YAML = 32
_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{0,62}")
_APP_VERSION = re.compile(r"^appVersion[ \t]*:.*$", re.MULTILINE)
_VERSION = re.compile(r"^version:[ \t]*[\"']?(?P<value>[0-9A-Za-z.+-]+)[\"']?[ \t]*$", re.MULTILINE)
# Of Helm's Chart.yaml (pkg/chart/v2/metadata.go); text even where YAML would read a number.
_TEXTS = ("apiVersion", "name", "version", "appVersion", "kubeVersion", "description", "type")
# PyYAML's constructors let through what they meet in a value that does not fit its tag.
_BROKEN = (
    yaml.YAMLError, ValueError, TypeError, AttributeError, LookupError, ArithmeticError,
    RecursionError,
)  # fmt: skip
Files = dict[str, bytes]


class ChartUnusable(ChampError):
    """A folder or .tgz is not a Helm chart, or one that cannot be carried."""

    id = "chart.unusable"
    exit_code = ExitCode.PREFLIGHT
    message = "The chart {path} cannot be packed: {reason}."
    remedy = "Run helm lint on it, put right what is named here and pack again."


class ChartRefersOutside(ChampError):
    """A chart's values schema points at a document outside the chart."""

    id = "chart.outside-reference"
    exit_code = ExitCode.PREFLIGHT
    message = "{file} of the chart {path} refers to “{reference}”, outside of the chart."
    remedy = "Copy the referenced schema under $defs; Helm would try to fetch it at the site."


def pack_chart(path: Path, app_version: str | None = None) -> bytes:
    """The chart at `path` (a folder or a .tgz) as a deterministic .tgz.

    `app_version` replaces appVersion of Chart.yaml and ends its version. Raises ChartUnusable,
    ChartRefersOutside.
    """
    if path.is_dir():
        files = _ignored_left_out(path, dict(_in_folder(path)))
    else:
        given = _file(path)
        files = _in_tgz(given, path)
        if app_version is None:
            _checked(files, path)
            return given
    if app_version is not None:
        files[CHART_FILE] = _with_app_version(files.get(CHART_FILE, b""), app_version)
    name = _checked(files, path)["name"]
    return _tgz({f"{name}/{file}": data for file, data in files.items()})


def chart_artifact(tgz: bytes, blobs: BlobStore) -> Descriptor:
    """Store the chart as Helm's OCI artifact; the descriptor of its manifest.

    The manifest's annotations carry the chart's name and version under OCI's own keys.
    """
    path = Path("chart.tgz")
    metadata = _metadata(_in_tgz(tgz, path), path)
    config = json.dumps(metadata, sort_keys=True, separators=(",", ":")).encode()
    data = image_manifest(
        Descriptor(media_types.HELM_CONFIG, blobs.add(config), len(config)),
        [Descriptor(media_types.HELM_CHART, blobs.add(tgz), len(tgz))],
        annotations={
            "org.opencontainers.image.title": metadata["name"],
            "org.opencontainers.image.version": metadata["version"],
        },
    )
    return Descriptor(media_types.IMAGE_MANIFEST, blobs.add(data), len(data))


def _file(path: Path) -> bytes:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ChartUnusable(
                path=path, reason=Phrase("it has more than {limit} bytes", limit=_MOST_BYTES)
            )
        return path.read_bytes()
    except OSError as error:
        raise ChartUnusable(path=path, reason=system_said(error)) from error


def _in_folder(root: Path) -> Iterator[tuple[str, bytes]]:
    room = _MOST_BYTES
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise ChartUnusable(
                path=root, reason=Phrase("{name} is a link or a special file", name=name)
            )
        if path.is_file():
            data = _file(path)
            room -= len(data)
            if room < 0:
                raise ChartUnusable(
                    path=root, reason=Phrase("it has more than {limit} bytes", limit=_MOST_BYTES)
                )
            yield name, data


def _in_tgz(tgz: bytes, path: Path, room: Room | None = None) -> Files:
    """The chart's files without the leading folder that Helm gives every name."""
    try:
        return read_archive(tgz, room or Room(_MOST_BYTES))
    except NotAnArchive as error:
        raise ChartUnusable(path=path, reason=error.reason) from error


def _checked(files: Files, path: Path, depth: int = 0, room: Room | None = None) -> dict[str, Any]:
    """Chart.yaml of a chart that may be carried, its packed subcharts looked into as well.

    All subcharts together share one room: a chart of charts of charts must not multiply.
    """
    room = room or Room(_MOST_BYTES)
    if len(files) > _MOST_FILES or depth > _DEEPEST:
        raise ChartUnusable(path=path, reason=Phrase("it has too many files or nested charts"))
    metadata = _metadata(files, path)
    for name, data in files.items():
        if name == SCHEMA_FILE or name.endswith(f"/{SCHEMA_FILE}"):
            _refuse_outside_references(name, data, path)
        elif name.startswith("charts/") and name.endswith(".tgz"):
            _checked(_in_tgz(data, path / name, room), path / name, depth + 1, room)
    return metadata


def _metadata(files: Files, path: Path) -> dict[str, Any]:
    if CHART_FILE not in files:
        raise ChartUnusable(path=path, reason=Phrase("it has no Chart.yaml"))
    typed, texts = _yaml(files[CHART_FILE], path)
    metadata = {**typed, **{key: texts[key] for key in _TEXTS if key in typed}}
    if "annotations" in typed:
        metadata["annotations"] = texts["annotations"]
    try:
        json.dumps(metadata, allow_nan=False, ensure_ascii=False, sort_keys=True).encode()
    except (TypeError, ValueError) as error:
        raise ChartUnusable(
            path=path, reason=Phrase("Chart.yaml holds what JSON cannot")
        ) from error
    for key in ("apiVersion", "name", "version"):
        if not isinstance(metadata.get(key), str) or not metadata[key]:
            raise ChartUnusable(path=path, reason=Phrase("Chart.yaml lacks “{key}”", key=key))
    if not _NAME.fullmatch(metadata["name"]):
        raise ChartUnusable(
            path=path, reason=Phrase("the name in Chart.yaml is not a chart's name")
        )
    return metadata


def _yaml(data: bytes, path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Chart.yaml as YAML types it, and as text alone; without aliases, which multiply."""
    if len(data) > _LARGEST_CHART_FILE:
        raise ChartUnusable(path=path, reason=Phrase("Chart.yaml is too large"))
    try:
        plain = _is_plain(data)
        typed = yaml.safe_load(data) if plain else None
        texts = yaml.load(data, Loader=yaml.BaseLoader) if plain else None  # noqa: S506 (text)
    except _BROKEN as error:
        raise ChartUnusable(path=path, reason=Phrase("Chart.yaml is not YAML")) from error
    if not plain:
        raise ChartUnusable(
            path=path, reason=Phrase("Chart.yaml has aliases, or is nested too deeply")
        )
    if not isinstance(typed, dict) or not isinstance(texts, dict):
        raise ChartUnusable(path=path, reason=Phrase("Chart.yaml is not a mapping"))
    return typed, texts


def _is_plain(data: bytes) -> bool:
    """Whether YAML has no aliases and few levels: others take very long to read."""
    level = 0
    for event in yaml.parse(data):
        level += isinstance(event, yaml.CollectionStartEvent)
        level -= isinstance(event, yaml.CollectionEndEvent)
        if level > _DEEPEST_YAML or isinstance(event, yaml.AliasEvent):
            return False
    return True


def _refuse_outside_references(file: str, data: bytes, path: Path) -> None:
    try:
        waiting: list[object] = [json.loads(data)]
    except (ValueError, RecursionError) as error:
        raise ChartUnusable(path=path, reason=Phrase("{file} is not JSON", file=file)) from error
    while waiting:
        node = waiting.pop()
        if isinstance(node, list):
            waiting.extend(node)
        elif isinstance(node, dict):
            waiting.extend(node.values())
            for key in ("$ref", "$dynamicRef", "$recursiveRef"):
                target = node.get(key)
                if isinstance(target, str) and not target.startswith("#"):
                    raise ChartRefersOutside(path=path, file=file, reference=target[:200])


def _with_app_version(chart: bytes, app_version: str) -> bytes:
    """Chart.yaml with another appVersion, which also becomes the version's build metadata.

    Two packs of one chart for two versions of its app so differ in version as well (Semantic
    Versioning 2.0.0, section 10). Otherwise the file stays as it was written.
    """
    text = chart.decode("utf-8", "surrogateescape")
    build = re.sub(r"[^0-9A-Za-z.-]", "-", app_version)
    version = _VERSION.search(text)
    if version:
        own = version["value"].partition("+")[0]
        text = _VERSION.sub(lambda _: f"version: {own}+{build}", text, count=1)
    line = f"appVersion: {json.dumps(app_version)}"
    text, found = _APP_VERSION.subn(lambda _: line, text)
    if not found:
        text = f"{text.rstrip()}\n{line}\n"
    return text.encode("utf-8", "surrogateescape")


def _ignored_left_out(root: Path, files: Files) -> Files:
    """The files that .helmignore leaves (https://helm.sh/docs/chart_template_guide/helm_ignore_file)."""
    text = files.get(IGNORE_FILE, b"").decode("utf-8", "replace")
    rules = [rule for line in text.splitlines() if (rule := line.strip()) and rule[0] != "#"]
    if any("**" in rule for rule in rules):
        raise ChartUnusable(
            path=root, reason=Phrase(".helmignore uses “**”, which Helm refuses too")
        )
    rules.append("templates/.?*")
    return {name: data for name, data in files.items() if not _ignored(name, rules)}


def _ignored(name: str, rules: list[str]) -> bool:
    """A file is left out when a rule takes it or one of the folders it lies in."""
    parts = name.split("/")
    steps = ["/".join(parts[:end]) for end in range(1, len(parts) + 1)]
    return any(_taken(step, step != name, rules) for step in steps)


def _taken(step: str, folder: bool, rules: list[str]) -> bool:  # noqa: FBT001
    """As Helm does, the first rule that applies decides; `!` takes what does not match."""
    for rule in rules:
        negated = rule.startswith("!")
        pattern = rule.removeprefix("!")
        if pattern.endswith("/") and not folder:
            if negated:
                return True
            continue
        pattern = pattern.rstrip("/")
        subject = step if "/" in pattern else step.rpartition("/")[2]
        same_depth = subject.count("/") == pattern.lstrip("/").count("/")
        hit = same_depth and fnmatch.fnmatchcase(subject, pattern.lstrip("/"))
        if hit != negated:
            return True
    return False


def _tgz(files: Files) -> bytes:
    packed = io.BytesIO()
    with (
        gzip.GzipFile(filename="", fileobj=packed, mode="wb", compresslevel=9, mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for name in sorted(files, key=lambda name: (not name.endswith(f"/{CHART_FILE}"), name)):
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(files[name]), 0o644
            tar.addfile(info, io.BytesIO(files[name]))
    return packed.getvalue()
