"""Ten thousand single bits flipped on a medium, one at a time: none passes unnoticed.

A flip in a volume names the volume; a flip in a signed document names its role. An import of a
flipped medium is either refused with nothing changed, or ends with content that hashes.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

import pytest

from champ_offline.appliance import Appliance
from champ_offline.bundle.verify import read_every_byte, verify
from champ_offline.errors import ChampError
from champ_offline.events import ignore
from champ_offline.oci.digest import Digest
from champ_offline.trust.errors import KeyReused, KeyTwice, RolesUnknown, ThresholdImpossible
from champ_offline.trust.rotation import Change
from tests.hostile.attempt import state
from tests.hostile.forge import NOW, Forge, Keys, row
from tests.unit.trust.signing import next_root

FLIPS = 10_000
EVERY = 20  # flips between those that are imported as well
SEED = 20260301
# Their field `role` is the role inside of the root that is wrong.
ROOTS_ALONE = (KeyReused, KeyTwice, RolesUnknown, ThresholdImpossible)


@dataclass(frozen=True)
class Flip:
    """A bit of a file; an error about it must have `name` in its field `volume` or `role`."""

    path: Path
    offset: int
    bit: int
    name: str

    def turn(self) -> None:
        with self.path.open("r+b") as file:
            file.seek(self.offset)
            byte = file.read(1)[0]
            file.seek(self.offset)
            file.write(bytes([byte ^ (1 << self.bit)]))


@pytest.fixture(scope="module")
def keys() -> Keys:
    return Keys.make()


def small(folder: Path, keys: Keys) -> Forge:
    """A bundle of two volumes, one blob in two pieces, under a chain of two roots."""
    forge = Forge(folder / "stick", keys)
    forge.roots = [keys.root, next_root(keys.root, Change(), [keys.holder], NOW)]
    layer = random.Random(SEED).randbytes(3000)
    forge.image("champ.local/second:1", layer)
    rows = forge.plan()
    name = next(one[0] for one, data in rows if data == layer)
    pieces = [
        row(f"{name}.0001", layer[:1200], 0, 3000),
        row(f"{name}.0002", layer[1200:], 1200, 3000),
    ]
    forge.volumes = [[one for one in rows if one[0][0] != name], pieces]
    return forge.write()


def flips(forge: Forge) -> list[Flip]:
    """Half of them anywhere in the volumes, half in the documents, timestamp and root included."""
    chance = random.Random(SEED)
    volumes = [(forge.volume(n), forge.volume(n).name) for n in (1, 2)]
    roles = ("1.root", "2.root", "timestamp", "snapshot", "targets")
    documents = [
        (forge.folder / f"metadata/{role}.json", role.rpartition(".")[2]) for role in roles
    ]
    documents.append((forge.folder / "bundle.json", "bundle.json"))
    found = []
    for kind in (volumes, documents):
        whole = [(path, name, path.stat().st_size) for path, name in kind]
        for _number in range(FLIPS // 2):
            path, name, size = chance.choices(whole, [one[2] for one in whole])[0]
            found.append(Flip(path, chance.randrange(size), chance.randrange(8), name))
    return found


def test_every_flip_is_noticed_and_named(tmp_path: Path, keys: Keys) -> None:
    forge = small(tmp_path, keys)
    read_every_byte(verify([forge.medium], keys.root, NOW), ignore)
    tried, unnoticed = 0, []
    for flip in flips(forge):
        flip.turn()
        if not _noticed(forge, flip):
            unnoticed.append(flip)
        flip.turn()
        tried += 1
    assert unnoticed == []
    assert tried == FLIPS
    read_every_byte(verify([forge.medium], keys.root, NOW), ignore)


def _noticed(forge: Forge, flip: Flip) -> bool:
    try:
        read_every_byte(verify([forge.medium], forge.keys.root, NOW), ignore)
    except ROOTS_ALONE:
        return flip.name == "root"
    except ChampError as error:
        return flip.name in {error.fields.get("volume"), error.fields.get("role")}
    return False


def test_imports_of_flipped_media_change_nothing_or_are_whole(tmp_path: Path, keys: Keys) -> None:
    forge = small(tmp_path, keys)
    root = tmp_path / "root.json"
    root.write_bytes(keys.root)
    Appliance.create(tmp_path / "good", "core", root)
    Appliance(tmp_path / "good", lambda: NOW).import_media([forge.medium], ignore)
    whole = _content(tmp_path / "good")
    tried = taken = 0
    zone = Appliance.create(tmp_path / "zone-0", "core", root)
    held = state(zone.paths.root)
    for flip in flips(forge)[::EVERY]:
        flip.turn()
        try:
            Appliance(zone.paths.root, lambda: NOW).import_media([forge.medium], ignore)
        except ChampError:
            assert state(zone.paths.root) == held
        else:
            assert _content(zone.paths.root) == whole
            taken += 1
            zone = Appliance.create(tmp_path / f"zone-{taken}", "core", root)
            held = state(zone.paths.root)
        flip.turn()
        tried += 1
    assert tried == FLIPS // EVERY
    assert 0 < taken < tried


def _content(zone: Path) -> set[str]:
    found = set()
    for path in (zone / "store/sha256").iterdir():
        assert Digest.of(path.read_bytes()).hex == path.name
        found.add(path.name)
    return found
