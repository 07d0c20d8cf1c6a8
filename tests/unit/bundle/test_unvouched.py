"""A bundle whose documents are altered: damage to its volumes is named in the same run."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from champ_offline.bundle.document import BundleDocument
from champ_offline.bundle.errors import SeveralTroubles
from champ_offline.bundle.unvouched import VolumesNotJudged
from champ_offline.errors import ChampError, ExitCode, Several
from champ_offline.events import Event, FaultFound, StepStarted
from champ_offline.trust.errors import DocumentAltered
from champ_offline.workshop import Workshop
from tests.unit.bundle.conftest import NOW, Pack, Zone, new_signing
from tests.unit.bundle.desk import KIB, flip, volumes

Check = Callable[..., tuple[ChampError, list[Event]]]


@pytest.fixture
def check(zone: Zone, tmp_path: Path) -> Check:
    """`champ verify` of media that it refuses; what it says, and what it told on the way."""

    def run(
        *media: Path, root: bytes = zone.signing.root, days: int = 0
    ) -> tuple[ChampError, list[Event]]:
        (tmp_path / "root.json").write_bytes(root)
        workshop = Workshop(tmp_path / "cache", lambda: NOW + timedelta(days=days))
        events: list[Event] = []
        with pytest.raises(ChampError) as caught:
            workshop.verify(media, tmp_path / "root.json", events.append)
        return caught.value, events

    return run


def alter(folder: Path, name: str = "metadata/targets.json") -> None:
    flip(folder / name, 100)


@pytest.mark.parametrize("name", ["targets", "snapshot", "timestamp"])
def test_an_altered_document_does_not_hide_damaged_and_missing_volumes(
    pack: Pack, check: Check, name: str
) -> None:
    folder = pack(limit=90 * KIB).folder
    first, second, third = volumes(folder)
    alter(folder, f"metadata/{name}.json")
    flip(second, 20 * KIB)
    third.unlink()
    told, events = check(folder)
    assert isinstance(told, SeveralTroubles)
    troubles = told.fields["troubles"]
    assert isinstance(troubles, Several)
    refusal, damage, missing = troubles
    assert refusal.exit_code is ExitCode.DOCUMENT_ALTERED
    assert f"Volume {second.name} is damaged" in str(damage)
    assert third.name in str(missing)
    assert first.name not in str(told)
    named = [event.fault for event in events if isinstance(event, FaultFound)]
    assert named == [refusal.id, "media.volume-corrupt", "media.volume-missing"]


def test_a_document_that_is_missing_does_not_hide_damaged_volumes(pack: Pack, check: Check) -> None:
    folder = pack().folder
    flip(volumes(folder)[1], 20 * KIB)
    (folder / "metadata/snapshot.json").unlink()
    told, _ = check(folder)
    assert "snapshot.json is missing" in str(told)
    assert f"Volume {volumes(folder)[1].name} is damaged" in str(told)


def test_of_sound_volumes_nothing_is_said_but_they_are_read(pack: Pack, check: Check) -> None:
    folder = pack().folder
    alter(folder)
    told, events = check(folder)
    assert isinstance(told, DocumentAltered)
    read = [event.subject for event in events if isinstance(event, StepStarted)]
    assert read == [volume.name for volume in volumes(folder)]


def test_volumes_on_other_media_are_found(pack: Pack, check: Check, tmp_path: Path) -> None:
    folder = pack().folder
    alter(folder)
    other = tmp_path / "other"
    other.mkdir()
    moved = volumes(folder)[1].rename(other / volumes(folder)[1].name)
    assert isinstance(check(folder, other)[0], DocumentAltered)
    flip(moved, 20 * KIB)
    assert f"Volume {moved} is damaged" in str(check(folder, other)[0])


def spoil_text(folder: Path) -> None:
    (folder / "bundle.json").write_bytes(b"{")


def spoil_row(folder: Path) -> None:
    """Another digest of a volume's index, in a document that can be read."""
    document = BundleDocument.from_bytes((folder / "bundle.json").read_bytes(), "")
    first, *rest = document.volumes
    changed = replace(first, index_digest=rest[0].index_digest)
    (folder / "bundle.json").write_bytes(replace(document, volumes=(changed, *rest)).to_bytes())


def spoil_size(folder: Path) -> None:
    document = json.loads((folder / "bundle.json").read_bytes())
    document["size"] += 1
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    (folder / "bundle.json").write_text(text, encoding="utf-8")


@pytest.mark.parametrize("spoil", [spoil_text, spoil_row, spoil_size])
def test_no_volume_is_blamed_by_a_document_that_volumes_do_not_bear_out(
    pack: Pack, check: Check, spoil: Callable[[Path], None]
) -> None:
    folder = pack().folder
    flip(volumes(folder)[0], 20 * KIB)
    spoil(folder)
    told, events = check(folder)
    assert isinstance(told, VolumesNotJudged)
    assert told.exit_code is ExitCode.DOCUMENT_ALTERED
    assert "bundle.json was changed after it was signed" in str(told)
    assert str(folder) in str(told)
    assert events == []


def test_parity_is_not_judged_by_a_document_that_nobody_vouches_for(
    pack: Pack, check: Check
) -> None:
    """How much memory its checksums take follows from sizes that a signature should bound."""
    folder = pack(parity=10).folder
    alter(folder)
    for path in folder.glob("*.par"):
        path.write_bytes(b"")
    assert isinstance(check(folder)[0], DocumentAltered)


def test_a_refusal_that_is_no_damage_reads_no_volume(pack: Pack, check: Check) -> None:
    folder = pack().folder
    flip(volumes(folder)[0], 20 * KIB)
    for told, events in (check(folder, days=4000), check(folder, root=new_signing().root)):
        assert told.exit_code is ExitCode.TRUST_REFUSED
        assert events == []
