"""Kill real commands that apply plans, their Helm, and the API server, on a real cluster.

    python -m tests.e2e.killed_applies [--kills 40] [--seed 1]

A two-replica app with a volume is installed, upgraded and rolled back again and again; at moments
of chance either the command's process group, or only its Helm child, or kube-apiserver is ended by
SIGKILL. After each kill `champ recover` runs once. Then, as the stock tools say: the release is as
it was or as planned and at rest, both replicas serve, the volume has its data, and history and
audit chain agree.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import yaml

from tests.e2e.commands import PROJECT, Champ, environment, run
from tests.e2e.ground import LabGround
from tests.e2e.pair_app import APP, REPLICAS, VERSIONS, pair_recipe
from tests.lab.lab import Lab
from tests.lab.node import Node
from tests.lab.processes import wait_until

BUILD = PROJECT / "build" / "killed"
ZONE, RELEASE = "killed", "pair"
EVIDENCE = "images of yesterday\n"
# What may be killed, and how long an API server stays away, in seconds.
VICTIMS = ("champ", "champ", "helm", "api server")
_AWAY = (0.5, 6.0)
_LONGEST = 600.0
_HELM = b"champ_offline.helm.child"


class Site:
    """One zone with its registry, its node and the app."""

    def __init__(self, lab: Lab, build: Path) -> None:
        self._lab, self._build = lab, build
        self._zone = lab.zone(ZONE)
        self._ground = LabGround(self._zone)
        self._folder = build / "zone"
        self._champ = Champ(self._ground.enter, self._folder)

    @property
    def node(self) -> Node:
        assert self._zone.node is not None
        return self._zone.node

    def bring_up(self) -> None:
        """Keys, bundle, zone, registry, cluster."""
        build, workshop = self._build, Champ()
        recipe = pair_recipe(self._lab.binaries(), build)
        trust = build / "trust"
        workshop("trust", "init", trust, "--holder", "release engineering", "--unencrypted")
        workshop("lock", recipe, "--out", build / "lock")
        workshop("pack", recipe, "--lock", build / "lock", "--signing", trust, "--out", build)
        self._champ("zone", "init", "--name", ZONE, "--root", trust / "root.json")
        self._champ("import", build)
        self._ground.start_registry(self._folder, build / "registry.log")
        self._ground.start_cluster(self._folder / "pki/ca.crt")

    def plan(self, verb: str, number: int) -> list[str]:
        """The command that carries out a change of that kind."""
        if verb == "rollback":
            return self._words("rollback", RELEASE)
        answers, plan = self._build / "answers.yaml", self._build / f"{number}.plan"
        answers.write_text(yaml.safe_dump({"greeting": f"number {number}"}))
        self._champ(
            "plan", APP, "--version", VERSIONS[number % 2], "--release", RELEASE,
            "--answers", answers, "--out", plan, *self._cluster,
        )  # fmt: skip
        return self._words("apply", plan)

    def remove(self) -> None:
        """Undisturbed; the volume stays."""
        self._champ("remove", RELEASE, "--confirm", RELEASE, *self._cluster)

    def recover(self) -> Any:
        """What one recovery says."""
        return self._champ.json("recover", *self._cluster)

    def newest(self) -> dict[str, Any] | None:
        """The release as stock helm lists it."""
        said = self._helm("list", "--namespace", RELEASE, "--output", "json")
        rows: list[dict[str, Any]] = json.loads(said)
        return rows[0] if rows else None

    def greeting(self) -> str | None:
        """What the cluster has."""
        path = f"/api/v1/namespaces/{RELEASE}/configmaps/{RELEASE}"
        if not self.node.api.exists(path):
            return None
        return str(self.node.api.get(path)["data"]["greeting"])

    def history(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self._champ.json("history", RELEASE, "--namespace", RELEASE)
        return rows

    def serves(self) -> bool:
        """Whether both replicas are there, of the version that is wanted, and well."""
        path = f"/apis/apps/v1/namespaces/{RELEASE}/deployments/{RELEASE}"
        found = self.node.api.get(path)
        status = found.get("status", {})
        counts = [
            status.get(key, 0) for key in ("availableReplicas", "updatedReplicas", "replicas")
        ]
        seen = status.get("observedGeneration", 0) >= found["metadata"]["generation"]
        return seen and counts == [REPLICAS] * 3

    def keep_evidence(self) -> None:
        """Write into the app's volume."""
        self._volume().joinpath("evidence").write_text(EVIDENCE)

    def has_evidence(self) -> bool:
        return self._volume().joinpath("evidence").read_text() == EVIDENCE

    def chain_stands(self) -> None:
        self._champ("audit", "verify")

    def kill_server(self, seconds: float) -> None:
        """End the API server by SIGKILL, and start it again after so many seconds."""
        self.node.kill("kube-apiserver")
        time.sleep(seconds)
        self.node.revive("kube-apiserver")
        assert wait_until(self.node.api.ready, 60, pause=0.1)

    def _volume(self) -> Path:
        path = f"/api/v1/namespaces/{RELEASE}/persistentvolumeclaims/{RELEASE}-data"
        claim = self.node.api.get(path)
        assert claim["status"]["phase"] == "Bound"
        return self._ground.kubeconfig.parent / "lib/volumes" / str(claim["spec"]["volumeName"])

    def _words(self, verb: str, what: str | Path) -> list[str]:
        return self._champ.words(verb, what, "--confirm", RELEASE, *self._cluster)

    def _helm(self, *words: str) -> str:
        helm = [self._lab.binaries() / "helm", *words, *self._cluster]
        return run(helm, enter=self._ground.enter).stdout

    @property
    def _cluster(self) -> list[str | Path]:
        return ["--kubeconfig", self._ground.kubeconfig]


