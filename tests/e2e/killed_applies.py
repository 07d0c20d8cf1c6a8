"""Kill real commands that apply plans, their Helm, and the API server, on a real cluster.

    python -m tests.e2e.killed_applies [--app pair|pacs] [--kills 40] [--seed 1]

An app (two replicas with a volume, or the PACS with its database) is installed, upgraded and rolled
back again and again; at moments of chance either the command's process group, or only its Helm
child, or kube-apiserver is ended by SIGKILL. After each kill `champ recover` runs once. Then, as
the stock tools say: the release is as it was or as planned and at rest, every replica serves, all
data is there as it was, and history and audit chain agree.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.e2e.commands import PROJECT, environment
from tests.e2e.killed_apps import KilledApp, Pair
from tests.e2e.killed_pacs import Pacs
from tests.e2e.one_zone import OneZone
from tests.lab.lab import Lab
from tests.lab.node import Node
from tests.lab.processes import wait_until

BUILD = PROJECT / "build" / "killed"
ZONE = "killed"
# What may be killed, and how long an API server stays away, in seconds.
VICTIMS = ("champ", "champ", "helm", "api server")
_AWAY = (0.5, 6.0)
_LONGEST = 900.0
_COMING_UP = 180.0
_HELM = b"champ_offline.helm.child"


class Site:
    """One zone with its registry, its node and the app."""

    def __init__(self, lab: Lab, build: Path, app: str = "pair") -> None:
        self._place = OneZone(lab, ZONE, build)
        self._champ = self._place.champ
        self.app = APPS[app](self._place)

    @property
    def node(self) -> Node:
        return self._place.node

    def bring_up(self) -> None:
        """Keys, bundles, zone, registry, cluster."""
        place = self._place
        place.bring_up(self.app.recipes(place.binaries, place.build))

    def plan(self, verb: str, number: int) -> list[str]:
        """The command that carries out a change of that kind."""
        if verb == "rollback":
            return self._words("rollback", self.app.release)
        answers = self.app.answers(f"number {number}")
        version = self.app.versions[number % 2]
        return self._words(
            "apply", self._place.plan(self.app.app, version, self.app.release, answers)
        )

    def remove(self) -> None:
        """Undisturbed; the volume stays."""
        self._champ("remove", self.app.release, "--confirm", self.app.release, *self._cluster)

    def recover(self) -> Any:
        """What one recovery says."""
        return self._champ.json("recover", *self._cluster)

    def newest(self) -> dict[str, Any] | None:
        """The release as stock helm lists it."""
        said = self._place.helm_json("list", "--namespace", self.app.release)
        rows: list[dict[str, Any]] = said
        return rows[0] if rows else None

    def history(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self._champ.json(
            "history", self.app.release, "--namespace", self.app.release
        )
        return rows

    def chain_stands(self) -> None:
        self._champ("audit", "verify")

    def last_seen(self, since: int) -> tuple[int, str]:
        """The newest row of the audit chain, and what Helm said after row `since`, when asked."""
        rows: list[dict[str, Any]] = self._champ.json("audit", "show")["rows"]
        told = [
            row["detail"]["found"][-1].partition(" ")[2]
            for row in rows
            if row["seq"] > since and row["detail"].get("found")
        ]
        return rows[-1]["seq"], told[0] if told else "at rest"

    def kill_server(self, seconds: float) -> None:
        """End the API server by SIGKILL, and start it again after so many seconds."""
        self.node.kill("kube-apiserver")
        time.sleep(seconds)
        self.node.revive("kube-apiserver")
        assert wait_until(self.node.api.ready, 60, pause=0.1)

    def _words(self, verb: str, what: str | Path) -> list[str]:
        return self._champ.words(verb, what, "--confirm", self.app.release, *self._cluster)

    @property
    def _cluster(self) -> list[str | Path]:
        return self._place.cluster


APPS: Mapping[str, Callable[[OneZone], KilledApp]] = {"pair": Pair, "pacs": Pacs}


class Chance:
    """Changes one release, and kills at moments of chance."""

    def __init__(self, site: Site, seed: int) -> None:
        self._site, self._chance = site, random.Random(seed)
        self._number, self._seconds = 1, 5.0
        self.kills: Counter[str] = Counter()
        self.phases: Counter[str] = Counter()

    def begin(self) -> None:
        """One undisturbed install: how long it takes, and data to keep."""
        self._install()
        self._site.app.keep()

    def end(self) -> None:
        """Install once more where the last one was put back: the data is there."""
        if self._site.newest() is None:
            self._number += 1
            self._install()
        assert self._site.app.lost() == [], "data was lost"

    def change(self) -> None:
        """One change, killed unless it is over too soon, and what is left looked at."""
        verb = self._verb()
        self._number += 1
        words, before = self._site.plan(verb, self._number), self._site.app.said()
        began, (row, _) = len(self._site.history()), self._site.last_seen(0)
        victim = self._chance.choice(VICTIMS)
        with self._site.app.busy():
            killed = self._strike(words, victim)
            recovered = self._site.recover()
        self._look(verb, before, began)
        if killed:
            self.kills[f"{victim} in {verb}"] += 1
            rows = self._site.history()
            outcome = rows[-1]["outcome"] if len(rows) > began else "not begun"
            who = "recover" if recovered else "by itself"
            seen = self._site.last_seen(row)[1]
            self.phases[f"{verb}, Helm {seen}: {outcome} ({who})"] += 1

    def _install(self) -> None:
        began = time.monotonic()
        assert self._run(self._site.plan("install", self._number)).wait(_LONGEST) == 0
        self._seconds = time.monotonic() - began
        assert wait_until(self._site.app.serves, _COMING_UP, pause=0.2), "not all replicas serve"

    def stop(self, number: signal.Signals, code: int) -> None:
        """Ask an upgrade to end by a signal: it ends with that code and leaves all as it was."""
        self._number += 1
        words, before = self._site.plan("upgrade", self._number), self._site.app.said()
        began = len(self._site.history())
        process = self._run(words)
        assert wait_until(lambda: helm_of(process.pid) is not None, 60)
        time.sleep(1.0)
        process.send_signal(number)
        assert process.wait(_LONGEST) == code
        assert self._site.recover() == []
        assert self._site.app.said() == before
        self._look("upgrade", before, began)

    def _verb(self) -> str:
        if self._site.newest() is None:
            return "install"
        if self._chance.random() < 0.3:
            self._site.remove()
            return "install"
        stood = [row for row in self._site.history() if row["outcome"] == "deployed"]
        return self._chance.choice(["upgrade", "rollback"]) if len(stood) > 1 else "upgrade"

    def _strike(self, words: list[str], victim: str) -> bool:
        process = self._run(words)
        wait_until(lambda: helm_of(process.pid) is not None or process.poll() is not None, 60)
        time.sleep(self._chance.uniform(0.0, self._seconds * 0.7))
        if process.poll() is not None:
            return False
        if victim == "champ":
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            return True
        if victim == "helm":
            child = helm_of(process.pid)
            if child is None:
                process.wait(_LONGEST)
                return False
            os.kill(child, signal.SIGKILL)
        if victim == "api server":
            self._site.kill_server(self._chance.uniform(*_AWAY))
        code = process.wait(_LONGEST)
        assert code in {0, 4, 5, 6}, code
        return True

    def _look(self, verb: str, before: str | None, began: int) -> None:
        """Raise AssertionError unless all is as it should be."""
        site = self._site
        newest, now = site.newest(), site.app.said()
        rows = site.history()
        assert all(row["outcome"] != "running" for row in rows), rows[-1]
        done = len(rows) > began and rows[-1]["outcome"] == "deployed"
        wanted = f"number {self._number}" if done and verb != "rollback" else now
        assert now == (wanted if done else before), (verb, before, now, rows[-1])
        if newest is None:
            assert verb == "install", "a live release was lost"
            assert now is None
        else:
            assert newest["status"] == "deployed", newest
            standing = [row for row in rows if row["outcome"] == "deployed"][-1]
            assert standing["helm_revision"] <= int(newest["revision"])
            assert wait_until(site.app.serves, _COMING_UP, pause=0.2), "not all replicas serve"
            assert site.app.lost() == [], "data was lost"
        site.chain_stands()

    def _run(self, words: list[str]) -> subprocess.Popen[bytes]:
        nowhere = subprocess.DEVNULL
        return subprocess.Popen(
            words, stdin=nowhere, stdout=nowhere, stderr=nowhere,
            env=environment(), start_new_session=True,
        )  # fmt: skip


def helm_of(parent: int) -> int | None:
    """The Helm child of a process; None where it has none at the moment."""
    for entry in Path("/proc").iterdir():
        with suppress(OSError, ValueError):
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            if int(fields[1]) == parent and _HELM in (entry / "cmdline").read_bytes():
                return int(entry.name)
    return None


def kill(chance: Chance, wanted: int) -> None:
    """Change until there were so many kills."""
    for _ in range(5 * wanted + 5):
        if chance.kills.total() >= wanted:
            return
        chance.change()
        print(f"{chance.kills.total()} kills: {dict(chance.kills)}", flush=True)
    raise AssertionError("the commands end before they can be killed")


def main() -> int:
    parser = argparse.ArgumentParser(description="kill real commands on a real cluster")
    parser.add_argument("--app", choices=sorted(APPS), default="pair")
    parser.add_argument("--kills", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    Lab.clean(BUILD / "lab")
    shutil.rmtree(BUILD, ignore_errors=True)
    with Lab(BUILD / "lab", say=lambda line: print(line, flush=True)) as lab:
        site = Site(lab, BUILD, options.app)
        site.bring_up()
        chance = Chance(site, options.seed)
        chance.begin()
        kill(chance, options.kills)
        chance.end()
        kept = site.app.kept
    for what, count in sorted((chance.kills | chance.phases).items()):
        print(f"{count:4}  {what}")
    print(f"{chance.kills.total()} kills, 0 stuck releases, 0 lost live releases, 0 of {kept} lost")
    return 0


if __name__ == "__main__":
    sys.exit(main())
