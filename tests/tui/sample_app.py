"""A small app whose form has a field of every kind, in two versions, packed and signed."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from champ_offline.bundle.charts import chart_artifact
from champ_offline.bundle.divide import Limits
from champ_offline.bundle.document import Content
from champ_offline.bundle.layout import Contents
from champ_offline.bundle.pack import Packer
from champ_offline.catalog.artifact import write_app
from champ_offline.catalog.entry import AppSource
from champ_offline.events import ignore
from champ_offline.oci import media_types
from champ_offline.oci.descriptor import Descriptor
from champ_offline.oci.manifest import Manifest, encode, image_manifest
from champ_offline.store.blobs import BlobStore
from champ_offline.trust.roots import fingerprint
from tests.simulators.charts import PAUSE, small
from tests.unit.trust.signing import Holder, first_root, signers_of

ZONE = "core-business"
VERSIONS = ("1.0", "2.0")
TITLE = {"en": "Greeting service", "zh": "问候服务"}
SUMMARY = {"en": "Greets whoever asks, politely.", "zh": "礼貌地问候每一位来访者。"}

APP = f"""\
format: 1
name: greeter
title: {{en: {TITLE["en"]}, zh: {TITLE["zh"]}}}
summary: {{en: "{SUMMARY["en"]}", zh: "{SUMMARY["zh"]}"}}
category: imaging
chart: chart
form: form.schema.json
hints: form.json
values: values.yaml.j2
readme: {{en: README.md, zh: README.zh.md}}
versions:
  "1.0": {{work: "{PAUSE}"}}
  "2.0": {{work: "{PAUSE}"}}
