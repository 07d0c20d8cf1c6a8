"""A site of two zones that never meet: one document, one stick carried from one to the other.

The tests build on each other, in order. Invariant: what crosses from zone to zone is on the stick.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.commands import Champ, Enter, environment, run
from tests.e2e.ground import REGISTRY_PORT, LabGround
from tests.e2e.pair_app import REPLICAS, pair_recipe
from tests.lab.lab import Lab
from tests.lab.stick import Stick
from tests.lab.zone import Zone

CORE, PUBLIC = "site-core", "site-public"
# Zones of a lab may share addresses; here a way from one to the other would be found.
ADDRESSES = {CORE: IPv4Network("10.77.0.0/24"), PUBLIC: IPv4Network("10.79.0.0/24")}
MIB = 1024 * 1024
DOCUMENT = f"""\
# The whole site; each zone does its own part.
format: 1
defaults:
  pair: {{version: "1.0", answers: {{greeting: hello}}}}
zones:
  {CORE}:
    clusters:
      main:
        apps:
          db: {{app: pair, namespace: imaging}}
          pacs: {{app: pair, namespace: imaging, needs: [db]}}  # reads from db
  {PUBLIC}:
    clusters:
      main:
        apps:
          store: {{app: pair, answers: {{greeting: welcome}}}}
          portal: {{app: pair, needs: [store]}}