class Chance:
    """Changes one release, and kills at moments of chance."""

    def __init__(self, site: Site, seed: int) -> None:
        self._site, self._chance = site, random.Random(seed)
        self._number, self._seconds = 1, 5.0
        self.kills: Counter[str] = Counter()
        self.outcomes: Counter[str] = Counter()

    def begin(self) -> None:
        """One undisturbed install: how long it takes, and data to keep."""
        began = time.monotonic()
        assert self._run(self._site.plan("install", self._number)).wait(_LONGEST) == 0
        self._seconds = time.monotonic() - began
        self._site.keep_evidence()

    def change(self) -> None:
        """One change, killed unless it is over too soon, and what is left looked at."""
        verb = self._verb()
        self._number += 1
        words, before = self._site.plan(verb, self._number), self._site.greeting()
        began = len(self._site.history())
        victim = self._chance.choice(VICTIMS)
        killed = self._strike(words, victim)
        self.kills[f"{victim} in {verb}"] += killed
        self.outcomes.update(one["outcome"] for one in self._site.recover())
        self._look(verb, before, began)

    def stop(self, number: signal.Signals, code: int) -> None:
        """Ask an upgrade to end by a signal: it ends with that code and leaves all as it was."""
        self._number += 1
        words, before = self._site.plan("upgrade", self._number), self._site.greeting()
        began = len(self._site.history())
        process = self._run(words)
        assert wait_until(lambda: helm_of(process.pid) is not None, 60)
        time.sleep(1.0)
        process.send_signal(number)
        assert process.wait(_LONGEST) == code
        assert self._site.recover() == []
        assert self._site.greeting() == before
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
        newest, now = site.newest(), site.greeting()
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
            assert wait_until(site.serves, 60, pause=0.2), "not all replicas serve"
        assert site.has_evidence(), "data was lost"
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
    parser.add_argument("--kills", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    Lab.clean(BUILD / "lab")
    shutil.rmtree(BUILD, ignore_errors=True)
    with Lab(BUILD / "lab", say=lambda line: print(line, flush=True)) as lab:
        site = Site(lab, BUILD)
        site.bring_up()
        chance = Chance(site, options.seed)
        chance.begin()
        kill(chance, options.kills)
    print(f"recovered by champ recover: {dict(chance.outcomes)}")
    print("0 stuck releases, 0 lost live releases, 0 volumes without their data")
    return 0


if __name__ == "__main__":
    sys.exit(main())
