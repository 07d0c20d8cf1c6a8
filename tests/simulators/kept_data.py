"""An app that keeps data in two volumes, and what may never be seen of them.

Invariant: whatever is done, the app never runs while a volume is half restored, nor an old app on
data that a newer one changed; each time it would is written down in `violations`.
"""

from __future__ import annotations

import pickle
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

from champ_offline.catalog.data_parts import Command, DataPart, Workload
from champ_offline.cluster.commands import Event, Out
from tests.simulators.charts import NOWHERE, PAUSE
from tests.simulators.cluster import SimulatedCluster
from tests.simulators.programs import Process

HALF = b"half"
VOLUMES = ("index", "files")
_POD = """\
  selector: {{matchLabels: {{app: {name}}}}}
  template:
    metadata: {{labels: {{app: {name}}}}}
    spec:
      containers:
      - name: {name}
        image: {image}
        env: [{{name: FORMAT, value: "{{{{ .Values.greeting }}}}"}}]
"""


def _workload(name: str, replicas: str, image: str) -> str:
    head = f"""\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{{{ .Release.Name }}}}-{name}
  labels: {{app.kubernetes.io/component: {name}}}
spec:
  replicas: {replicas}
"""
    return head + _POD.format(name=name, image=image)


FILES = {
    "Chart.yaml": 'apiVersion: v2\nname: keeping\nversion: 0.1.0\nappVersion: "1.0"\n',
    "values.yaml": f"greeting: old\nside: {PAUSE}\n",
    "templates/a-database.yaml": _workload("database", "1", PAUSE),
    "templates/b-app.yaml": _workload("app", "1", PAUSE),
    "templates/c-files.yaml": _workload("files", "0", PAUSE),
    "templates/d-side.yaml": _workload("side", "1", "{{ .Values.side }}"),
}
APP = Workload("Deployment", name="{{release}}-app")
DATABASE = Workload("Deployment", component="database")
HELPER = Workload("Deployment", name="{{release}}-files")
DECLARED = (
    DataPart(
        "index",
        Command(DATABASE, "database", ("dump", "index")),
        Command(DATABASE, "database", ("load", "index"), (APP,)),
    ),
    DataPart(
        "files",
        Command(APP, "app", ("dump", "files")),
        Command(HELPER, "files", ("load", "files"), (APP,)),
    ),
)


class KeptData:
    """The volumes of that app on a simulated cluster, in the file `kept` where one is given."""

    def __init__(self, cluster: SimulatedCluster, release: str, kept: Path | None = None) -> None:
        self._cluster, self._release, self._kept = cluster, release, kept
        self.volumes = {name: b"old:" + name.encode() for name in VOLUMES}
        self.violations: list[str] = []
        self.fails: set[str] = set()
        if kept is not None and kept.exists():
            self.volumes, self.violations = pickle.loads(kept.read_bytes())  # noqa: S301
        programs = cluster.computer.programs
        programs["dump"], programs["load"] = self._dump, self._load
        self._around = cluster.effect
        cluster.effect = self._effect

    def _dump(self, process: Process) -> Generator[Event, None, int]:
        name = process.command[1]
        yield Out(self.volumes[name][:3])
        if f"dump {name}" in self.fails:
            return 1
        yield Out(self.volumes[name][3:])
        return 0

    def _load(self, process: Process) -> Generator[Event, None, int]:
        name = process.command[1]
        self._write(name, HALF)
        content = b"".join(process.stdin)
        yield Out(b"")
        if f"load {name}" in self.fails:
            return 1
        self._write(name, content)
        return 0

    def _write(self, name: str, content: bytes) -> None:
        with self._around(f"write {name}"):
            self.volumes[name] = content
            self._save()

    @contextmanager
    def _effect(self, name: str) -> Iterator[None]:
        with self._around(name):
            yield
            self._look()
            self._save()

    def _look(self) -> None:
        """What the app does and sees when it runs now."""
        place = {key[2] for key in self._cluster._store if key[1] == "Deployment"}
        for namespace in place:
            key = ("apps/v1", "Deployment", namespace, f"{self._release}-app")
            app = self._cluster._store.get(key)
            if app is None or not app["spec"]["replicas"]:
                continue
            [container] = app["spec"]["template"]["spec"]["containers"]
            if not container["image"].startswith(NOWHERE):
                self._serve(container["env"][0]["value"])

    def _serve(self, form: str) -> None:
        for name, content in self.volumes.items():
            if content == HALF:
                self.violations.append(f"it runs on half of {name}")
            elif form == "old" and content.startswith(b"new:"):
                self.violations.append(f"the old app runs on the newer {name}")
            elif form == "new" and content.startswith(b"old:"):
                self.volumes[name] = b"new:" + content.removeprefix(b"old:")

    def _save(self) -> None:
        if self._kept is not None:
            fresh = self._kept.with_name("fresh-data")
            fresh.write_bytes(pickle.dumps((self.volumes, self.violations)))
            fresh.rename(self._kept)
