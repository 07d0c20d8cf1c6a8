"""`champ data`: what it shows and does, and its exit codes."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from click import UsageError

from champ_offline.appliance import Appliance
from champ_offline.cluster.commands import Event, Out
from champ_offline.events import ignore
from champ_offline.oci.digest import Digest
from champ_offline.release.data.backups import (
    BackupElsewhere,
    BackupOfAnother,
    BackupUnknown,
    NothingSaved,
    Reason,
)
from champ_offline.release.data.declared import NothingDeclared
from champ_offline.release.data.planning import BackupOfOtherVersion, WayBack
from champ_offline.release.review.data import NO_DATA
from champ_offline.store.blobs import BlobStore
from installer.cli.errors import ConfirmationDiffers
from installer.plan_text import review
from installer.quantities import size
from tests.cli.command import loaded_champ
from tests.cli.test_recover import UNREACHABLE, Site
from tests.simulators.programs import Process
from tests.tui.sample_app import ZONE, make_media
from tests.tui.simulated import World

NOTES = """\
data:
  - name: notes
    save:
      in: {kind: Deployment, name: "{{release}}-work", container: work}
      run: [dump, /notes]
    restore:
      in: {kind: Deployment, name: "{{release}}-work", container: work}
      run: [load, /notes]
"""


@dataclass
class Notes:
    """What the app keeps."""

    text: bytes = b"first"
    loaded: list[bytes] = field(default_factory=list)

    def dump(self, process: Process) -> Generator[Event, None, int]:
        assert process.command == ("dump", "/notes")
        yield Out(self.text)
        return 0

    def load(self, process: Process) -> Generator[Event, None, int]:
        self.text = b"".join(process.stdin)
        yield Out(b"")
        return 0


@pytest.fixture
def notes() -> Notes:
    return Notes()


def made(tmp_path: Path, data: str, notes: Notes) -> Site:
    media = make_media(tmp_path, table=data)
    Appliance.create(tmp_path / "zone", ZONE, media.root, media.fingerprint)
    for folder in sorted((media.stick / "champ").iterdir()):
        Appliance.open(tmp_path / "zone").import_media([folder], ignore)
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(UNREACHABLE)
    site = Site(tmp_path / "zone", World(), kubeconfig)
    site.world.cluster.computer.programs |= {"dump": notes.dump, "load": notes.load}
    site.apply("1.0")
    return site


@pytest.fixture
def site(tmp_path: Path, notes: Notes) -> Site:
    return made(tmp_path, NOTES, notes)


def test_data_is_saved_listed_verified_restored_and_let_go(
    site: Site, notes: Notes, capsys: pytest.CaptureFixture[str]
) -> None:
    code, saved = site.json(capsys, "data", "save", "pacs")
    assert (code, saved["state"], saved["why"], saved["size"]) == (0, "whole", "asked", 5)
    [part] = saved["parts"]
    assert part == {"name": "notes", "digest": str(Digest.of(b"first")), "size": 5}
    notes.text = b"spoilt"
    code, done = site.json(capsys, "data", "restore", "pacs", "1", "--confirm", "pacs")
    assert (code, notes.text) == (0, b"first")
    assert done == {"release": "pacs", "namespace": "pacs", "backup": 1, "saved": 2}
    shown = loaded_champ("--zone", str(site.zone), "data", "list", "pacs")
    heading, *rows = shown.stdout.splitlines()
    assert heading.split()[0] == "BACKUP"
    assert [row.split()[0] for row in rows] == ["1", "2"]
    assert "before a change" in rows[1]
    history = loaded_champ("--zone", str(site.zone), "history", "pacs").stdout.splitlines()
    assert [
        next(word for word in ("install", "save the data", "restore the data") if word in line)
        for line in history[1:]
    ] == ["install", "save the data", "restore the data"]
    checked = loaded_champ("--zone", str(site.zone), "data", "verify")
    assert (checked.returncode, len(checked.stdout.splitlines())) == (0, 3)
    gone = loaded_champ("--zone", str(site.zone), "data", "remove", "2", "--confirm", "pacs")
    assert gone.returncode == 0
    again = loaded_champ("--zone", str(site.zone), "data", "list", "--json").stdout
    assert again.count('"number"') == 1


def test_backups_of_a_release_that_is_not_there_end_with_14(site: Site) -> None:
    zone = ("--zone", str(site.zone), "data")
    done = loaded_champ(*zone, "list", "nope")
    assert (done.returncode, "[helm.release-unknown]" in done.stderr) == (14, True)
    assert loaded_champ(*zone, "list", "pacs").returncode == 0
    done = loaded_champ(*zone, "verify", "7")
    assert (done.returncode, "There is no backup 7." in done.stderr) == (14, True)


def test_a_damaged_backup_ends_with_11(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    site.json(capsys, "data", "save", "pacs")
    BlobStore(site.zone / "store").path(Digest.of(b"first")).unlink()
    done = loaded_champ("--zone", str(site.zone), "data", "verify", "1")
    assert (done.returncode, "notes" in done.stdout) == (11, True)
    found = loaded_champ("--zone", str(site.zone), "doctor", "--json")
    assert "doctor.data-missing" in found.stdout


def test_what_cannot_be_meant_is_refused(
    site: Site, notes: Notes, capsys: pytest.CaptureFixture[str]
) -> None:
    site.json(capsys, "data", "save", "pacs")
    clusters = Appliance.open(site.zone).releases.clusters
    clusters.add("main", site.world.cluster, site.kubeconfig, "bo")
    with pytest.raises(ConfirmationDiffers):
        site.champ(capsys, "data", "restore", "pacs", "1", "--confirm", "other")
    with pytest.raises(BackupUnknown):
        site.champ(capsys, "data", "restore", "pacs", "9", "--confirm", "pacs")
    words = ("data", "restore", "pacs", "1", "--namespace", "else", "--confirm", "pacs")
    with pytest.raises(BackupElsewhere, match="is of pacs/pacs on the cluster main"):
        site.champ(capsys, *words)
    with pytest.raises(BackupOfAnother, match="Backup 1 is not of the data of release other"):
        site.champ(capsys, "data", "restore", "other", "1", "--confirm", "other")
    assert notes.text == b"first"


def test_an_app_that_declares_nothing_says_so(
    tmp_path: Path, notes: Notes, capsys: pytest.CaptureFixture[str]
) -> None:
    site = made(tmp_path, "", notes)
    with pytest.raises(NothingDeclared):
        site.champ(capsys, "data", "save", "pacs")


def test_an_upgrade_saves_before_and_the_way_back_brings_it_along(
    site: Site, notes: Notes, capsys: pytest.CaptureFixture[str]
) -> None:
    releases = site.world.open(site.zone).releases
    plan = releases.plan_install("greeter", "2.0", "pacs", "pacs", None, site.kubeconfig)
    assert [part.name for part in plan.data.parts] == ["notes"]
    text = review(plan)
    assert "saved before: notes (last time: nothing was saved yet)" in text
    releases.apply(plan, site.kubeconfig, ignore)
    [saved] = releases.backups.listed("pacs", None)
    assert (saved.why, saved.subject.version, saved.size) == (Reason.BEFORE_CHANGE, "1.0", 5)
    notes.text = b"second"
    words = ("rollback", "pacs", "--with-data")
    code, shown = site.json(capsys, *words, "--dry-run")
    assert (code, shown["data"]["brings"], shown["data"]["last"]) == (0, 1, 5)
    _, out = site.champ(capsys, *words, "--dry-run")
    assert f"backup 1 ({size(5)}, saved" in out
    code, done = site.json(capsys, *words, "--confirm", "pacs")
    assert (code, done["version"], notes.text) == (0, "1.0", b"first")
    assert [one.size for one in releases.backups.listed("pacs", None)] == [5, 6]
    with pytest.raises(BackupOfOtherVersion):
        site.champ(capsys, "rollback", "pacs", "--to", "1", "--backup", "2", "--confirm", "pacs")
    releases.backups.remove(2)
    with pytest.raises(NothingSaved):
        releases.plan_rollback("pacs", "pacs", 2, site.kubeconfig, WayBack(with_data=True))
    plan = releases.plan_install(
        "greeter", "2.0", "pacs", "pacs", None, site.kubeconfig, save=False
    )
    assert plan.data == NO_DATA
    with pytest.raises(UsageError):
        site.champ(capsys, *words, "--no-data-backup")
