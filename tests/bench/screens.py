"""From a key to its repaint, on a real terminal, while a bundle is imported at full speed.

    python -m tests.bench.screens [--gib 12] [--keys 80] [--releases 1000] [--rows 100000]

The screens run in a pseudo-terminal of 80 by 24 over a zone with that many releases and rows of the
audit chain. Keys are pressed while nothing else runs, then again while `champ task start import`
reads and writes as fast as the disk: through the releases, through the audit chain, and help on the
screen that shows the import. Prints the median and the 95th percentile of each in milliseconds, and
how many times as long it takes while importing. Exits with 1 when a 95th percentile while importing
is 50 ms or more, or the import had ended before the last key.
"""

from __future__ import annotations

import argparse
import os
import pty
import select
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from champ_offline.appliance import Appliance
from champ_offline.durable.database import Database
from champ_offline.events import ignore
from champ_offline.journal.audit import Audit, Entry
from champ_offline.release.plan import Plan
from champ_offline.release.records.history import History, Outcome
from champ_offline.release.records.intent import Intent
from installer.background import tasks_of
from installer.tui.proposals import Install
from tests.bench.import_speed import Bench
from tests.tui.sample_app import ZONE, make_media
from tests.tui.simulated import World
from tests.tui.stage import ANSWERS

CHAMP = (sys.executable, "-m", "installer")
MOST_SECONDS: Final = 0.05
QUIET: Final = 0.08
PATIENCE: Final = 30.0
UP, DOWN, PAGE_DOWN, HOME, END = b"\x1b[A", b"\x1b[B", b"\x1b[6~", b"\x1b[H", b"\x1b[F"
ESCAPE: Final = b"\x1b"
NOW: Final = datetime(2026, 5, 1, tzinfo=UTC)


class Screens:
    """The screens in a terminal; `press` gives the seconds until something new was drawn."""

    def __init__(self, zone: Path) -> None:
        self._child, self._terminal = pty.fork()
        if self._child == 0:
            os.environ.update(TERM="xterm-256color", COLUMNS="80", LINES="24", CHAMP_LANG="en")
            words = [*CHAMP, "--zone", str(zone), "--look", "rich"]
            os.execv(words[0], words)  # noqa: S606 - what is measured
        self.sees(b"Overview")

    def press(self, key: bytes, shown: bytes = b"") -> float:
        """Press a key; seconds until `shown` was drawn, or anything at all."""
        self.rest()
        begun = time.perf_counter()
        os.write(self._terminal, key)
        drawn = b""
        while not drawn or shown not in drawn:
            left = max(0.0, begun + PATIENCE - time.perf_counter())
            if not select.select([self._terminal], [], [], left)[0]:
                sys.exit(f"{key!r} was answered by {drawn[-2000:]!r}")
            drawn += os.read(self._terminal, 1 << 16)
        return time.perf_counter() - begun

    def sees(self, text: bytes) -> None:
        """Wait until that is drawn."""
        drawn, deadline = b"", time.monotonic() + PATIENCE
        while text not in drawn and time.monotonic() < deadline:
            if select.select([self._terminal], [], [], 1)[0]:
                drawn += os.read(self._terminal, 1 << 16)
        if text not in drawn:
            sys.exit(f"{text!r} was not seen in {drawn[-2000:]!r}")
        self.rest()

    def rest(self) -> None:
        """Wait until nothing is drawn any more, or as long as a screen that runs on takes."""
        deadline = time.monotonic() + 2 * QUIET
        while time.monotonic() < deadline and select.select([self._terminal], [], [], QUIET)[0]:
            os.read(self._terminal, 1 << 16)

    def close(self) -> None:
        """End them."""
        with suppress(OSError):
            os.write(self._terminal, b"\x11")
        os.close(self._terminal)
        os.waitpid(self._child, 0)


@contextmanager
def screens(zone: Path) -> Iterator[Screens]:
    """The screens over a zone."""
    made = Screens(zone)
    try:
        yield made
    finally:
        made.close()


def a_plan(folder: Path) -> Plan:
    """Of the sample app, made in a zone of its own."""
    media = make_media(folder)
    appliance = Appliance.create(folder / "zone", ZONE, media.root, media.fingerprint)
    appliance.import_media([media.stick / "champ/greeter-1.0"], ignore)
    answers = folder / "answers.yaml"
    answers.write_text(ANSWERS, encoding="utf-8")
    kubeconfig = folder / "kubeconfig"
    kubeconfig.write_text("{}", encoding="utf-8")
    wanted = Install("greeter", "1.0", "hello", "hello", kubeconfig, answers)
    return wanted.plan(World().open(folder / "zone"))


