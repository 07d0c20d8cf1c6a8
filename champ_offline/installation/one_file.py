"""champ.sh as the library sees it: the name it gives its version, and the way to start it.

Invariant: only a file that was vouched for is started, from a place that nobody else can write to.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from champ_offline.errors import Phrase, Quoted, system_said
from champ_offline.installation.errors import NotOneFile, NotStarted
from champ_offline.installation.places import PROGRAM

# FORMAT.md, "champ.sh": the header of 16 KiB is text; the name of the version is one of its lines.
HEADER_BYTES = 16384
_NAME = re.compile(rb"^NAME='([0-9][0-9A-Za-z.+]*-[0-9a-f]{12})'$", re.MULTILINE)
_LONGEST = 500
_PATIENCE_SECONDS = 600


def version_name(path: Path) -> str:
    """The name of the folder that it unpacks to, `<version>-<digits>`; raises NotOneFile."""
    try:
        with path.open("rb") as file:
            found = _NAME.search(file.read(HEADER_BYTES))
    except (FileNotFoundError, NotADirectoryError):
        found = None
    if found is None:
        raise NotOneFile(path=path)
    return found[1].decode("ascii")


def unpack(path: Path, versions: Path) -> Path:
    """Let it unpack itself into a folder, and start what it unpacked; gives the version's folder.

    It is whole and on the disk then, or not there. Raises NotOneFile, NotStarted.
    """
    name = version_name(path)
    _started(["sh", str(path), "--version"], path, {"CHAMP_UNPACK": str(versions)})
    return versions.resolve() / name


def start(folder: Path) -> None:
    """Start a version that is there, to see that it does; raises NotStarted."""
    _started([str(folder / PROGRAM), "--version"], folder, {})


def _started(command: list[str], path: Path, more: dict[str, str]) -> None:
    try:
        done = subprocess.run(
            command,
            env=os.environ | more,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PATIENCE_SECONDS,
            check=False,
        )
    except OSError as error:
        raise NotStarted(path=path, reason=system_said(error)) from error
    except subprocess.TimeoutExpired as error:
        late = Phrase("it did not end within {seconds} seconds", seconds=_PATIENCE_SECONDS)
        raise NotStarted(path=path, reason=late) from error
    if done.returncode != 0 or not done.stdout.startswith(b"champ "):
        said = " ".join(done.stderr.decode("utf-8", "replace").split())[:_LONGEST]
        said = said.removeprefix("champ.sh: ").rstrip(". ")
        code = Phrase("exit code {code}", code=done.returncode)
        raise NotStarted(path=path, reason=Quoted(said) if said else code)
