"""The apps of a large site: some of every shape, their charts, and a stick that carries them.

Invariant: what `champ` is given in a bundle and what the stock `helm` is given as chart and values
are the same templates, the same pods and the same settings.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import yaml

from champ_offline.bundle.charts import chart_artifact
from champ_offline.bundle.divide import Limits
from champ_offline.bundle.document import Content
from champ_offline.bundle.layout import Contents
from champ_offline.bundle.pack import Packer
from champ_offline.catalog.artifact import write_app
from champ_offline.catalog.entry import AppSource
from champ_offline.events import ignore
from champ_offline.oci import media_types
from champ_offline.oci.descriptor import Descriptor
from champ_offline.oci.manifest import image_manifest
from champ_offline.store.blobs import BlobStore
from tests.simulators.charts import PAUSE, chart
from tests.unit.trust.signing import Holder, first_root, signers_of

ZONE, VERSION, PASSWORD = "core", "1.0", "a-password-of-the-site"
# 13 + 12 + 1 pods a release: forty of them are a thousand and forty.
WEB, WORK, STATE = 13, 12, 1
PODS = WEB + WORK + STATE
NAMES = ("archive", "viewer", "worklist", "reports")

_POD = """\
  template:
    metadata: {labels: {app: {{ .Release.Name }}, part: PART}}
    spec:
      serviceAccountName: {{ .Release.Name }}
      securityContext:
        runAsNonRoot: true
        runAsUser: 65535
        seccompProfile: {type: RuntimeDefault}
      containers:
      - name: PART
        image: {{ .Values.image }}
        envFrom:
        - configMapRef: {name: {{ .Release.Name }}-PART}
        - secretRef: {name: {{ .Release.Name }}}
        ports: [{name: http, containerPort: 8080}]
        resources:
          requests: {cpu: 100m, memory: 128Mi}
          limits: {memory: 256Mi}
        securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
"""
_PART = """\
apiVersion: apps/v1
kind: KIND
metadata:
  name: {{ .Release.Name }}-PART
  labels: {app.kubernetes.io/instance: {{ .Release.Name }}, part: PART}
spec:
  replicas: {{ .Values.PART }}
  selector: {matchLabels: {app: {{ .Release.Name }}, part: PART}}
"""
_BESIDE = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: {{ .Release.Name }}-PART}
data:
  TITLE: {{ .Values.title | quote }}
  PART: PART
---
apiVersion: v1
kind: Service
metadata: {name: {{ .Release.Name }}-PART}
spec:
  selector: {app: {{ .Release.Name }}, part: PART}
  ports: [{name: http, port: 80, targetPort: http}]
"""
_OWN = """\
apiVersion: v1
kind: ServiceAccount
metadata: {name: {{ .Release.Name }}}
automountServiceAccountToken: false
---
apiVersion: v1
kind: Secret
metadata: {name: {{ .Release.Name }}}
stringData: {PASSWORD: {{ .Values.password | quote }}}
"""
_KINDS = {"web": "Deployment", "work": "Deployment", "state": "StatefulSet"}
_FORM = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "additionalProperties": False,
    "required": ["title", "password"],
    "properties": {
        "title": {"type": "string", "default": "a site"},
        "password": {"type": "string", "minLength": 12},
    },
}
_HINTS = {
    "title": {"ui:title": {"en": "Title", "zh": "标题"}},
    "password": {
        "ui:title": {"en": "Password", "zh": "密码"},
        "ui:widget": "password",
        "ui:options": {"generate": 24},
    },
}
_VALUES = """\
title: {{ answers.title | tojson }}
password: {{ answers.password | tojson }}
image: {{ components.work | tojson }}
"""
_COUNTS = f"web: {WEB}\nwork: {WORK}\nstate: {STATE}\n"


@dataclass(frozen=True)
class Placed:
    """One release of the site: an app, under a name, on one of its clusters."""

    cluster: str
    app: str
    name: str

    @property
    def title(self) -> str:
        """What its form was answered with."""
        return f"The {self.app} called {self.name}"

    @property
    def values(self) -> dict[str, str]:
        """What the stock tool is given."""
        return {"title": self.title, "password": PASSWORD, "image": PAUSE}


