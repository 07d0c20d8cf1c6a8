"""One zone with its registry and its node, up from recipes: where releases are changed and watched.

Invariant: champ and the stock tools see the same cluster by the same kubeconfig, from the zone's
host.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from tests.e2e.commands import Champ, run
from tests.e2e.ground import LabGround
from tests.lab.lab import Lab
from tests.lab.node import Node


class OneZone:
    """Everything of it is under `build`."""

    def __init__(self, lab: Lab, name: str, build: Path) -> None:
        self.binaries, self.build, self.name = lab.binaries(), build, name
        self.zone = lab.zone(name)
        self.ground = LabGround(self.zone)
        self.folder = build / "zone"
        self.champ = Champ(self.ground.enter, self.folder)

    @property
    def node(self) -> Node:
        assert self.zone.node is not None
        return self.zone.node

    @property
    def cluster(self) -> list[str | Path]:
        """The option that leads to it, for champ, helm and kubectl alike."""
        return ["--kubeconfig", self.ground.kubeconfig]

    def bring_up(self, recipes: Sequence[Path]) -> None:
        """Keys, bundles, zone, registry, cluster."""
        build, workshop = self.build, Champ()
        trust = build / "trust"
        workshop("trust", "init", trust, "--holder", "release engineering", "--unencrypted")
        self.champ("zone", "init", "--name", self.name, "--root", trust / "root.json")
        for number, recipe in enumerate(recipes):
            lock, media = build / f"{number}.lock", build / f"media-{number}"
            workshop("lock", recipe, "--out", lock)
            workshop("pack", recipe, "--lock", lock, "--signing", trust, "--out", media)
            self.champ("import", media)
        self.ground.start_registry(self.folder, build / "registry.log")
        self.ground.start_cluster(self.folder / "pki/ca.crt")

    def plan(
        self,
        app: str,
        version: str,
        release: str,
        answers: Mapping[str, Any],
        *more: str,
        expect: int = 0,
    ) -> Path:
        """A plan of the version with these answers."""
        given, plan = self.build / f"{release}.yaml", self.build / f"{release}.plan"
        plan.unlink(missing_ok=True)
        given.write_text(yaml.safe_dump(dict(answers)))
        self.champ(
            "plan", app, "--version", version, "--release", release,
            "--answers", given, "--out", plan, *more, *self.cluster, expect=expect,
        )  # fmt: skip
        return plan

    def apply(self, plan: Path, release: str, expect: int = 0) -> str:
        """Apply it; what champ said of it."""
        done = self.champ("apply", plan, "--confirm", release, *self.cluster, expect=expect)
        return done.stdout + done.stderr

    def helm(self, *words: str | Path) -> str:
        """What stock helm prints."""
        return run([self.binaries / "helm", *words, *self.cluster], enter=self.ground.enter).stdout

    def helm_json(self, *words: str) -> Any:
        """What stock helm says as JSON."""
        return json.loads(self.helm(*words, "--output", "json"))

    def kubectl(self, *words: str | Path) -> str:
        """What kubectl prints."""
        command = [self.binaries / "kube", "kubectl", *self.cluster, *words]
        return run(command, enter=self.ground.enter).stdout
