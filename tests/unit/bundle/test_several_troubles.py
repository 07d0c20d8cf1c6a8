"""Media that are wrong in several ways at once: each is named, none hides another."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from champ_offline.bundle.errors import SeveralTroubles
from champ_offline.bundle.verify import read_every_byte, verify
from champ_offline.errors import ExitCode
from champ_offline.events import Event, FaultFound
from tests.unit.bundle.conftest import NOW, Pack, Zone
from tests.unit.bundle.desk import KIB, flip, volumes


def check(act: Callable[[], object]) -> SeveralTroubles:
    with pytest.raises(SeveralTroubles) as caught:
        act()
    assert caught.value.exit_code is ExitCode.CORRUPT
    return caught.value


def test_missing_volumes_are_named_beside_damaged_ones(pack: Pack, zone: Zone) -> None:
    folder = pack(limit=90 * KIB).folder
    first, second, third = volumes(folder)
    flip(first, 20 * KIB)
    second.unlink()
    third.unlink()
    events: list[Event] = []
    told = check(lambda: read_every_byte(verify([folder], zone.signing.root, NOW), events.append))
    named = [(event.fault, event.subject) for event in events if isinstance(event, FaultFound)]
    assert named == [
        ("media.volume-corrupt", first.name),
        ("media.volume-missing", second.name),
        ("media.volume-missing", third.name),
    ]
    for text in (str(told), str(check(lambda: zone.take(folder)))):
        assert f"Volume {first.name} is damaged" in text
        assert f"lacks 2 of 3 volumes: {second.name}, {third.name}" in text


def test_a_damaged_document_does_not_hide_damaged_volumes(pack: Pack, zone: Zone) -> None:
    folder = pack(limit=90 * KIB, parity=10).folder
    first, second, third = volumes(folder)
    (folder / "metadata/targets.json").write_bytes(b"{}")
    flip(second, 20 * KIB)
    third.unlink()
    told = check(
        lambda: read_every_byte(verify([folder], zone.signing.root, NOW), lambda _event: None)
    )
    assert str(folder) in str(told)
    assert f"Volume {second.name} is damaged" in str(told)
    assert third.name in str(told)
    assert f"Volume {first.name}" not in str(told)


def test_a_volume_of_another_pack_does_not_hide_missing_ones(pack: Pack, zone: Zone) -> None:
    old, new = pack("old").folder, pack("new", days=1, limit=90 * KIB).folder
    first, second, third = volumes(new)
    first.write_bytes(volumes(old)[0].read_bytes())
    third.unlink()
    told = check(lambda: zone.take(new))
    assert f"Volume {first.name} is left over from another pack of demo 1;" in str(told)
    assert f"lacks 1 of 3 volumes: {third.name}" in str(told)
    assert second.name not in str(told)