def placed(clusters: tuple[str, ...], releases: int) -> list[Placed]:
    """So many releases, in turn on each cluster and of each app."""
    return [
        Placed(clusters[n % len(clusters)], NAMES[n // len(clusters) % len(NAMES)], f"app-{n:02}")
        for n in range(releases)
    ]


def document(site: list[Placed]) -> str:
    """The site.yaml of these releases, each in a namespace of its own."""
    clusters: dict[str, dict[str, dict[str, object]]] = {}
    for one in site:
        apps = clusters.setdefault(one.cluster, {"apps": {}})["apps"]
        apps[one.name] = {"app": one.app, "answers": {"title": one.title}}
    defaults = {name: {"version": VERSION} for name in NAMES}
    zones = {ZONE: {"clusters": clusters}}
    return yaml.safe_dump({"format": 1, "defaults": defaults, "zones": zones}, sort_keys=False)


def archive(name: str) -> bytes:
    """An app's chart as a .tgz; all have the same three workloads and what belongs to them."""
    parts = {
        f"templates/{part}.yaml": (_PART.replace("KIND", kind) + _service_of(kind) + _POD).replace(
            "PART", part
        )
        + "---\n"
        + _BESIDE.replace("PART", part)
        for part, kind in _KINDS.items()
    }
    return chart(
        {
            "Chart.yaml": f"apiVersion: v2\nname: {name}\nversion: 1.0.0\nappVersion: '1'\n",
            "values.yaml": _COUNTS,
            "templates/own.yaml": _OWN,
            **parts,
        }
    )


def _service_of(kind: str) -> str:
    if kind != "StatefulSet":
        return ""
    return "  serviceName: {{ .Release.Name }}-PART\n  podManagementPolicy: Parallel\n"


def pack(folder: Path) -> tuple[Path, Path]:
    """The stick's folder with all apps in one signed bundle, and the file of the public root."""
    now, holder = datetime.now(UTC), Holder("bench")
    root = first_root([holder], now - timedelta(hours=1))
    blobs, stick, file = BlobStore(folder / "blobs"), folder / "stick", folder / "root.json"
    file.write_bytes(root)
    stick.mkdir()
    image = _image(blobs)
    named = [image.named(PAUSE)]
    for name in NAMES:
        made = chart_artifact(archive(name), blobs)
        app = write_app(_source(folder / name, name), VERSION, made, {PAUSE: image.digest}, blobs)
        named += [
            made.named(f"champ.local/charts/{name}:1.0.0"),
            app.named(f"champ.local/apps/{name}:{VERSION}"),
        ]
    apps = tuple(Content(name, VERSION, {"en": name}) for name in NAMES)
    what = Contents("site", "1", (ZONE,), tuple(named), apps, (PAUSE,))
    packer = Packer(blobs, (root,), signers_of(holder))
    packer.pack(what, stick, Limits(64 * 1024 * 1024), now, ignore)
    return stick, file


def _source(folder: Path, name: str) -> AppSource:
    folder.mkdir()
    about = {
        "format": 1, "name": name, "title": {"en": name, "zh": name},
        "summary": {"en": "An app.", "zh": "一个应用。"}, "category": "imaging", "chart": "chart",
        "form": "form.schema.json", "hints": "form.json", "values": "values.yaml.j2",
        "readme": {"en": "README.md", "zh": "README.zh.md"},
        "versions": {VERSION: {"work": PAUSE}},
    }  # fmt: skip
    files = {
        "app.yaml": yaml.safe_dump(about, allow_unicode=True),
        "values.yaml.j2": _VALUES,
        "form.schema.json": json.dumps(_FORM),
        "form.json": json.dumps(_HINTS),
        "README.md": f"# {name}\n",
        "README.zh.md": f"# {name}\n",
    }
    (folder / "chart").mkdir()
    for file, text in files.items():
        (folder / file).write_text(text, encoding="utf-8")
    return AppSource.from_file(folder / "app.yaml")


def _image(blobs: BlobStore) -> Descriptor:
    def put(data: bytes, media_type: str) -> Descriptor:
        return Descriptor(media_type, blobs.add(data), len(data))

    config = put(b'{"architecture":"amd64","os":"linux"}', media_types.IMAGE_CONFIG)
    layer = put(b"nothing runs" * 1000, media_types.LAYER_TAR)
    return put(image_manifest(config, [layer]), media_types.IMAGE_MANIFEST)
