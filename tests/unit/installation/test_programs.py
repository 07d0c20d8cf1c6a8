"""Versions side by side: installed, updated, gone back from; what is refused changes nothing."""

from __future__ import annotations

import os
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from champ_offline.bundle.installer import InstallerChanged
from champ_offline.durable.lock import FileLock, Locked
from champ_offline.installation.errors import (
    CommandTaken,
    FloorUnreadable,
    InstallerOlder,
    NothingBefore,
    NotInstalled,
    NotOneFile,
    NotStarted,
    RootNeeded,
)
from champ_offline.installation.places import Places, installation_of
from champ_offline.installation.programs import Programs
from tests.unit.installation.fake import champ_sh, name_of, signed


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(tmp_path / "opt", tmp_path / "bin/champ", units=tmp_path / "units")


@pytest.fixture
def programs(places: Places) -> Programs:
    return Programs(places)


def says(places: Places) -> str:
    assert places.command is not None
    done = subprocess.run([str(places.command)], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_the_pages_of_the_manual_are_those_of_the_current_version(
    places: Places, tmp_path: Path
) -> None:
    shown = replace(places, manual=tmp_path / "man")
    programs = Programs(shown)
    programs.install(champ_sh(tmp_path / "1", 1))
    links = {link.relative_to(tmp_path / "man").as_posix(): link for link in shown.pages}
    assert set(links) == {"man1/champ.1", "zh_CN/man1/champ.1"}
    for name, link in links.items():
        assert link.readlink() == shown.current / "_internal/man" / name
    assert Places(tmp_path / "opt").pages == {}


def test_installed_updated_and_gone_back_from(
    programs: Programs, places: Places, tmp_path: Path
) -> None:
    first = programs.install(champ_sh(tmp_path / "1", 1))
    assert (first.before, first.now, first.changed) == ("", name_of(1), True)
    assert says(places) == "champ 1.0"
    again = programs.install(champ_sh(tmp_path / "1", 1))
    assert again.changed is False
    with pytest.raises(NothingBefore):
        programs.rollback()
    updated = programs.update(signed(champ_sh(tmp_path / "2", 2), packed=20))
    assert (updated.before, updated.now) == (name_of(1), name_of(2))
    assert says(places) == "champ 2.0"
    assert list(places.incoming.iterdir()) == []
    assert programs.rollback().now == name_of(1)
    assert says(places) == "champ 1.0"
    assert programs.rollback().now == name_of(2)
    assert says(places) == "champ 2.0"
    standing = programs.standing()
    assert (standing.current, standing.previous) == (name_of(2), name_of(1))
    assert standing.command == str(places.command)


def test_versions_that_nothing_needs_are_removed(
    programs: Programs, places: Places, tmp_path: Path
) -> None:
    for version in (1, 2):
        programs.install(champ_sh(tmp_path / str(version), version))
    removed = programs.install(champ_sh(tmp_path / "3", 3)).removed
    assert removed == (name_of(1),)
    assert sorted(one.name for one in programs.standing().versions) == [name_of(2), name_of(3)]


def test_a_version_that_runs_is_kept(programs: Programs, places: Places, tmp_path: Path) -> None:
    programs.install(champ_sh(tmp_path / "1", 1))
    running = places.versions / name_of(1) / "sleeper"
    running.write_bytes(Path("/usr/bin/sleep").read_bytes())
    running.chmod(0o755)
    with subprocess.Popen([str(running), "600"]) as process:
        try:
            programs.install(champ_sh(tmp_path / "2", 2))
            assert programs.install(champ_sh(tmp_path / "3", 3)).removed == ()
            used = [one.name for one in programs.standing().versions if one.used]
            assert used == [name_of(1)]
        finally:
            process.kill()
    assert programs.install(champ_sh(tmp_path / "3", 3)).removed == (name_of(1),)


def test_a_version_that_a_unit_names_is_kept(
    programs: Programs, places: Places, tmp_path: Path
) -> None:
    programs.install(champ_sh(tmp_path / "1", 1))
    places.units.mkdir()
    unit = places.units / "champ-registry.service"
    unit.write_text(f"[Service]\nExecStart={places.versions / name_of(1)}/champ registry serve\n")
    for version in (2, 3):
        assert programs.install(champ_sh(tmp_path / str(version), version)).removed == ()
    unit.write_text(f"[Service]\nExecStart={places.program} registry serve\n")
    assert programs.install(champ_sh(tmp_path / "3", 3)).removed == (name_of(1),)


def test_what_does_not_start_is_not_made_current(
    programs: Programs, places: Places, tmp_path: Path
) -> None:
    programs.install(champ_sh(tmp_path / "1", 1))
    with pytest.raises(NotStarted, match="no such engine"):
        programs.install(champ_sh(tmp_path / "2", 2, "echo no such engine >&2; exit 4;"))
    assert says(places) == "champ 1.0"
    assert programs.standing().previous == ""


def test_what_was_not_signed_never_runs(programs: Programs, places: Places, tmp_path: Path) -> None:
    programs.install(champ_sh(tmp_path / "1", 1))
    mark = tmp_path / "ran"
    good = signed(champ_sh(tmp_path / "2", 2), packed=20)
    text = good.path.read_text()
    for changed in (text.replace("echo", f"touch {mark};echo"), text[:-1], text.replace("2", "3")):
        good.path.write_text(changed)
        with pytest.raises(InstallerChanged):
            programs.update(good)
    good.path.unlink()
    good.path.symlink_to(champ_sh(tmp_path / "3", 3))
    with pytest.raises(InstallerChanged):
        programs.update(good)
    assert not mark.exists()
    assert [one.name for one in programs.standing().versions] == [name_of(1)]


def test_an_older_one_is_refused_however_well_signed(
    programs: Programs, places: Places, tmp_path: Path
) -> None:
    programs.install(champ_sh(tmp_path / "1", 1))
    programs.update(signed(champ_sh(tmp_path / "3", 3), packed=30_000))
    with pytest.raises(InstallerOlder, match="1970-01-01 00:00:20"):
        programs.update(signed(champ_sh(tmp_path / "2", 2), packed=20_000))
    assert says(places) == "champ 3.0"
    assert programs.update(signed(tmp_path / "3/champ.sh", packed=30_000)).changed is False
    places.floor.write_text("{}")
    with pytest.raises(FloorUnreadable):
        programs.update(signed(tmp_path / "3/champ.sh", packed=30_000))


def test_refusals_name_what_is_wrong(programs: Programs, places: Places, tmp_path: Path) -> None:
    for act in (programs.standing, programs.rollback):
        with pytest.raises(NotInstalled):
            act()
    file = champ_sh(tmp_path / "1", 1)
    with pytest.raises(NotInstalled):
        programs.update(signed(file, 1))
    (tmp_path / "text").write_text("hello")
    with pytest.raises(NotOneFile):
        programs.install(tmp_path / "text")
    assert places.command is not None
    places.command.parent.mkdir()
    places.command.write_text("mine")
    with pytest.raises(CommandTaken):
        programs.install(file)
    assert not places.top.exists()
    places.command.unlink()
    programs.install(file)
    with FileLock(places.lock), pytest.raises(Locked):
        programs.install(file)


def test_only_root_may() -> None:
    with tempfile.TemporaryDirectory(dir="/var/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        file = champ_sh(folder, 1)
        child = os.fork()
        if child == 0:
            if os.geteuid() == 0:
                os.setuid(65534)
            try:
                Programs(Places(Path("/usr/local/champ"))).install(file)
            except RootNeeded:
                os._exit(7)
            os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7


def test_a_program_knows_its_installation(
    programs: Programs, places: Places, tmp_path: Path
) -> None:
    programs.install(champ_sh(tmp_path / "1", 1))
    found = installation_of(places.versions / name_of(1) / "champ")
    assert found is not None
    assert found.program == places.program
    assert installation_of(tmp_path / "1/champ") is None
