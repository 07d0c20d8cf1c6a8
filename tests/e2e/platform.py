"""The recipe of the cluster's own images, which reach the node through the zone registry too."""

from __future__ import annotations

from pathlib import Path

import yaml

from tests.lab import platform_images


def platform_recipe(binaries: Path, build: Path) -> Path:
    """Write archives of pause and CoreDNS and a recipe over them under `build`; the recipe."""
    folder = build / "platform"
    folder.mkdir(parents=True)
    images = [
        {"name": image.reference, "archive": {"path": image.archive.name}}
        for image in platform_images.make(binaries, folder)
    ]
    recipe = folder / "bundle.yaml"
    recipe.write_text(
        yaml.safe_dump({"format": 1, "name": "platform", "version": "1.35.4", "images": images})
    )
    return recipe
