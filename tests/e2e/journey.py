"""The product's main job, whole: from a recipe on the connected side to a PACS in a gated zone.

Each step is a method that either did what its title says or raised; `STEPS` is their order. The
demo prints them, the end-to-end test asserts on what they leave.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.e2e.commands import PROJECT, Champ, Failed
from tests.e2e.ground import Ground
from tests.e2e.study import MODALITY, STUDY, Modality, make_file
from tests.lab.stick import Stick

ZONE = "core-business"
RELEASE = "pacs"
OLDER, NEWER = "1.10.1", "1.12.7"
AE_TITLE, DICOM_PORT, HTTP_PORT = "PACS", 31242, 31842
# Small, so that the bundle has several volumes as on a real set of sticks.
VOLUME_SIZE = "60M"


@dataclass
class Journey:
    """One run in the folder `build`; `platform` is the recipe of the cluster's own images."""

    build: Path
    ground: Ground
    stick: Stick
    platform: Path | None
    found: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.workshop = Champ()
        self.zone_folder = self.build / "zone"
        self.zone = self.ground.champ(self.zone_folder)
        self.trust = self.build / "trust"
        self.passphrase = self.build / "passphrase"
        self.answers = self.build / "answers.yaml"
        modality = Modality(self.ground.enter, self.ground.node_address, DICOM_PORT, AE_TITLE)
        self.modality = modality

    @property
    def root(self) -> Path:
        """The public root as handed over by hand."""
        return self.build / "root.json"

    @property
    def recipes(self) -> list[Path]:
        """All recipes, the platform's first."""
        own = [PROJECT / "bundles" / name / "bundle.yaml" for name in RECIPES]
        return own if self.platform is None else [self.platform, *own]

    # Connected side

    def make_keys(self) -> None:
        self.passphrase.touch(mode=0o600)
        self.passphrase.write_text("between us and the stick\n")
        made = self.workshop.json(
            "trust", "init", self.trust, "--holder", "release engineering",
            "--passphrase-file", self.passphrase,
        )  # fmt: skip
        shutil.copy(self.trust / "root.json", self.root)
        self.found["fingerprint"] = made["fingerprint"]

    def lock(self) -> None:
        for recipe in self.recipes:
            self.workshop("lock", recipe, "--out", self._lock(recipe))

    def pack(self) -> None:
        shelf = self.stick.plug()
        for recipe in self.recipes:
            self.workshop(
                "pack", recipe, "--lock", self._lock(recipe), "--signing", self.trust,
                "--passphrase-file", self.passphrase, "--out", shelf, "--volume-size", VOLUME_SIZE,
            )  # fmt: skip
        shutil.copytree(self._on_stick(f"orthanc-{OLDER}"), self.build / "media")
        self.stick.unplug()

    # Inside the zone

    def commission(self) -> None:
        self.zone(
            "zone", "init", "--name", ZONE, "--root", self.root,
            "--fingerprint", self.found["fingerprint"],
        )  # fmt: skip

    def verify(self) -> None:
        self.stick.plug()
        for folder in self._first_bundles():
            self.zone("verify", folder, "--root", self.root)

    def take_older(self) -> None:
        for folder in self._first_bundles():
            if not self.zone.json("import", folder)["changed"]:
                raise Failed(f"importing {folder} changed nothing")

    def serve(self) -> None:
        self.ground.start_registry(self.zone_folder, self.build / "registry.log")

    def start_cluster(self) -> None:
        self.ground.start_cluster(self.zone_folder / "pki/ca.crt")
        shutil.copy(self.ground.kubeconfig, self.build / "kubeconfig")

    def browse(self) -> None:
        versions = [app["version"] for app in self.zone.json("catalog")]
        if OLDER not in versions:
            raise Failed(f"the catalog holds {versions}")
        self.zone("form", "orthanc", "--version", OLDER)

    def install(self) -> None:
        answers = {
            "aeTitle": AE_TITLE,
            "users": [{"name": "admin"}],
            "dicomNodePort": DICOM_PORT,
            "httpNodePort": HTTP_PORT,
            "modalities": [
                {"name": "ct-1", "aeTitle": MODALITY, "host": self.ground.registry_address}
            ],
            "imageStorage": "1Gi",
            "databaseStorage": "1Gi",
        }
        self.answers.write_text(yaml.safe_dump(answers, sort_keys=False))
        self._plan_and_apply(OLDER)
        self._expect_version(OLDER)

    def store_study(self) -> None:
        self.modality.echo()
        self.modality.store(make_file(self.build))
        self._expect_study()

    def upgrade(self) -> None:
        self.zone("import", self._on_stick(f"orthanc-{NEWER}"))
        self._plan_and_apply(NEWER)
        self._expect_version(NEWER)
        self._expect_study()

    def roll_back(self) -> None:
        self.zone("rollback", RELEASE, "--confirm", RELEASE, *self._cluster())
        self._expect_version(OLDER)
        self._expect_study()

    def remove(self) -> None:
        self.zone("remove", RELEASE, "--confirm", RELEASE, *self._cluster())
        left = self.zone.json("status", *self._cluster())
        if left:
            raise Failed(f"still there after the removal: {left}")
        self.stick.unplug()

    def _plan_and_apply(self, version: str) -> None:
        plan = self.build / f"plan-{version}.json"
        self.zone(
            "plan", "orthanc", "--version", version, "--release", RELEASE,
            "--answers", self.answers, "--out", plan, *self._cluster(),
        )  # fmt: skip
        self.zone("apply", plan, "--confirm", RELEASE, *self._cluster())

    def _expect_version(self, version: str) -> None:
        (row,) = self.zone.json("status", RELEASE, *self._cluster())
        if (row["version"], row["health"]) != (version, "healthy"):
            raise Failed(f"expected a healthy {version}, found {row}")

    def _expect_study(self) -> None:
        self.modality.echo()
        names = self.modality.find(STUDY)
        if names != ["TEST^STUDY"]:
            raise Failed(f"the study was not found again: {names}")

    def _cluster(self) -> list[str | Path]:
        return ["--kubeconfig", self.ground.kubeconfig]

    def _lock(self, recipe: Path) -> Path:
        return self.build / "locks" / f"{recipe.parent.name}.lock"

    def _on_stick(self, bundle: str) -> Path:
        return self.stick.plug() / "champ" / bundle

    def _first_bundles(self) -> list[Path]:
        older = self._on_stick(f"orthanc-{OLDER}")
        others = [p for p in sorted(older.parent.iterdir()) if not p.name.startswith("orthanc-")]
        return [*others, older]


# How many steps there are on the connected side.
PACKED = 3
RECIPES = ("orthanc-1.10", "orthanc-1.12")
STEPS: tuple[tuple[str, Callable[[Journey], None]], ...] = (
    ("connected side: make keys and the public root", Journey.make_keys),
    ("connected side: lock the recipes", Journey.lock),
    ("connected side: pack and sign onto the stick", Journey.pack),
    (f"zone {ZONE}: commission with the root's fingerprint", Journey.commission),
    (f"zone {ZONE}: verify every byte on the stick", Journey.verify),
    (f"zone {ZONE}: import", Journey.take_older),
    (f"zone {ZONE}: serve the registry", Journey.serve),
    (f"zone {ZONE}: the cluster comes up from the registry", Journey.start_cluster),
    (f"zone {ZONE}: browse the catalog and the form", Journey.browse),
    (f"zone {ZONE}: plan and install Orthanc {OLDER}", Journey.install),
    (f"zone {ZONE}: store a DICOM study and find it", Journey.store_study),
    (f"zone {ZONE}: import, plan and upgrade to {NEWER}; the study is there", Journey.upgrade),
    (f"zone {ZONE}: roll back; the study is there", Journey.roll_back),
    (f"zone {ZONE}: remove", Journey.remove),
)
