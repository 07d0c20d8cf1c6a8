"""Building: what is built is named by all that decides on it, and two builders take turns."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from tests.lab import build, packages
from tests.lab.build import Program
from tests.lab.errors import Unsuitable


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(build, "SOURCES", tmp_path)
    (tmp_path / "tool").mkdir()
    for name in ("go.mod", "go.sum", "main.go"):
        (tmp_path / "tool" / name).write_text(name)
    return tmp_path / "tool"


def test_the_digest_covers_sources_flags_and_compiler(sources: Path) -> None:
    seen = {build.digest([Program("tool")], "go 1")}
    for name in ("go.mod", "go.sum", "main.go"):
        (sources / name).write_text("changed")
        seen.add(build.digest([Program("tool")], "go 1"))
    seen.add(build.digest([Program("tool")], "go 2"))
    seen.add(build.digest([Program("tool", ("version=1",))], "go 1"))
    seen.add(build.digest([Program("tool", package="example/cmd/tool")], "go 1"))
    assert len(seen) == 7


def test_the_digest_is_stable(sources: Path) -> None:
    assert build.digest([Program("tool")], "go 1") == build.digest([Program("tool")], "go 1")


def test_every_program_has_its_module() -> None:
    for program in (*build.PROGRAMS, *build.CLIENTS, *build.RUNTIMES, *build.PLAYERS):
        module = (build.SOURCES / program.name / "go.mod").read_text()
        assert module.startswith(f"module champ.example/lab/{program.name}\n")
        if program.package:
            assert f"\ntool {program.package}\n" in module
        else:
            assert (build.SOURCES / program.name / "main.go").is_file()


def test_the_cache_is_the_users(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert build.cache() == tmp_path / "champ-offline" / "lab"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/home/someone")
    assert build.cache() == Path("/home/someone/.cache/champ-offline/lab")


def test_a_second_builder_waits_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "SAY_EVERY", 0.1)
    said: list[str] = []
    order: list[str] = []

    def second() -> None:
        with build._alone(tmp_path / "lock", said.append):
            order.append("second")

    with build._alone(tmp_path / "lock", said.append):
        other = threading.Thread(target=second)
        other.start()
        time.sleep(0.6)
        order.append("first")
    other.join()
    assert order == ["first", "second"]
    assert said
    assert all(line.startswith("Waiting for another builder") for line in said)


def test_who_is_not_root_reads_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(Unsuitable, match="must run as root"):
        packages.check()


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(packages.PACKAGES, "some-package", "no-such-program")
    assert "some-package" in packages.missing()
    with pytest.raises(Unsuitable, match="some-package"):
        packages.check()
