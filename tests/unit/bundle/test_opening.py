"""Files of media are opened without following links, whatever takes their place meanwhile."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from champ_offline.bundle.opening import below, opened


@pytest.fixture
def medium(tmp_path: Path) -> Path:
    """A bundle's folder, and the same files outside of it."""
    for top in ("medium", "outside"):
        place = tmp_path / top / "champ" / "app-1.0"
        (place / "metadata").mkdir(parents=True)
        (place / "metadata" / "timestamp.json").write_text(top)
        (place / "app-1.0.0001.tar").write_text(top)
    return tmp_path / "medium" / "champ" / "app-1.0"


def read(path: Path) -> str:
    with opened(path) as file:
        return file.read().decode()


@pytest.mark.parametrize("name", ["metadata/timestamp.json", "app-1.0.0001.tar"])
def test_an_ordinary_file_is_read(medium: Path, tmp_path: Path, name: str) -> None:
    assert read(medium / name) == "medium"
    (tmp_path / "named").symlink_to(medium)
    assert read(tmp_path / "named" / name) == "medium"  # a person may name a link
    with below(tmp_path):
        assert read(medium / name) == "medium"


@pytest.mark.parametrize(
    ("linked", "name"),
    [
        ("app-1.0.0001.tar", "app-1.0.0001.tar"),
        ("metadata/timestamp.json", "metadata/timestamp.json"),
        ("metadata", "metadata/timestamp.json"),
    ],
)
def test_links_in_a_bundle_are_refused(
    medium: Path, tmp_path: Path, linked: str, name: str
) -> None:
    (medium / linked).rename(tmp_path / "away")
    (medium / linked).symlink_to(tmp_path / "outside" / "champ" / "app-1.0" / linked)
    with pytest.raises(OSError, match=r"symbolic links|Not a directory") as refused:
        read(medium / name)
    assert refused.value.filename == str(medium / name)


@pytest.mark.parametrize("linked", ["medium", "medium/champ", "medium/champ/app-1.0"])
def test_below_a_limit_no_folder_is_a_link(medium: Path, tmp_path: Path, linked: str) -> None:
    (tmp_path / linked).rename(tmp_path / "away")
    (tmp_path / linked).symlink_to(tmp_path / linked.replace("medium", "outside"))
    path = medium / "app-1.0.0001.tar"
    assert read(path) == "outside"
    with below(tmp_path), pytest.raises(OSError, match=r"symbolic links|Not a directory"):
        read(path)
    with below(tmp_path), pytest.raises(OSError, match="symbolic links"):
        read(tmp_path / "medium" / ".." / "outside" / "champ" / "app-1.0" / "app-1.0.0001.tar")
    assert read(path) == "outside"  # the limit is over


def test_nothing_waits_for_a_pipe_or_opens_a_device(medium: Path) -> None:
    os.mkfifo(medium / "app-1.0.0002.tar")
    with pytest.raises(OSError, match="no ordinary file"):
        read(medium / "app-1.0.0002.tar")
    with pytest.raises(OSError, match="no ordinary file"):
        read(Path("/dev/null"))


def descriptors() -> Iterator[str]:
    """What this process has open; other threads open and close meanwhile."""
    for one in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):
            yield str(one.readlink())


def test_no_descriptor_stays_open(medium: Path) -> None:
    for _ in range(5):
        read(medium / "metadata" / "timestamp.json")
        with pytest.raises(OSError, match="No such file"):
            read(medium / "absent" / "x")
    assert not [path for path in descriptors() if path.startswith(str(medium))]
