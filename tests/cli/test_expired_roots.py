"""A root whose time is over: no zone is made with it unasked, and updates say that it is."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from champ_offline.appliance import Appliance
from champ_offline.bundle.divide import Limits
from champ_offline.bundle.layout import Contents
from champ_offline.bundle.pack import Packer
from champ_offline.events import ignore
from champ_offline.oci import media_types
from champ_offline.oci.descriptor import Descriptor
from champ_offline.oci.manifest import image_manifest
from champ_offline.store.blobs import BlobStore
from champ_offline.trust.errors import RootExpired
from champ_offline.trust.rotation import Change
from installer.terminal_text import width
from tests.cli.command import loaded_champ
from tests.unit.trust.signing import Holder, first_root, next_root, signers_of

# Roots are valid for ten years.
LONG_AGO, ENDED = datetime(2010, 5, 1, tzinfo=UTC), "2020-04-28"
ANNA = Holder("Anna")
REASON = "the clock of this machine cannot be set"


def says(*words: object, code: int = 0) -> str:
    done = loaded_champ(*map(str, words))
    assert done.returncode == code, done.stderr
    return done.stdout if code == 0 else done.stderr


@pytest.fixture
def old(tmp_path: Path) -> Path:
    path = tmp_path / "old.json"
    path.write_bytes(first_root([ANNA], LONG_AGO))
    return path


def stick_with(folder: Path, *roots: bytes) -> Path:
    shelf = folder / "stick" / "champ" / "trust"
    shelf.mkdir(parents=True)
    for version, root in enumerate(roots, start=1):
        (shelf / f"{version}.root.json").write_bytes(root)
    return folder / "stick"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_no_zone_is_made_with_an_expired_root(tmp_path: Path, old: Path, language: str) -> None:
    zone = tmp_path / "zone"
    words = ["--zone", zone, "--lang", language, "zone", "init", "--name", "core", "--root", old]
    told = says(*words, code=3)
    assert all(part in told for part in (str(old), ENDED, " UTC", "--accept-expired"))
    assert "[trust.root-expired]" in told
    assert "[trust.reason-empty]" in says(*words, "--accept-expired", " ", code=2)
    assert not zone.exists()


def test_a_wrong_fingerprint_is_told_before_a_date(tmp_path: Path, old: Path) -> None:
    init = ["--zone", tmp_path / "zone", "zone", "init", "--name", "core", "--root", old]
    more = ["--fingerprint", "1" * 60, "--accept-expired", REASON]
    assert "[trust.fingerprint-differs]" in says(*init, *more, code=3)
    assert not (tmp_path / "zone").exists()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_reason_lets_it_through_and_is_kept(tmp_path: Path, old: Path, language: str) -> None:
    zone = ["--zone", tmp_path / "zone", "--lang", language]
    says(*zone, "zone", "init", "--name", "core", "--root", old, "--accept-expired", REASON)
    (kept,) = json.loads(says(*zone, "trust", "show", "--json"))["overrides"]
    assert (kept["kind"], kept["about"], kept["reason"]) == ("expired", [f"root {ENDED}"], REASON)
    assert (kept["bundle"], kept["version"]) == ("", 1)
    lines = says(*zone, "trust", "show").splitlines()
    (row,) = [line for line in lines if REASON in line]
    assert f": root {ENDED}" in row
    assert width(row) < 110


def test_a_reason_that_was_not_needed_leaves_no_record(tmp_path: Path) -> None:
    root = tmp_path / "root.json"
    root.write_bytes(first_root([ANNA], datetime.now(UTC)))
    zone = ["--zone", tmp_path / "zone"]
    says(*zone, "zone", "init", "--name", "core", "--root", root, "--accept-expired", REASON)
    assert json.loads(says(*zone, "trust", "show", "--json"))["overrides"] == []


def test_the_clock_that_counts_is_the_zones(tmp_path: Path, old: Path) -> None:
    with pytest.raises(RootExpired):
        Appliance.create(
            tmp_path / "late", "core", old, clock=lambda: datetime(2020, 5, 1, tzinfo=UTC)
        )
    early = Appliance.create(
        tmp_path / "early", "core", old, clock=lambda: datetime(2020, 4, 1, tzinfo=UTC)
    )
    assert early.summary().root_version == 1


@pytest.mark.parametrize("language", ["en", "zh"])
def test_an_update_keeps_an_expired_root_and_says_so(
    tmp_path: Path, old: Path, language: str
) -> None:
    second = next_root(old.read_bytes(), Change(), [ANNA], LONG_AGO)
    zone = ["--zone", tmp_path / "zone", "--lang", language]
    says(*zone, "zone", "init", "--name", "core", "--root", old, "--accept-expired", REASON)
    stick = stick_with(tmp_path, old.read_bytes(), second)
    table = says(*zone, "trust", "update", stick)
    assert ENDED in table
    assert "--accept-expired" in table.splitlines()[-1]
    told = json.loads(says(*zone, "trust", "update", stick, "--json"))
    assert (told["before"], told["version"], told["expired"]) == (2, 2, True)
    assert told["expires"].startswith(ENDED)


def test_an_update_to_a_root_of_today_asks_for_nothing(tmp_path: Path, old: Path) -> None:
    zone = ["--zone", tmp_path / "zone"]
    says(*zone, "zone", "init", "--name", "core", "--root", old, "--accept-expired", REASON)
    fresh = next_root(old.read_bytes(), Change(), [ANNA], datetime.now(UTC))
    stick = stick_with(tmp_path, old.read_bytes(), fresh)
    assert "--accept-expired" not in says(*zone, "trust", "update", stick)
    assert json.loads(says(*zone, "trust", "update", stick, "--json"))["expired"] is False


def test_a_check_without_a_zone_shows_what_was_overridden(tmp_path: Path) -> None:
    holder = Holder("Anna")
    long_ago, root = datetime(2010, 6, 1, tzinfo=UTC), first_root([holder], LONG_AGO)
    (tmp_path / "root.json").write_bytes(root)
    blobs = BlobStore(tmp_path / "cache")
    config = Descriptor(media_types.IMAGE_CONFIG, blobs.add(b"{}"), 2)
    manifest = image_manifest(config, [])
    image = Descriptor(media_types.IMAGE_MANIFEST, blobs.add(manifest), len(manifest))
    contents = Contents("demo", "1", (), (image.named("champ.local/demo:1"),), (), ())
    packer = Packer(blobs, (root,), signers_of(holder))
    packer.pack(contents, tmp_path / "stick", Limits(2**20), long_ago, ignore)
    verify = ["verify", tmp_path / "stick", "--root", tmp_path / "root.json"]
    assert "[trust.root-expired]" in says(*verify, code=3)
    table = says(*verify, "--accept-expired", REASON)
    (row,) = [line for line in table.splitlines() if line.startswith("overridden")]
    about = f"root {ENDED}; timestamp 2011-06-01; snapshot 2011-06-01; targets 2011-06-01"
    assert row == f"overridden   {about}: {REASON}"
    told = json.loads(says(*verify, "--accept-expired", REASON, "--json"))
    assert [one["reason"] for one in told["overridden"]] == [REASON]
    for verb in (["verify"], ["media", "repair"]):
        options = says(*verb, "--help")
        assert "the zone keeps" not in " ".join(options.split())
        assert "is kept" not in options