def fill(database: Database, model: Plan, releases: int, rows: int) -> None:
    """Write down that many releases, and let the audit chain have that many rows."""
    history, audit = History(database), Audit(database, lambda: NOW)
    with database.transaction() as connection:
        for at in range(releases):
            plan = replace(model, release=f"app-{at:04}", namespace=f"app-{at:04}")
            row = (str(plan.digest), zlib.compress(plan.to_bytes()))
            connection.execute("INSERT INTO vault VALUES (?, ?)", row)
            number = history.begin(connection, plan, plan.digest, "bo", NOW.isoformat())
            history.finish(
                connection, Intent.of(plan, "bo"), number, Outcome.DEPLOYED,
                current=number, seconds=2.5, error="",
            )  # fmt: skip
    have = audit.head().seq
    audit.record(
        *(
            Entry("ci", "registry.manifest.push", f"team/app-{n}", {"n": n})
            for n in range(have, rows)
        )
    )


def through_releases(shown: Screens, keys: int) -> list[float]:
    """Down, by rows and by pages, and back."""
    return [shown.press(key) for key in moves(keys)]


def through_the_chain(shown: Screens, keys: int) -> list[float]:
    """The same through the audit chain."""
    shown.press(b"a", b"Head of the chain")
    times = [shown.press(key) for key in moves(keys)]
    shown.press(ESCAPE, b"Releases")
    return times


def help_on_a_task(shown: Screens, keys: int) -> list[float]:
    """Help, opened on a screen that is drawn anew by itself."""
    times = []
    for _ in range(keys // 4):
        times.append(shown.press(b"?", b"Keys of this screen"))
        shown.press(ESCAPE, b"Time so far")
    return times


def moves(keys: int) -> Iterator[bytes]:
    """Keys each of which means another row."""
    for at in range(keys):
        yield (DOWN, DOWN, PAGE_DOWN, UP, END, HOME)[at % 6]


def measured(
    zone: Path,
    acts: Mapping[str, Callable[[Screens, int], list[float]]],
    keys: int,
    first: bytes = b"",
) -> dict[str, list[float]]:
    """The seconds of each act; `first` is a key that leads to where they begin."""
    with screens(zone) as shown:
        if first:
            shown.press(first, b"Time so far")
        return {name: act(shown, keys) for name, act in acts.items()}


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--gib", type=float, default=12)
    parser.add_argument("--keys", type=int, default=80)
    parser.add_argument("--releases", type=int, default=1000)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--folder", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
        folder, bench = Path(name), Bench()
        media = bench.pack(folder, int(arguments.gib * 2**30))
        (folder / "root.json").write_bytes(bench.root)
        (folder / "model").mkdir()
        zone = Appliance.create(folder / "zone", ZONE, folder / "root.json").paths.root
        fill(
            Database(zone / "champ.db"),
            a_plan(folder / "model"),
            arguments.releases,
            arguments.rows,
        )
        return compare(zone, media, arguments.keys)


def compare(zone: Path, media: Path, keys: int) -> int:
    """Alone, then while importing; prints both, gives the exit code."""
    acts = {"releases": through_releases, "audit chain": through_the_chain}
    alone = measured(zone, acts, keys)
    words = [*CHAMP, "--zone", str(zone), "task", "start", "import", str(media)]
    subprocess.run(words, check=True, capture_output=True)
    meanwhile = measured(zone, acts, keys)
    meanwhile |= measured(zone, {"help on the import": help_on_a_task}, keys, b"t")
    (task,) = tasks_of(zone).all()
    print(f"load {os.getloadavg()[0]:.1f}")
    slow = [not task.at_work]
    for what, times in meanwhile.items():
        middle, late = told(times)
        before = f"; alone {told(alone[what])[0] * 1000:.1f}" if what in alone else ""
        print(f"{what}: median {middle * 1000:.1f} ms, 95th {late * 1000:.1f} ms{before}")
        slow.append(late >= MOST_SECONDS)
    print(
        "the import was at work until the last key" if task.at_work else "the import was too short"
    )
    if task.at_work:
        tasks_of(zone).stop(task.number)
        tasks_of(zone).follow(task.number, lambda _one: None)
    shutil.rmtree(zone / "incoming", ignore_errors=True)
    return int(any(slow))


def told(times: list[float]) -> tuple[float, float]:
    """Median and 95th percentile."""
    return statistics.median(times), statistics.quantiles(times, n=20)[-1]


if __name__ == "__main__":
    sys.exit(main())
