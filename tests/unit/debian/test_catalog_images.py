"""The image descriptions of the preset apps: all can be read, and keep what they promise."""

from __future__ import annotations

from pathlib import Path

import pytest

from champ_offline.bundle.debian.description import ImageDescription

CATALOG = Path(__file__).parents[3] / "appstore_catalog"
IMAGES = sorted(
    path for path in CATALOG.glob("*/images/*.yaml") if "\nsuite:" in path.read_text("utf-8")
)


def test_there_are_images() -> None:
    assert len(IMAGES) >= 3


@pytest.mark.parametrize("path", IMAGES, ids=lambda path: path.stem)
def test_an_image_runs_as_an_ordinary_user_and_names_its_licence(path: Path) -> None:
    image = ImageDescription.from_file(path)
    labels = image.config["Labels"]
    assert image.config["User"] == "10001:10001"
    assert isinstance(labels, dict)
    assert labels["org.opencontainers.image.licenses"]


@pytest.mark.parametrize("path", IMAGES, ids=lambda path: path.stem)
def test_images_of_a_suite_start_with_the_same_layers(path: Path) -> None:
    image = ImageDescription.from_file(path)
    shared = CATALOG / "layers" / image.suite
    first = [Path(layer.file).resolve() for layer in image.layers[:2]]
    assert first == [(shared / "base.yaml").resolve(), (shared / "common.yaml").resolve()]