"""
VALUES = """\
greeting: {{ answers.greeting | tojson }}
password: {{ answers.databasePassword | tojson }}
image: {{ components.work | tojson }}
replicas: 1
"""
SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "additionalProperties": False,
    "required": ["greeting", "site", "users", "databasePassword", "storage"],
    "properties": {
        "greeting": {"type": "string", "pattern": "^[a-z ]{1,20}$", "default": "hello"},
        "site": {"type": "string", "minLength": 2},
        "port": {"type": "integer", "minimum": 30000, "maximum": 32767},
        "encoding": {"type": "string", "enum": ["Latin1", "Utf8", "Chinese"], "default": "Chinese"},
        "secure": {"type": "boolean", "default": False},
        "users": {
            "type": "array",
            "minItems": 1,
            "default": [{"name": "admin"}],
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["name", "password"],
                "properties": {
                    "name": {"type": "string", "pattern": "^[a-z]{1,10}$"},
                    "password": {"type": "string", "minLength": 12},
                },
            },
        },
        "networks": {
            "type": "array",
            "default": [],
            "items": {"type": "string", "pattern": "^[0-9.]+/[0-9]+$"},
        },
        "storage": {
            "type": "object",
            "additionalProperties": False,
            "required": ["size"],
            "properties": {"size": {"type": "string", "default": "10Gi"}},
        },
        "databasePassword": {"type": "string", "minLength": 16},
    },
    "if": {"properties": {"secure": {"const": True}}, "required": ["secure"]},
    "then": {
        "properties": {"certificate": {"type": "string", "minLength": 1}},
        "required": ["certificate"],
    },
}
SECRET = {"ui:widget": "password", "ui:options": {"generate": 24}}


def titled(en: str, zh: str, help_en: str = "", help_zh: str = "") -> dict[str, object]:
    hints: dict[str, object] = {"ui:title": {"en": en, "zh": zh}}
    return {**hints, "ui:help": {"en": help_en, "zh": help_zh}} if help_en else hints


HINTS = {
    "ui:order": ["greeting", "site", "port", "encoding", "secure", "certificate", "users", "*"],
    "greeting": titled("Greeting", "问候语", "Up to 20 small letters.", "最多 20 个小写字母。"),
    "site": titled("Name of the site", "站点名称", "For example the hospital.", "例如医院名称。"),
    "port": {**titled("Port on every node", "各节点上的端口"),
             "ui:placeholder": {"en": "30104", "zh": "30104"}},
    "encoding": titled("Character set", "字符集"),
    "secure": titled("Encrypt connections", "加密连接"),
    "certificate": titled("Certificate", "证书"),
    "users": {**titled("Users of the web pages", "网页用户"), "items": {
        "name": titled("User name", "用户名"),
        "password": {**titled("Password", "密码"), **SECRET},
    }},
    "networks": titled("Networks that may connect", "允许访问的网段"),
    "storage": {**titled("Storage", "存储"), "size": titled("Space", "空间")},
    "databasePassword": {**titled("Database password", "数据库密码"), **SECRET},
}  # fmt: skip


@dataclass
class Media:
    """A root of trust and the folder that stands for the stick."""

    stick: Path
    root: Path
    fingerprint: str


def write_source(folder: Path, table: str = "") -> AppSource:
    """The app as its author would have typed it; `table` are lines on upgrades."""
    (folder / "chart").mkdir(parents=True)
    files = {
        "app.yaml": APP + table,
        "values.yaml.j2": VALUES,
        "form.schema.json": json.dumps(SCHEMA),
        "form.json": json.dumps(HINTS),
        "README.md": "# Greeter\n\nGreets whoever asks.\n",
        "README.zh.md": "# 问候服务\n\n问候每一位来访者。\n",
        "answers/one-clinic.yaml": "# For a single clinic.\nsite: North Clinic\n",
    }
    (folder / "answers").mkdir()
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return AppSource.from_file(folder / "app.yaml")


def make_media(
    folder: Path,
    versions: tuple[str, ...] = VERSIONS,
    age: timedelta = timedelta(),
    volume: int = 700 * 1024,
    newer: tuple[str, ...] = (),
    table: str = "",
) -> Media:
    """Pack a bundle for each version onto the stick, signed `age` ago, in volumes of that size.

    Apps of the versions `newer` have a format of later releases; `table` are lines on upgrades.
    """
    now = datetime.now(UTC) - age
    holder = Holder("Release Engineering")
    signers, root = signers_of(holder), first_root([holder], now - timedelta(hours=1))
    (folder / "root.json").write_bytes(root)
    source = write_source(folder / "app", table)
    stick = folder / "stick"
    stick.mkdir()
    for number, version in enumerate(versions):
        blobs = BlobStore(folder / f"workshop-{version}")
        packer = Packer(blobs, (root,), signers)
        when = now - timedelta(minutes=10 - number)
        what = contents(source, version, blobs)
        if version in newer:
            *others, app = what.descriptors
            what = replace(what, descriptors=(*others, of_later_format(app, blobs)))
        packer.pack(what, stick, Limits(volume), when, ignore)
    return Media(stick, folder / "root.json", fingerprint(root))


def contents(source: AppSource, version: str, blobs: BlobStore) -> Contents:
    """What the bundle of a version carries."""
    image = put_image(blobs, version)
    chart = chart_artifact(small(), blobs)
    app = write_app(source, version, chart, {PAUSE: image.digest}, blobs)
    named = (
        image.named(PAUSE),
        chart.named("champ.local/charts/sample:0.1.0"),
        app.named(f"champ.local/apps/greeter:{version}"),
    )
    apps = (Content("greeter", version, TITLE),)
    return Contents("greeter", version, (ZONE,), named, apps, (PAUSE,))


def of_later_format(app: Descriptor, blobs: BlobStore) -> Descriptor:
    """The app as a later release might have written it."""
    manifest = Manifest.from_bytes(blobs.read(app.digest))
    config = encode({"format": 2, "unheard-of": True})
    own = Descriptor(media_types.APP_CONFIG, blobs.add(config), len(config))
    data = image_manifest(own, list(manifest.layers), artifact_type=media_types.APP)
    return replace(app, digest=blobs.add(data), size=len(data))


def put_image(blobs: BlobStore, version: str) -> Descriptor:
    """An image whose bytes differ from version to version."""

    def put(data: bytes, media_type: str) -> Descriptor:
        return Descriptor(media_type, blobs.add(data), len(data))

    config = put(b'{"architecture":"amd64","os":"linux"}', media_types.IMAGE_CONFIG)
    layer = put(version.encode() * 200_000, media_types.LAYER_TAR)
    return put(image_manifest(config, [layer]), media_types.IMAGE_MANIFEST)
