"""Which keys signed the images: each once, in the order asked, and never a guess."""

from __future__ import annotations

from dataclasses import replace

import pytest

from champ_offline.bundle.document import BundleDocument
from champ_offline.bundle.image_keys import ImageKey, ImageKeyUnknown, image_keys
from tests.unit.bundle.conftest import Pack


@pytest.fixture
def unsigned(pack: Pack) -> BundleDocument:
    return pack().document


def test_each_key_is_told_once_with_its_bundles(unsigned: BundleDocument) -> None:
    found = image_keys(
        [
            replace(unsigned, version="3", image_key="second"),
            unsigned,
            replace(unsigned, version="2", image_key="first"),
            replace(unsigned, name="other", image_key="second"),
        ],
        "zone",
    )
    assert found == [
        ImageKey("second", ("demo 3", "other 1")),
        ImageKey("first", ("demo 2",)),
    ]


def test_bundles_without_a_key_tell_none(unsigned: BundleDocument) -> None:
    with pytest.raises(ImageKeyUnknown, match="core"):
        image_keys([unsigned], "core")
