"""How large volumes and sticks must be, and what is left of a stick for volumes."""

from __future__ import annotations

from pathlib import Path

import pytest

from champ_offline.bundle.divide import (
    SMALLEST_STICK,
    SMALLEST_VOLUME,
    Limits,
    SticksTooSmall,
    VolumesTooSmall,
)
from champ_offline.bundle.layout import Contents, Layout, TooManyNames
from champ_offline.bundle.parity.layout import LEAST_SHARE, MOST_SHARE
from champ_offline.oci import media_types
from champ_offline.oci.descriptor import Descriptor
from champ_offline.oci.digest import Digest
from champ_offline.oci.manifest import LIMIT, Manifest, image_index
from champ_offline.store.blobs import BlobMissing, BlobStore

MB = 10**6
NAMED = Descriptor(media_types.IMAGE_MANIFEST, Digest.of(b"manifest"), 8)


@pytest.mark.parametrize("volume", [0, 1, 1000, SMALLEST_VOLUME - 1])
@pytest.mark.parametrize("stick", [None, 32 * 1000 * MB])
def test_volumes_that_hold_nothing_are_refused(volume: int, stick: int | None) -> None:
    with pytest.raises(VolumesTooSmall, match="1000000"):
        Limits.of(volume, stick)


@pytest.mark.parametrize("stick", [0, 1000, 100_000, MB, 4 * MB, SMALLEST_STICK - 1])
def test_sticks_that_hold_nothing_are_refused(stick: int) -> None:
    with pytest.raises(SticksTooSmall, match="8000000"):
        Limits.of(100 * MB, stick)


@pytest.mark.parametrize("parity", [0, LEAST_SHARE, MOST_SHARE])
@pytest.mark.parametrize("volume", [SMALLEST_VOLUME, 700 * MB])
def test_the_smallest_stick_has_room_for_the_smallest_volume(volume: int, parity: int) -> None:
    limits = Limits.of(volume, SMALLEST_STICK, parity)
    assert SMALLEST_VOLUME <= limits.largest <= SMALLEST_STICK - 4 * MB


def test_no_index_is_packed_that_no_zone_would_read(tmp_path: Path) -> None:
    blobs = BlobStore(tmp_path)
    entry = len(image_index([named(0), named(1)])) - len(image_index([named(0)]))
    fits = (LIMIT - len(image_index([named(0)]))) // entry + 1
    most, more = ([named(number) for number in range(count)] for count in (fits, fits + 1))
    assert len(Manifest.from_bytes(image_index(most)).manifests) == fits
    with pytest.raises(BlobMissing):
        Layout(blobs, Contents("demo", "1", (), tuple(most), (), ()))
    with pytest.raises(TooManyNames, match=str(LIMIT)):
        Layout(blobs, Contents("demo", "1", (), tuple(more), (), ()))


def named(number: int) -> Descriptor:
    return NAMED.named(f"champ.local/image:{number:06}")
