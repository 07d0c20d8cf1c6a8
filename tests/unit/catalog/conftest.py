"""A demo app: one chart, one image, a form with every kind of field, and a zone to hold it."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from champ_offline.catalog.artifact import write_app
from champ_offline.catalog.entry import AppSource
from champ_offline.catalog.form import Form
from champ_offline.catalog.index import Catalog
from champ_offline.durable.database import Database
from champ_offline.oci import media_types
from champ_offline.oci.descriptor import Descriptor
from champ_offline.oci.digest import Digest
from champ_offline.oci.manifest import image_manifest
from champ_offline.store.blobs import BlobStore
from champ_offline.store.refs import Ref, Refs

APP_YAML = """\
format: 1
name: demo
title: {en: Demo, zh: 演示}
summary: {en: A demo app, zh: 一个演示应用}
category: imaging
chart: chart
form: form.schema.json
hints: form.json
values: values.yaml.j2
readme: {en: README.md, zh: README.zh.md}
versions:
  "1.10.1": {web: "champ.local/web:1.10.1"}
  "1.12.7": {web: "champ.local/web:1.12.7"}
"""
SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "properties": {
        "aet": {"type": "string", "pattern": "^[A-Z0-9]{1,16}$", "default": "PACS"},
        "port": {"type": "integer", "minimum": 1024, "maximum": 65535, "default": 8042},
        "ratio": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
        "step": {"type": "integer", "multipleOf": 5, "minimum": 5},
        "few": {"type": "integer", "maximum": 3},
        "note": {"type": "string", "minLength": 2, "maxLength": 8},
        "mode": {"type": "string", "enum": ["fast", "safe"], "default": "safe"},
        "tls": {"type": "boolean", "default": False},
        "proxy": {"type": "string"},
        "proxy_port": {"type": "integer"},
        "admin_password": {"type": "string", "minLength": 8},
        "storage": {
            "type": "object",
            "properties": {"size": {"type": "string", "default": "10Gi"}},
        },
        "tags": {
            "type": "array",
            "items": {"type": "string"},
            "minItems": 1,
            "maxItems": 2,
            "uniqueItems": True,
        },
        "users": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "name": {"type": "string", "pattern": "^[a-z]+$"},
                    "password": {"type": "string", "minLength": 12},
                },
                "required": ["name", "password"],
            },
            "default": [{"name": "admin"}],
        },
    },
    "required": ["aet", "admin_password"],
    "dependentRequired": {"proxy": ["proxy_port"]},
    "if": {"properties": {"tls": {"const": True}}, "required": ["tls"]},
    "then": {"properties": {"cert": {"type": "string"}}, "required": ["cert"]},
}
HINTS: dict[str, Any] = {
    "ui:order": ["mode", "aet", "*", "users"],
    "aet": {
        "ui:title": {"en": "AE title", "zh": "应用实体名称"},
        "ui:help": {"en": "Up to 16 capitals.", "zh": "最多16个大写字母。"},
    },
    "admin_password": {"ui:widget": "password", "ui:options": {"generate": 24}},
    "users": {"items": {"password": {"ui:widget": "password", "ui:options": {"generate": 16}}}},
}
CHART = b"chart bytes"


def make_form(schema: dict[str, Any] = SCHEMA, hints: dict[str, Any] = HINTS) -> Form:
    return Form.from_bytes(json.dumps(schema).encode(), json.dumps(hints).encode(), "demo")


@pytest.fixture(scope="session")
def form() -> Form:
    return make_form()


@pytest.fixture
def app_yaml(tmp_path: Path) -> Path:
    folder = tmp_path / "demo"
    (folder / "chart").mkdir(parents=True)
    (folder / "app.yaml").write_text(APP_YAML, encoding="utf-8")
    (folder / "form.schema.json").write_text(json.dumps(SCHEMA))
    (folder / "form.json").write_text(json.dumps(HINTS))
    (folder / "values.yaml.j2").write_text("image: {{ components.web | json }}\n")
    (folder / "README.md").write_text("# Demo\n")
    (folder / "README.zh.md").write_text("# 演示\n", encoding="utf-8")
    return folder / "app.yaml"


@dataclass
class Zone:
    database: Database
    blobs: BlobStore
    refs: Refs
    catalog: Catalog

    def put(self, media_type: str, data: bytes) -> Descriptor:
        return Descriptor(media_type, self.blobs.add(data), len(data))

    def chart(self) -> Descriptor:
        manifest = image_manifest(
            self.put(media_types.HELM_CONFIG, b"{}"), [self.put(media_types.HELM_CHART, CHART)]
        )
        return self.put(media_types.IMAGE_MANIFEST, manifest)

    def name(self, name: str, tag: str, descriptor: Descriptor) -> None:
        with self.database.transaction() as connection:
            self.refs.put(connection, [Ref(name, tag, descriptor, "bundle-1")])

    def app(self, app_yaml: Path, version: str, name: str = "champ.local/apps/demo") -> Descriptor:
        images = {f"champ.local/web:{version}": Digest.of(version.encode())}
        source = AppSource.from_file(app_yaml)
        descriptor = write_app(source, version, self.chart(), images, self.blobs)
        self.name(name, version, replace(descriptor, artifact_type=""))
        return descriptor


@pytest.fixture
def zone(tmp_path: Path) -> Zone:
    database = Database.create(tmp_path / "zone.db")
    blobs, refs = BlobStore(tmp_path / "store"), Refs(database)
    return Zone(database, blobs, refs, Catalog(refs, blobs))
