"""`make rehearse BUNDLE=... ROOT=...`: try a finished bundle before it is carried to a site.

Every app of the bundle is installed from the medium alone, on a Kubernetes of which the network is
sealed, and removed again. Invariant: the node gets the bundle's images from the zone's registry and
its own two from another one beside it, so that an image that was not packed is found nowhere.
"""

from __future__ import annotations

import shutil
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from champ_offline.bundle.media import bundle_folders
from tests.e2e.commands import PROJECT, Champ, Failed
from tests.e2e.ground import HOSTS, REGISTRY_PORT, LabGround
from tests.lab import platform_registry
from tests.lab.docker_registry import DockerRegistry
from tests.lab.lab import Lab
from tests.lab.node_texts import COREDNS, PAUSE
from tests.lab.processes import wait_until

BUILD = PROJECT / "build" / "rehearsal"
ANY_ZONE = "rehearsal"
RELEASE = "rehearsed"
# What a registry that both serve looks like: the zone's first, then the node's own.
_SECOND = """
[host."{registry}"]
  capabilities = ["pull", "resolve"]
  ca = "platform.crt"
"""


@dataclass(frozen=True)
class Outcome:
    """How it went with one app; `trouble` is empty where all went well."""

    app: str
    version: str
    answers: str
    seconds: float
    trouble: str = ""


def rehearse(media: Path, root: Path, *, app: str = "", answers: str = "") -> int:
    """Install, look at and remove the apps on `media`; 0 when each became healthy.

    `app` limits it to one, `answers` names documented answers or a file; the defaults otherwise.
    """
    Lab.clean(BUILD / "lab")
    shutil.rmtree(BUILD, ignore_errors=True)
    try:
        with Lab(BUILD / "lab", say=lambda line: print(line, flush=True)) as lab:
            outcomes = _Rehearsal(lab, media, root).run(app, answers)
    except Failed as error:
        print(f"The rehearsal stopped: {error}", file=sys.stderr)
        return 1
    return _told(outcomes)


class _Rehearsal:
    def __init__(self, lab: Lab, media: Path, root: Path) -> None:
        self._lab, self._root = lab, root
        found = [(Champ().json("verify", f, "--root", root), f) for f in bundle_folders(media)]
        if not found:
            raise Failed(f"there is no bundle at {media}")
        # In the order of packing: a zone takes no bundle that is older than what it holds.
        found.sort(key=lambda pair: str(pair[0]["created"]))
        self._said = [said for said, _ in found]
        self._bundles = [folder for _, folder in found]
        self._zone = lab.zone(self._zone_name())
        self._ground = LabGround(self._zone)
        self._folder = BUILD / "lab" / "appliance"
        self._champ = Champ(self._ground.enter, self._folder)

    def run(self, app: str, answers: str) -> list[Outcome]:
        """Bring the zone up, then take the apps one after the other."""
        self._bring_up()
        rows = [row for row in self._champ.json("catalog") if app in {"", row["name"]}]
        if not rows:
            raise Failed(f"the bundle has no app {app}")
        outcomes: list[Outcome] = []
        for row in rows:
            if outcomes:
                self._make_room()
            outcomes.append(self._app(row["name"], row["version"], answers))
        return outcomes

    def _bring_up(self) -> None:
        print(f"Zone {self._zone.name}: commission, import, serve, start its node ...", flush=True)
        self._champ("zone", "init", "--name", self._zone.name, "--root", self._root)
        for folder in self._bundles:
            self._champ("import", folder)
        self._ground.start_registry(self._folder, BUILD / "lab" / "registry.log")
        platform = platform_registry.serve(self._lab.records, self._zone, self._lab.binaries())
        node = self._zone.start_node(platform.url, platform.ca)
        self._lead_to_the_zone(platform)
        node.wait_system()

    def _lead_to_the_zone(self, platform: DockerRegistry) -> None:
        """Every registry that a packed image comes from is the zone's now."""
        own = {name.partition("/")[0] for name in (COREDNS, PAUSE)}
        certs = self._ground.kubeconfig.parent / "etc/certs.d"
        for host in sorted({name.partition("/")[0] for name in self._images()}):
            folder = certs / host
            folder.mkdir()
            authority = (self._folder / "pki/ca.crt").read_text()
            (folder / "ca.crt").write_text(authority)
            text = HOSTS.format(registry=f"https://{self._ground.registry_address}:{REGISTRY_PORT}")
            if host in own:
                (folder / "platform.crt").write_bytes(platform.ca.read_bytes())
                text += _SECOND.format(registry=platform.url)
            (folder / "hosts.toml").write_text(text)

    def _app(self, app: str, version: str, answers: str) -> Outcome:
        print(f"{app} {version} ({answers or 'defaults'}): install and remove ...", flush=True)
        began = time.monotonic()
        trouble = ""
        try:
            self._install(app, version, answers)
            self._remove()
        except Failed as error:
            trouble = str(error)
            self._champ("remove", RELEASE, "--confirm", RELEASE, *self._cluster(), expect=None)
        return Outcome(app, version, answers or "defaults", time.monotonic() - began, trouble)

    def _install(self, app: str, version: str, answers: str) -> None:
        plan = BUILD / "lab" / "app.plan"
        plan.unlink(missing_ok=True)
        chosen = self._answers(app, version, answers)
        self._champ(
            "plan", app, "--version", version, "--release", RELEASE, *chosen,
            "--out", plan, *self._cluster(),
        )  # fmt: skip
        self._champ("apply", plan, "--confirm", RELEASE, *self._cluster())
        (row,) = self._champ.json("status", RELEASE, *self._cluster())
        if (row["version"], row["health"]) != (version, "healthy"):
            raise Failed(f"it is not healthy: {row}")

    def _answers(self, app: str, version: str, answers: str) -> list[str | Path]:
        if not answers:
            return []
        if Path(answers).is_file():
            return ["--answers", Path(answers).absolute()]
        file = BUILD / "lab" / "answers.yaml"
        shown = self._champ("form", app, "--version", version, "--example", answers)
        file.write_text(shown.stdout)
        return ["--answers", file]

    def _remove(self) -> None:
        self._champ("remove", RELEASE, "--confirm", RELEASE, *self._cluster())
        if left := self._champ.json("status", *self._cluster()):
            raise Failed(f"it is still there after its removal: {left}")

    def _make_room(self) -> None:
        """Volumes outlive a release on purpose; here the next app needs them."""
        node = self._zone.node
        if node is None:
            return
        # A namespace deleted while pods are ending is looked at again only when their time is over.
        pods = f"/api/v1/namespaces/{RELEASE}/pods"
        if not wait_until(lambda: not node.api.get(pods)["items"], 180, pause=0.5):
            raise Failed(f"pods of {RELEASE} do not end")
        node.api.delete(f"/api/v1/namespaces/{RELEASE}", seconds=60)
        node.reclaim()

    def _cluster(self) -> list[str | Path]:
        return ["--kubeconfig", self._ground.kubeconfig]

    def _zone_name(self) -> str:
        """A zone that the bundle is meant for."""
        meant = {name for bundle in self._said for name in bundle["zones"]}
        return min(meant, default=ANY_ZONE)

    def _images(self) -> list[str]:
        return [name for bundle in self._said for name in bundle["images"]]


def _told(outcomes: list[Outcome]) -> int:
    print()
    for one in outcomes:
        state = f"FAILED: {one.trouble}" if one.trouble else "healthy, and removed without trace"
        print(f"{one.app} {one.version} ({one.answers})  {one.seconds:.1f} s  {state}")
    return 1 if any(one.trouble for one in outcomes) else 0
