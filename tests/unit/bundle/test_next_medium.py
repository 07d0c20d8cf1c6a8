"""What is plugged in while an import waits: parts of its bundle, and everything else."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from champ_offline.bundle.verify import verify
from installer.next_medium import NextMedium
from tests.unit.bundle.conftest import NOW, Pack, Signing, Zone, new_signing


class Slot:
    """A folder for one medium, a wait for the rest of a bundle, and what is said in it."""

    def __init__(self, folder: Path, zone: Zone) -> None:
        self.path, self.mounts = folder / "slot", folder / "mounts"
        self.mounts.write_text("")
        self.zone = zone
        self.strangers: list[list[str]] = []

    def plug(self, *media: Path) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        for medium in media:
            shutil.copytree(medium, self.path / "champ" / medium.name, dirs_exist_ok=True)

    def begin(self) -> NextMedium:
        self.coming = NextMedium([self.path], self.which, self.mounts)
        self.coming.begin([self.path])
        return self.coming

    def which(self, media: Sequence[Path]) -> str:
        return str(verify(media, self.zone.trust.root(), NOW, "core").trusted.digest)

    def wait(self, *then: Callable[[], None]) -> list[Path]:
        """Wait while these things happen one after the other, two looks between them."""
        acts = [act for one in then for act in (one, lambda: None)]

        def pause(_seconds: float) -> None:
            assert acts, "nothing more is plugged in"
            acts.pop(0)()

        return self.coming.wait(self._stranger, pause)

    def _stranger(self) -> None:
        self.strangers.append([error.id for error in self.coming.refused])


@pytest.fixture
def slot(tmp_path: Path, zone: Zone) -> Slot:
    return Slot(tmp_path, zone)


@pytest.fixture
def halves(pack: Pack, tmp_path: Path) -> tuple[Path, Path]:
    """The bundle with its first volume alone, and with all others."""
    whole = pack("whole").folder
    first, rest = tmp_path / "one" / whole.name, tmp_path / "two" / whole.name
    shutil.copytree(whole, first, ignore=lambda _at, names: [n for n in names if "0002.tar" in n])
    shutil.copytree(whole, rest, ignore=lambda _at, names: [n for n in names if "0001.tar" in n])
    return first, rest


def test_nothing_but_a_part_of_the_bundle_ends_the_wait(
    slot: Slot, halves: tuple[Path, Path], pack: Pack, signing: Signing
) -> None:
    other = pack("other", version="2").folder
    newer = pack("newer", days=1).folder
    thief = pack("thief", by=new_signing()).folder
    assert newer.name == thief.name == halves[0].name != other.name
    slot.plug(halves[0])
    slot.begin()
    came = slot.wait(
        lambda: slot.plug(other),
        lambda: slot.plug(newer),
        lambda: slot.plug(thief),
        lambda: slot.plug(other, thief),
        lambda: slot.plug(halves[1]),
    )
    assert slot.strangers == [[], [], ["trust.other-root"], ["trust.other-root"]]
    assert came == [slot.path]
    assert slot.which(came) == slot.which([halves[0]])


def test_a_second_bundle_on_the_medium_is_left_aside(
    slot: Slot, halves: tuple[Path, Path], pack: Pack, zone: Zone
) -> None:
    slot.plug(halves[0])
    slot.begin()
    other = pack("other", version="2").folder
    came = slot.wait(lambda: slot.plug(other, halves[1]))
    assert came == [slot.path / "champ" / halves[1].name]
    assert slot.strangers == []
    assert zone.take(halves[0], *came).version == "1"


def test_a_folder_is_looked_into_only_where_it_has_a_part(
    slot: Slot, halves: tuple[Path, Path], pack: Pack, tmp_path: Path
) -> None:
    slot.plug(halves[0])
    coming = slot.begin()
    assert coming.also(pack("thief", by=new_signing()).folder) is False
    assert coming.also(tmp_path / "nowhere") is False
    assert coming.also(halves[1]) is True
    assert coming.at_hand() == [slot.path, halves[1]]
