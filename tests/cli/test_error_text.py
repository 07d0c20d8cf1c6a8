"""What errors say: sizes in the unit people read, places and other errors in their language."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from champ_offline.bundle.errors import NoSpace, SeveralTroubles, VolumeCorrupt, VolumeMissing
from champ_offline.bundle.reader import INDEX
from champ_offline.errors import Bytes, Several
from champ_offline.events import FaultFound
from installer.error_text import sentences
from installer.language import activate
from installer.quantities import NO_BREAK
from installer.step_line import fault_line

NO_ROOM = NoSpace(
    path=Path("/srv"), free=Bytes(5_000_000), needed=Bytes(71_139_543), reserve=Bytes(16_000_000)
)
DAMAGED = VolumeCorrupt(volume="demo-1.0001.tar", blob=INDEX, offset=512)


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    activate("en")
    yield
    activate("en")


def test_sizes_have_the_unit_people_read() -> None:
    message, _ = sentences(NO_ROOM)
    plain = message.replace(NO_BREAK, " ")
    assert plain.startswith("/srv has 5.00 MB free; this bundle needs 71.1 MB, of which 16.0 MB")
    assert message.count(NO_BREAK) == 3
    assert "71139543 bytes" in str(NO_ROOM)


def test_errors_within_errors_are_in_the_language_too() -> None:
    missing = VolumeMissing(
        where="/s", missing=1, total=3, names="demo-1.0003.tar", blob="sha256:1"
    )
    both = SeveralTroubles(troubles=Several([DAMAGED, missing]))
    activate("zh")
    message, _ = sentences(both)
    assert sentences(DAMAGED)[0] in message
    assert sentences(missing)[0] in message
    assert INDEX not in message


def test_an_index_is_not_called_a_blob() -> None:
    assert "blob" not in sentences(DAMAGED)[0]
    assert fault_line(FaultFound.of(DAMAGED)) == (
        "Damaged: demo-1.0001.tar, the volume index, byte 512 [media.volume-corrupt]"
    )
