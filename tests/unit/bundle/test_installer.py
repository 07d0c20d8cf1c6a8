"""champ.sh beside a bundle: written, signed, told for what it is, held against the signature."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from champ_offline.bundle.divide import Limits
from champ_offline.bundle.installer import (
    InstallerChanged,
    InstallerMissing,
    Presence,
    signed_file,
)
from champ_offline.bundle.layout import Contents
from champ_offline.bundle.pack import LARGEST_VOLUME, Packed, Packer
from champ_offline.bundle.verify import VerifiedBundle, read_every_byte, verify
from champ_offline.events import ignore
from champ_offline.installation.offered import offered
from champ_offline.store.blobs import BlobStore
from tests.unit.bundle.conftest import NOW, Signing

LATER = NOW + timedelta(days=1)
FIRST = b"#!/bin/sh\nNAME='1.0-0123456789ab'\n" + bytes(5000)
SECOND = b"#!/bin/sh\nNAME='2.0-0123456789ab'\n" + bytes(6000)
Given = tuple[BlobStore, Contents]


class Table:
    """Packs bundles onto one stick, and looks at it."""

    def __init__(self, folder: Path, signing: Signing, given: Given) -> None:
        self.folder, self.stick, self._signing = folder, folder / "stick", signing
        self._blobs, self._contents = given

    def pack(
        self, name: str, installer: bytes = b"", stick: int | None = None, days: int = 0
    ) -> Packed:
        source = self.folder / "champ.sh"
        source.write_bytes(installer)
        limits = Limits(stick or LARGEST_VOLUME, stick)
        contents = Contents(**{**vars(self._contents), "name": name})
        packer = Packer(self._blobs, (self._signing.root,), self._signing.signers)
        when = NOW + timedelta(days=days)
        given = source if installer else None
        return packer.pack(contents, self.stick, limits, when, ignore, given)

    def look(self, *paths: Path) -> VerifiedBundle:
        return verify(list(paths or [self.stick]), self._signing.root, LATER)


@pytest.fixture
def table(tmp_path: Path, signing: Signing, contents: Given) -> Table:
    return Table(tmp_path, signing, contents)


def test_it_lies_in_the_root_of_each_medium(table: Table) -> None:
    table.pack("demo", FIRST, stick=120_000)
    sticks = sorted(table.stick.iterdir())
    assert len(sticks) > 1
    assert {(stick / "champ.sh").read_bytes() for stick in sticks} == {FIRST}
    for stick in sticks:
        assert table.look(stick).installer.presence is Presence.SIGNED
    bundle = table.look(*sticks)
    assert len(bundle.installer.copies) == len(sticks)
    read_every_byte(bundle, ignore)
    (sticks[1] / "champ.sh").write_bytes(SECOND)
    with pytest.raises(InstallerChanged, match="stick-02"):
        read_every_byte(table.look(*sticks), ignore)


def test_also_where_the_bundles_own_folder_is_named(table: Table) -> None:
    folder = table.pack("demo", FIRST).folder
    assert table.look(folder).installer.presence is Presence.SIGNED
    (table.stick / "champ.sh").write_bytes(FIRST[:-1] + b"x")
    with pytest.raises(InstallerChanged):
        read_every_byte(table.look(folder), ignore)


def test_what_is_there_and_what_was_signed(table: Table) -> None:
    table.pack("plain")
    assert table.look().installer.presence is Presence.NONE
    (table.stick / "champ.sh").write_bytes(FIRST)
    assert table.look().installer.presence is Presence.UNSIGNED
    read_every_byte(table.look(), ignore)


def test_one_that_is_missing_blocks_nothing_but_its_use(table: Table) -> None:
    table.pack("demo", FIRST)
    (table.stick / "champ.sh").unlink()
    bundle = table.look()
    assert bundle.installer.presence is Presence.MISSING
    read_every_byte(bundle, ignore)
    with pytest.raises(InstallerMissing):
        offered(table.stick, lambda paths: table.look(*paths))


def test_of_two_bundles_the_later_ones_is_there(table: Table) -> None:
    """The earlier one's is gone then, which is nothing wrong with it."""
    older, newer = table.pack("older", FIRST), table.pack("newer", SECOND, days=1)
    assert table.look(older.folder).installer.presence is Presence.OTHERS
    assert table.look(newer.folder).installer.presence is Presence.SIGNED
    for packed in (older, newer):
        read_every_byte(table.look(packed.folder), ignore)
    found = offered(table.stick, lambda paths: table.look(*paths))
    assert (found.size, found.packed) == (len(SECOND), newer.sequence)
    # A bundle that is not trusted vouches for none.
    (newer.folder / "bundle.json").write_bytes(b"{}")
    with pytest.raises(InstallerChanged):
        read_every_byte(table.look(older.folder), ignore)


def test_a_copy_is_what_was_signed_or_is_not_there(table: Table, tmp_path: Path) -> None:
    table.pack("demo", FIRST)
    found = offered(table.stick, lambda paths: table.look(*paths))
    assert found.copy(tmp_path / "in").read_bytes() == FIRST
    (tmp_path / "in/champ.sh").unlink()
    for data in (FIRST[:-1] + b"x", FIRST + b"x", FIRST[:-1]):
        (table.stick / "champ.sh").write_bytes(data)
        with pytest.raises(InstallerChanged):
            found.copy(tmp_path / "in")
        assert list((tmp_path / "in").iterdir()) == []


def test_room_on_a_stick_is_kept_for_it() -> None:
    with_it, without = Limits.of(10**9, 10**9, 0, 60 * 10**6), Limits.of(10**9, 10**9)
    assert (without.medium or 0) - (with_it.medium or 0) == 60 * 10**6


def test_size_and_digest_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"abc")
    found = signed_file(tmp_path / "f")
    assert (found.size, found.digest.short) == (3, "ba7816bf8f01")
