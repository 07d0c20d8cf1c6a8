"""Sticks are brought to a real cluster, and runs under policies do what these allow, once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.commands import Champ
from tests.e2e.faults import Faulty
from tests.e2e.faulty_app import APP, VERSIONS, faulty_recipe
from tests.lab.lab import Lab

ZONE = "core-business"
RULE = {"apps": [APP], "steps": ["minor"], "warnings": "go-on"}
OLD, MINOR, MAJOR = "1.0", "1.1", "2.0"


def recipes(build: Path) -> dict[str, Path]:
    """A recipe of the app for each stick."""
    whole = faulty_recipe(build)
    folder = whole.parent
    source = folder / "app" / "app.yaml"
    app = yaml.safe_load(source.read_text())
    app["versions"][MAJOR] = {"web": f"champ.local/web:{MAJOR}"}
    source.write_text(yaml.safe_dump(app, sort_keys=False))
    document = yaml.safe_load(whole.read_text())
    image = yaml.safe_load((folder / f"image-{VERSIONS[0]}.yaml").read_text())
    image["config"]["labels"]["org.opencontainers.image.version"] = MAJOR
    (folder / f"image-{MAJOR}.yaml").write_text(yaml.safe_dump(image))
    found = {}
    for version in (OLD, MINOR, MAJOR):
        own = {
            "name": f"champ.local/web:{version}",
            "debian": {"description": f"image-{version}.yaml"},
        }
        found[version] = folder / f"bundle-{version}.yaml"
        text = {
            **document, "version": version, "images": [own],
            "apps": [{"path": "app", "version": version}],
        }  # fmt: skip
        found[version].write_text(yaml.safe_dump(text, sort_keys=False))
    return found


class Sticks(Faulty):
    """The site, with sticks by the version they bring."""

    def run(self, version: str, **changed: object) -> dict[str, Any]:
        """`champ run` with the stick of that version; what it says, and its code."""
        policy = {"format": 1, "bundles": [APP], "hours": "always", "rules": [RULE], **changed}
        path = self.build / "policy.yaml"
        path.write_text(yaml.safe_dump(policy, sort_keys=False))
        words: list[str | Path] = ["-o", "json", "run", self.build / version, "--policy", path,
                 "--kubeconfig", self.ground.kubeconfig]  # fmt: skip
        done = self.champ(*words, expect=None)
        found: dict[str, Any] = json.loads(done.stdout)
        assert found["exit_code"] == done.returncode
        return found

    @property
    def runs(self) -> tuple[str, str, int]:
        """Version, health, and how many revisions there were."""
        row = self.status(APP)
        return row["version"], row["health"], row["number"]


@pytest.fixture(scope="module")
def site(lab: Lab, platform: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sticks]:
    """A sealed zone with a cluster that came up from its registry, and three sticks."""
    build = tmp_path_factory.mktemp("runs")
    site = Sticks(build, lab.zone("runs"), build / "zone")
    workshop = Champ()
    workshop("trust", "init", build / "trust", "--holder", "release engineering", "--unencrypted")
    for name, recipe in {"platform": platform, **recipes(build)}.items():
        lock = build / f"{name}.lock"
        workshop("lock", recipe, "--out", lock)
        workshop(
            "pack", recipe, "--lock", lock, "--signing", build / "trust", "--out", build / name
        )
    site.champ("zone", "init", "--name", ZONE, "--root", build / "trust/root.json")
    site.champ("import", build / "platform")
    site.start_registry()
    site.ground.start_cluster(site.folder / "pki/ca.crt")
    yield site
    site.node.stop()


def test_sticks_under_policies(site: Sticks) -> None:
    """Install, upgrade, again, outside of hours, a major step: one after the other on one site."""
    assert verdicts(site.run(OLD, rules=[{"apps": [APP], "install": True, "warnings": "go-on"}])) \
        == ["done", "done"]  # fmt: skip
    assert site.runs == (OLD, "healthy", 1)

    shut = (datetime.now(UTC) + timedelta(hours=2)).strftime("%H:00")
    later = (datetime.now(UTC) + timedelta(hours=3)).strftime("%H:00")
    night = {"zone": "+00:00", "open": [{"from": shut, "to": later}], "outside": "end"}
    refused = site.run(MINOR, hours=night)
    assert (verdicts(refused), refused["exit_code"]) == (["forbidden"], 7)
    assert site.runs == (OLD, "healthy", 1)

    told = site.run(MINOR)
    assert verdicts(told) == ["done", "done"], told
    assert site.runs == (MINOR, "healthy", 2)

    again = site.run(MINOR)
    assert (verdicts(again), again["exit_code"]) == (["as it is", "as it is"], 0)
    assert site.runs == (MINOR, "healthy", 2)

    major = site.run(MAJOR)
    assert (verdicts(major), major["exit_code"]) == (["done", "forbidden"], 7)
    assert [one["id"] for one in major["releases"][0]["reasons"]] == ["policy.step-not-allowed"]
    assert site.runs == (MINOR, "healthy", 2)


def verdicts(result: dict[str, Any]) -> list[str]:
    return [row["verdict"] for row in (*result["bundles"], *result["releases"])]
