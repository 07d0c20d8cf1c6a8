"""Gives a frozen folder a C library of its own, so that the host's does not matter.

Invariant: every library that a file of the folder needs is in the folder, and is found there: the
program alone says where, no library leads elsewhere. The loader's path is a slot in the program,
which whoever puts the folder into its place fills in.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sysconfig
from collections.abc import Iterator
from pathlib import Path

from champ_offline.installation.places import PROGRAM
from installer.one_file import elf
from installer.one_file.errors import BuildFailed

INTERNAL, FOLDER = "_internal", "glibc"
LOADER = "ld-linux-x86-64.so.2"
# With what the C library loads by itself: name services, and what older modules of hosts ask for.
NAMES = (
    LOADER, "libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0", "librt.so.1", "libutil.so.1",
    "libresolv.so.2", "libanl.so.1", "libnss_files.so.2", "libnss_dns.so.2", "libnss_compat.so.2",
)  # fmt: skip
# Room for the loader's path in the place where the folder will lie; a folder is no loader, so that
# a program whose slot was not filled in starts nowhere.
SLOT = "/" * 767


def source() -> Path:
    """Where this machine has its C library; raises BuildFailed."""
    loader = Path("/lib64", LOADER)
    if not loader.exists():
        raise BuildFailed("The build machine has to be x86-64 Linux with the GNU C library.")
    return loader.resolve().parent


def carry(dist: Path) -> None:
    """Put the C library beside a PyInstaller folder and lead everything to it."""
    library = dist / FOLDER
    library.mkdir()
    for name in NAMES:
        shutil.copyfile(source() / name, library / name)
        (library / name).chmod(0o755)
    for file in elf_files(dist / INTERNAL):
        if file.name.startswith("libpython"):
            _run("strip", "--strip-unneeded", file)  # of a Python that was built here, 17 MB
        if _patchelf("--print-rpath", file):
            _patchelf("--remove-rpath", file)
    places = f"$ORIGIN/{FOLDER}:$ORIGIN/{INTERNAL}"
    _patchelf("--force-rpath", "--set-rpath", places, "--set-interpreter", SLOT, dist / PROGRAM)
    _refuse_missing(dist)


def slot(program: Path) -> elf.Segment:
    """Where in the program the path of the loader goes; the last byte of it stays zero."""
    return elf.interpreter(program.read_bytes())


def settle(dist: Path) -> None:
    """Let the program run from where it lies now; it cannot be moved afterwards."""
    program, path = dist / PROGRAM, os.fsencode(dist.resolve() / FOLDER / LOADER) + b"\0"
    place = slot(program)
    if len(path) > place.size:
        raise BuildFailed(f"The path {dist} is too long.")
    with program.open("r+b") as file:
        file.seek(place.offset)
        file.write(path)


def elf_files(folder: Path) -> Iterator[Path]:
    """The programs and libraries below `folder`, links left out, in the order of their names."""
    for file in sorted(folder.rglob("*")):
        if file.is_file() and not file.is_symlink():
            with file.open("rb") as stream:
                if stream.read(len(elf.MAGIC)) == elf.MAGIC:
                    yield file


def _refuse_missing(dist: Path) -> None:
    """Every needed library lies where the program says that libraries are."""
    there = {file.name for place in (FOLDER, INTERNAL) for file in (dist / place).iterdir()}
    for file in elf_files(dist):
        if absent := set(_patchelf("--print-needed", file).split()) - there:
            names = ", ".join(sorted(absent))
            raise BuildFailed(f"{file.relative_to(dist)} needs what is not carried: {names}.")


def _patchelf(*words: str | Path) -> str:
    return _run(Path(sysconfig.get_path("scripts"), "patchelf"), *words)


def _run(*words: str | Path) -> str:
    try:
        done = subprocess.run(words, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise BuildFailed(f"“{words[0]}” is missing (Debian: binutils).") from None
    if done.returncode != 0:
        raise BuildFailed(f"“{Path(words[0]).name}” failed: {done.stderr.strip()}")
    return done.stdout.strip()
