"""An image with a shell and its tools, to run commands in, and the recipe that packs it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from tests.e2e.commands import PROJECT

IMAGE = "champ.local/box:1"
CONTAINER = "box"


def box_recipe(build: Path) -> Path:
    """Write the image's description and a recipe over it under `build`; the recipe."""
    folder = build / "box"
    folder.mkdir(parents=True)
    description = {
        "format": 1,
        "suite": "bookworm",
        "layers": [str(PROJECT / "appstore_catalog/layers/bookworm/base.yaml")],
        "config": {"user": "10001:10001", "entrypoint": ["/usr/bin/busybox", "sleep", "86400"]},
    }
    (folder / "image.yaml").write_text(yaml.safe_dump(description))
    recipe = folder / "bundle.yaml"
    images = [{"name": IMAGE, "debian": {"description": "image.yaml"}}]
    document = {"format": 1, "name": "box", "version": "1", "images": images}
    recipe.write_text(yaml.safe_dump(document))
    return recipe


def box_pod(name: str) -> dict[str, Any]:
    """A pod that does nothing until it is told."""
    restricted = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {
            "terminationGracePeriodSeconds": 0,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": 10001,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [{"name": CONTAINER, "image": IMAGE, "securityContext": restricted}],
        },
    }