"""
APPS = {CORE: ["db", "pacs"], PUBLIC: ["store", "portal"]}
CONNECT = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 3)"


class Gated:
    """One zone: its host, registry and node, and champ in it."""

    def __init__(self, zone: Zone, build: Path) -> None:
        self.zone, self.build = zone, build / zone.name
        self.name = zone.name
        self.build.mkdir()
        self.folder = self.build / "zone"
        self.ground = LabGround(zone)
        self.champ = Champ(self.ground.enter, self.folder)

    def bring_up(self) -> None:
        """Registry and cluster, from what was imported."""
        self.ground.start_registry(self.folder, self.build / "registry.log")
        self.ground.start_cluster(self.folder / "pki/ca.crt")
        self.champ("cluster", "add", "main", "--kubeconfig", self.ground.kubeconfig)

    def plan(self, document: Path) -> tuple[dict[str, Any], Path]:
        out = self.build / "site.plan.json"
        return self.champ.json("plan", "--site", document, "--out", out), out

    def apply(self, plan: Path) -> dict[str, str]:
        """How each member ended."""
        rows = self.champ.json("apply", plan, "--confirm", self.name)
        return {row["name"]: row["ending"] for row in rows}

    def kubectl(self, *words: str | Path) -> str:
        command = ["kubectl", "--kubeconfig", self.ground.kubeconfig, *words]
        return run(command, enter=self.ground.enter).stdout

    def greetings(self) -> dict[str, str]:
        """What the cluster has, by release."""
        found = json.loads(self.kubectl("get", "configmaps", "-A", "-o", "json"))["items"]
        return {
            one["metadata"]["name"]: one["data"]["greeting"]
            for one in found
            if "greeting" in one.get("data", {})
        }

    def meets(self, address: str) -> bool:
        """Whether something answers there at the registry's port, seen from this zone's host."""
        words = ["python3", "-c", CONNECT, address, str(REGISTRY_PORT)]
        return run(words, enter=self.ground.enter, expect=None).returncode == 0


@dataclass
class Site:
    """Both zones, and the stick on which bundle, root and document lie."""

    core: Gated
    public: Gated
    stick: Stick
    fingerprint: str

    def commission(self, zone: Gated, media: Path) -> None:
        zone.champ(
            "zone", "init", "--name", zone.name, "--root", media / "root.json",
            "--fingerprint", self.fingerprint,
        )  # fmt: skip


@pytest.fixture(scope="module")
def site(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    build, workshop = tmp_path_factory.mktemp("two-zones"), Champ()
    recipe, trust = pair_recipe(lab.binaries(), build), build / "trust"
    workshop("lock", recipe, "--out", build / "lock")
    made = workshop.json("trust", "init", trust, "--holder", "Anna", "--unencrypted")
    stick = lab.stick("site", 256, "exfat")
    media = stick.plug()
    workshop("pack", recipe, "--lock", build / "lock", "--signing", trust, "--out", media,
             "--volume-size", "6M")  # fmt: skip
    shutil.copyfile(trust / "root.json", media / "root.json")
    (media / "site.yaml").write_text(DOCUMENT)
    workshop("site", "check", media / "site.yaml")
    stick.unplug()
    zones = [Gated(lab.zone(name, addresses=ADDRESSES[name]), build) for name in ADDRESSES]
    yield Site(zones[0], zones[1], stick, made["fingerprint"])
    stick.unplug()
    for zone in zones:
        if zone.zone.node is not None:
            zone.zone.node.stop()


def test_the_first_zone_comes_up_and_does_its_part(site: Site) -> None:
    media = site.stick.plug()
    site.commission(site.core, media)
    site.core.champ("import", media)
    site.core.bring_up()
    site.core.champ("site", "check", media / "site.yaml")
    planned, plan = site.core.plan(media / "site.yaml")
    assert [[one["name"] for one in wave] for wave in planned["waves"]] == [
        ["main/db"],
        ["main/pacs"],
    ]
    site.stick.unplug()
    assert site.core.apply(plan) == {"main/db": "applied", "main/pacs": "applied"}


def test_a_stick_that_is_pulled_is_told_and_gone_on_from(site: Site) -> None:
    media = site.stick.plug()
    site.commission(site.public, media)
    words = site.public.champ.words("--progress", "ndjson", "import", media)
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True, env=environment()) as process:
        assert process.stderr is not None
        while waiting(site.public.folder) < 4 * MIB:
            assert process.poll() is None, "it ended before anything was taken"
            time.sleep(0.001)
        os.kill(process.pid, signal.SIGSTOP)
        site.stick.pull()
        os.kill(process.pid, signal.SIGCONT)
        told = json.loads(process.stderr.read().splitlines()[-1])
        assert process.wait(60) == 9
    assert told["id"] == "media.gone"
    assert "plug" in told["remedy"].lower()
    kept = waiting(site.public.folder)
    assert kept > 0
    site.stick.unplug()
    taken = site.public.champ.json("import", site.stick.plug())
    assert taken["changed"]


def waiting(zone: Path) -> int:
    """Bytes of what was taken and not yet counted in."""
    return sum(one.stat().st_size for one in zone.glob("incoming/**/*") if one.is_file())


def test_the_second_zone_does_its_own_part_from_the_same_stick(site: Site) -> None:
    media = site.stick.plug()
    site.public.bring_up()
    _planned, plan = site.public.plan(media / "site.yaml")
    site.stick.unplug()
    assert site.public.apply(plan) == {"main/store": "applied", "main/portal": "applied"}
    assert site.core.greetings() == {"db": "hello", "pacs": "hello"}
    assert site.public.greetings() == {"store": "welcome", "portal": "hello"}


def test_there_is_no_way_from_one_zone_to_the_other(site: Site) -> None:
    for here, there in ((site.core, site.public), (site.public, site.core)):
        assert here.meets(here.zone.host_address)  # the very attempt that fails elsewhere
        assert not here.meets(there.zone.host_address)
        assert not here.meets(there.zone.node_address)
        assert "default" not in run(["ip", "route"], enter=here.ground.enter).stdout


def test_one_changed_setting_is_applied_in_both(site: Site) -> None:
    media = site.stick.plug()
    document = media / "site.yaml"
    site.core.champ("site", "set", document, "greeting=salut", "--apps", "pair")
    assert document.read_text() == DOCUMENT.replace("hello", "salut").replace("welcome", "salut")
    for zone in (site.core, site.public):
        planned, plan = zone.plan(media / "site.yaml")
        assert {one["operation"] for wave in planned["waves"] for one in wave} == {"upgrade"}
        site.stick.unplug()
        assert set(zone.apply(plan).values()) == {"applied"}
        media = site.stick.plug()
    site.stick.unplug()
    for zone in (site.core, site.public):
        assert zone.greetings() == dict.fromkeys(APPS[zone.name], "salut")


def test_a_repeated_apply_changes_nothing_and_the_books_are_in_order(site: Site) -> None:
    document = site.stick.plug() / "site.yaml"
    for zone in (site.core, site.public):
        before = zone.kubectl("get", "deployments,configmaps", "-A", "-o", "json")
        assert set(zone.apply(zone.build / "site.plan.json").values()) == {"done before"}
        zone.champ("plan", "--site", document, "--exit-code")
        assert zone.kubectl("get", "deployments,configmaps", "-A", "-o", "json") == before
        ready = [one["status"].get("readyReplicas") for one in pairs(before)]
        assert ready == [REPLICAS, REPLICAS]
        for release in APPS[zone.name]:
            namespace = "imaging" if zone is site.core else release
            rows = zone.champ.json("history", release, "--namespace", namespace)
            assert [(row["operation"], row["outcome"]) for row in rows] == [
                ("install", "deployed"),
                ("upgrade", "deployed"),
            ]
        zone.champ("audit", "verify")
    site.stick.unplug()


def test_an_export_is_what_kubectl_reads(site: Site, lab: Lab) -> None:
    kubectl: list[str | Path] = [lab.binaries() / "kube", "kubectl"]
    kubectl += ["--kubeconfig", site.core.ground.kubeconfig]
    for tool, source in (("argocd", "https://git.zone/site.git"), ("flux", "flux-system")):
        out, plan = site.core.build / tool, site.core.build / "site.plan.json"
        site.core.champ("export", "--gitops", tool, plan, "--out", out, "--source", source)
        run(["sha256sum", "--check", "--quiet", out / "SHA256SUMS"], enter=inside(out))
        for folder in sorted(path.parent for path in out.rglob("kustomization.yaml")):
            run([*kubectl, "kustomize", folder], enter=site.core.ground.enter)
    for app in sorted((site.core.build / "argocd/clusters/main/apps").iterdir()):
        words = [*kubectl, "apply", "--dry-run=server", "--server-side", "--force-conflicts", "-k"]
        said = run([*words, app], enter=site.core.ground.enter).stdout
        assert said.count("serverside-applied") == 3


def inside(folder: Path) -> Enter:
    return lambda words: ["env", "-C", str(folder), *map(str, words)]


def pairs(listed: str) -> list[dict[str, Any]]:
    """The apps' deployments."""
    found = json.loads(listed)["items"]
    return [
        one for one in found
        if one["kind"] == "Deployment" and one["metadata"]["namespace"] != "kube-system"
    ]  # fmt: skip
