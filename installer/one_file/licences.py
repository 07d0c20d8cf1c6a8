"""The licences of everything in a frozen folder that others wrote, put into it.

Invariant: nothing is carried without its licence; a library or package that has none stops the
build. Libraries of the system are the build machine's Debian packages, named with their versions in
`SOURCES`, so that their source is found.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sysconfig
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

from installer.one_file.errors import BuildFailed

FOLDER = "licences"
SOURCES = """\
The libraries of the system in this folder are those of Debian, unchanged: source package, version,
files. Their source is in Debian's archive and, for good, at snapshot.debian.org.

"""
_COMMON = Path("/usr/share/common-licenses")
_QUOTED = re.compile(rb"/usr/share/common-licenses/([A-Za-z0-9.+-]*[A-Za-z0-9])")
_PINNED = re.compile(r"^([A-Za-z0-9._-]+)==", re.MULTILINE)
_LICENCE = re.compile(r"(LICEN[CS]E|COPYING|NOTICE|AUTHORS)", re.IGNORECASE)


def carry(dist: Path, project: Path, libraries: Iterable[Path], left_out: Iterable[str]) -> None:
    """Write them into `dist`; raises BuildFailed.

    `libraries` are files of the system, wherever they lie now; the packages are those in the lock
    file of `project` but for `left_out`.
    """
    folder = dist / FOLDER
    _copy(project / "LICENSE", folder / "champ-offline")
    _copy(Path(sysconfig.get_path("stdlib"), "LICENSE.txt"), folder / "python")
    pinned = _PINNED.findall((project / "requirements.lock").read_text(encoding="utf-8"))
    for name in sorted({*pinned, "pyinstaller"} - {*left_out}):
        _copy_package(name, folder / name)
    _copy_system(libraries, folder)


def _copy_package(name: str, target: Path) -> None:
    found = [
        Path(str(path.locate()))
        for path in metadata.distribution(name).files or ()
        if path.parts[0].endswith(".dist-info") and _LICENCE.match(path.name)
    ]
    if not found:
        raise BuildFailed(f"The Python package {name} comes without its licence.")
    for path in found:
        _copy(path, target)


def _copy_system(libraries: Iterable[Path], folder: Path) -> None:
    owners: dict[str, list[str]] = {}
    for file in libraries:
        owners.setdefault(_package_of(file.name), []).append(file.name)
    lines = []
    for package, names in sorted(owners.items()):
        paper = Path("/usr/share/doc", package, "copyright")
        _copy(paper, folder / "debian" / package)
        for common in _QUOTED.findall(paper.read_bytes()):
            _copy(_COMMON / common.decode(), folder / "debian" / "common-licenses")
        source = _dpkg("-W", "-f", "${source:Package} ${source:Version}", package)
        lines.append(f"{source}: {' '.join(sorted(names))}\n")
    (folder / "debian" / "SOURCES").write_text(SOURCES + "".join(sorted(lines)), encoding="utf-8")


def _package_of(library: str) -> str:
    """The installed Debian package that has a library of this name."""
    for line in _dpkg("-S", f"*/x86_64-linux-gnu/{library}").splitlines():
        return line.partition(":")[0]
    raise BuildFailed(f"No Debian package has {library}; build on Debian.")


def _dpkg(*words: str) -> str:
    try:
        done = subprocess.run(["dpkg-query", *words], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise BuildFailed("The build machine has to be Debian: dpkg-query is missing.") from None
    return done.stdout


def _copy(path: Path, target: Path) -> None:
    if not path.is_file():
        raise BuildFailed(f"A licence is missing on the build machine: {path}.")
    target.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, target / path.name)
