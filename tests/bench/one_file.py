"""champ.sh: its size, and how long starts take: the first, later ones, the installed program's.

    python -m tests.bench.one_file [--file dist/champ.sh] [--rounds 5]

The first start is also told as a multiple of what any such file must do, in the same run: read,
checksum, decompress, write, and put it on the disk. Exits with 1 when the file has 70 MB or more,
or the median is 3 s or more (first start), 0.12 s (`champ --version`), 0.6 s (the first screen).
"""

from __future__ import annotations

import argparse
import os
import pty
import select
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from champ_offline.installation.one_file import HEADER_BYTES
from installer.one_file.build import build

LARGEST_MEGABYTES = 70
MOST_SECONDS = {"first start": 3.0, "later start": 0.3, "--version": 0.12, "first screen": 0.6}
_BARE = """
cp "$1" "$2/copy" && sha256sum "$2/copy" >"$2/sum" && mkdir "$2/all" &&
dd if="$2/copy" bs="$3" skip=1 2>"$2/log" | gzip -dc | tar -xf - -C "$2/all" && sync -f "$2/all"
"""
_FIRST, _OVERVIEW = b"CHAMP Offline", b"Overview"
# Where the cursor is after three ambiguous characters (ECMA-48, CPR): each took one column.
_QUESTION, _ANSWER = b"\x1b[6n", b"\x1b[1;4R"


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--file", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir="/var/tmp") as name:
        file = arguments.file or build(Path(name, "built"))
        megabytes = file.stat().st_size / 1e6
        rounds = [_round(file, Path(name, str(number))) for number in range(arguments.rounds)]
    medians = {what: statistics.median(one[what] for one in rounds) for what in rounds[0]}
    print(f"load {os.getloadavg()[0]:.1f}; {megabytes:.1f} MB (below {LARGEST_MEGABYTES})")
    for what, seconds in medians.items():
        most = f" (below {MOST_SECONDS[what]:g})" if what in MOST_SECONDS else ""
        print(f"{what}: {seconds:.3f} s{most}")
    print(f"first start is {medians['first start'] / medians['bare']:.2f} times the bare one")
    slow = [what for what, most in MOST_SECONDS.items() if medians[what] >= most]
    return int(bool(slow) or megabytes >= LARGEST_MEGABYTES)


def _round(file: Path, folder: Path) -> dict[str, float]:
    folder.mkdir()
    bare, places = folder / "bare", folder / "places"
    bare.mkdir()
    command = ["sh", str(file), "--version"]
    environment = {**os.environ, "CHAMP_UNPACK": str(places)}
    found = {
        "bare": _timed(["sh", "-ec", _BARE, "sh", str(file), str(bare), str(HEADER_BYTES)]),
        "first start": _timed(command, environment),
        "later start": _timed(command, environment),
    }
    (program,) = places.glob("*/champ")
    found["--version"] = _timed([str(program), "--version"])
    _until_shown([str(program)], _FIRST)
    found["first screen"] = _until_shown([str(program)], _FIRST)
    found["overview of a zone"] = _until_shown([str(program), *_zone(program, folder)], _OVERVIEW)
    return found


def _zone(program: Path, folder: Path) -> list[str]:
    """The option that names a zone made for this."""
    keys, zone = str(folder / "keys"), ["--zone", str(folder / "zone")]
    _timed([str(program), "trust", "init", keys, "--holder", "bench", "--unencrypted"])
    root = f"{keys}/root.json"
    _timed([str(program), *zone, "zone", "init", "--name", "bench", "--root", root])
    return zone


def _timed(command: list[str], environment: dict[str, str] | None = None) -> float:
    return _lasts(lambda: subprocess.run(command, env=environment, check=True, capture_output=True))


def _lasts(act: Callable[[], object]) -> float:
    begun = time.perf_counter()
    act()
    return time.perf_counter() - begun


def _until_shown(words: list[str], wanted: bytes) -> float:
    """Seconds until that was written to a terminal."""
    begun = time.perf_counter()
    child, terminal = pty.fork()
    if child == 0:
        os.environ.update(TERM="xterm-256color", CHAMP_LANG="en")
        os.environ.pop("CHAMP_ZONE", None)
        os.execv(words[0], words)  # noqa: S606 - what is measured
    shown = b""
    while wanted not in shown and select.select([terminal], [], [], 10)[0]:
        shown += os.read(terminal, 65536)
        if shown.endswith(_QUESTION):
            os.write(terminal, _ANSWER)
    seconds = time.perf_counter() - begun
    os.kill(child, 9)
    os.waitpid(child, 0)
    os.close(terminal)
    assert wanted in shown, shown[-500:]
    return seconds


if __name__ == "__main__":
    sys.exit(main())
