"""The same lock packs to the same volumes on two machines that have nothing else in common."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from champ_offline.paths import cache_directory
from tests.e2e.commands import PROJECT, Champ, run

RECIPE = Path("bundles/orthanc-1.12/bundle.yaml")


@dataclass(frozen=True)
class Machine:
    """A name, a checkout, a home with a cache of its own, a clock's zone, habits."""

    name: str
    folder: Path
    settings: dict[str, str]
    umask: str

    def set_up(self) -> None:
        """Only what comes from package mirrors is shared; images are built here."""
        for part in ("bundles", "appstore_catalog"):
            shutil.copytree(PROJECT / part, self.folder / "checkout" / part)
        downloads = cache_directory() / "debian"
        if downloads.is_dir():
            shutil.copytree(
                downloads, self.folder / "cache/champ-offline/debian", copy_function=os.link
            )

    def champ(self, *words: str | Path) -> None:
        """Run champ here, on this machine's terms."""
        line = 'hostname "$0" && umask "$1" && cd "$2" && shift 2 && exec "$@"'
        shell: Sequence[str | Path] = ("unshare", "--uts", "sh", "-c", line)
        run(
            [*shell, self.name, self.umask, self.folder / "checkout", *_command(), *words],
            extra={"HOME": str(self.folder), "XDG_CACHE_HOME": str(self.folder / "cache")}
            | self.settings,
        )


def _command() -> tuple[str, ...]:
    return (str(Path(sys.executable).with_name("champ")),)


def test_two_machines_pack_the_same_volumes(tmp_path: Path) -> None:
    signing, lock = tmp_path / "signing", tmp_path / "bundle.lock"
    Champ()("trust", "init", signing, "--holder", "release engineering", "--unencrypted")
    first = Machine(
        "bench-a", tmp_path / "a", {"TZ": "Asia/Shanghai", "PYTHONHASHSEED": "1"}, "022"
    )
    second = Machine(
        "bench-b", tmp_path / "b", {"TZ": "America/Lima", "PYTHONHASHSEED": "2"}, "077"
    )
    for machine in (first, second):
        machine.set_up()
        if not lock.exists():
            machine.champ("lock", RECIPE, "--out", lock)
        machine.champ(
            "pack", RECIPE, "--lock", lock, "--signing", signing, "--out", machine.folder,
            "--volume-size", "24M", "--parity", "5%",
        )  # fmt: skip
    folders = [next((machine.folder / "champ").iterdir()) for machine in (first, second)]
    files = [
        {path.name: path.read_bytes() for path in folder.glob("*.*") if path.suffix != ".json"}
        for folder in folders
    ]
    names = sorted(files[0])
    assert len([name for name in names if name.endswith(".tar")]) > 2
    assert names == sorted(files[1])
    assert [name for name in names if files[0][name] != files[1][name]] == ["documents.par"]
