"""A small web app on a disk: its folder, an image for each version, and the recipe over them.

Invariant: each version has an image of its own digest, so that no node has it before it is pulled.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from tests.e2e.commands import PROJECT

PORT = 8080
_BASE = PROJECT / "appstore_catalog/layers/bookworm/base.yaml"


@dataclass(frozen=True)
class WebApp:
    """What sets one such app apart; its only component, `web`, begins with `entrypoint`.

    `titles` are English and Chinese, by the name of what they stand for; `answers` are the
    properties of its form, `values` the template that makes values of them.
    """

    name: str
    versions: Sequence[str]
    entrypoint: Sequence[str]
    title: Mapping[str, str]
    summary: Mapping[str, str]
    answers: Mapping[str, object]
    titles: Mapping[str, Mapping[str, str]]
    values: str
    templates: Mapping[str, str]

    def write(self, build: Path) -> Path:
        """Write all of it into a folder of its name under `build`; gives the recipe."""
        folder = build / self.name
        self._write_app(folder / "app")
        recipe = folder / "bundle.yaml"
        document = {
            "format": 1,
            "name": self.name,
            "version": "1",
            "apps": [{"path": "app", "version": version} for version in self.versions],
            "images": [self._described(folder, version) for version in self.versions],
        }
        recipe.write_text(yaml.safe_dump(document))
        return recipe

    def _described(self, folder: Path, version: str) -> dict[str, object]:
        config = {
            "user": "10001:10001",
            "entrypoint": list(self.entrypoint),
            "labels": {"org.opencontainers.image.version": version},
        }
        layers = {"suite": "bookworm", "layers": [str(_BASE)]}
        name = f"image-{version}.yaml"
        (folder / name).write_text(yaml.safe_dump({"format": 1, **layers, "config": config}))
        return {"name": self._image(version), "debian": {"description": name}}

    def _image(self, version: str) -> str:
        return f"champ.local/{self.name}:{version}"

    def _write_app(self, folder: Path) -> None:
        about = {
            "format": 1,
            "name": self.name,
            "title": dict(self.title),
            "summary": dict(self.summary),
            "category": "imaging",
            "chart": "chart",
            "form": "form.schema.json",
            "hints": "form.json",
            "values": "values.yaml.j2",
            "readme": {"en": "README.md", "zh": "README.zh.md"},
            "versions": {version: {"web": self._image(version)} for version in self.versions},
        }
        form = {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "additionalProperties": False,
            "properties": self.answers,
        }
        hints = {key: {"ui:title": dict(title)} for key, title in self.titles.items()}
        files = {
            "app.yaml": yaml.safe_dump(about, allow_unicode=True),
            "values.yaml.j2": self.values,
            "form.schema.json": json.dumps(form),
            "form.json": json.dumps(hints),
            "README.md": f"# {self.title['en']}\n",
            "README.zh.md": f"# {self.title['zh']}\n",
            "chart/Chart.yaml": f"apiVersion: v2\nname: {self.name}\nversion: 1.0.0\n",
            "chart/values.yaml": "{}\n",
            **{f"chart/templates/{name}": text for name, text in self.templates.items()},
        }
        (folder / "chart/templates").mkdir(parents=True)
        for name, text in files.items():
            (folder / name).write_text(text, encoding="utf-8")
