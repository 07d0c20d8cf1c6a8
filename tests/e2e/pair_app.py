"""A small app of two replicas with a volume, in two versions, and the recipe that packs it.

Invariant: its only image is the node's own pause, and the recipe carries the cluster's images too:
one bundle brings up a zone's cluster and the app on it.
"""

from __future__ import annotations

import json
from pathlib import Path

import yaml

from tests.lab import platform_images
from tests.lab.node_texts import PAUSE

APP = "pair"
VERSIONS = ("1.0", "2.0")
REPLICAS = 2

_DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: {{ .Release.Name }}}
spec:
  replicas: REPLICAS
  minReadySeconds: 1
  strategy: {type: RollingUpdate, rollingUpdate: {maxSurge: 1, maxUnavailable: 0}}
  selector: {matchLabels: {app: {{ .Release.Name }}}}
  template:
    metadata:
      labels: {app: {{ .Release.Name }}}
      annotations: {greeting: {{ .Values.greeting | quote }}}
    spec:
      terminationGracePeriodSeconds: 1
      securityContext:
        runAsNonRoot: true
        runAsUser: 65535
        seccompProfile: {type: RuntimeDefault}
      containers:
      - name: work
        image: {{ .Values.image }}
        securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
        volumeMounts: [{name: data, mountPath: /data}]
      volumes: [{name: data, persistentVolumeClaim: {claimName: {{ .Release.Name }}-data}}]
"""
_REST = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: {{ .Release.Name }}}
data: {greeting: {{ .Values.greeting | quote }}}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: {{ .Release.Name }}-data
  annotations: {helm.sh/resource-policy: keep}
spec:
  accessModes: [ReadWriteOnce]
  resources: {requests: {storage: 1Mi}}
"""
_FORM = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "additionalProperties": False,
    "properties": {"greeting": {"type": "string", "default": "hello"}},
}
_ABOUT = {
    "format": 1,
    "name": APP,
    "title": {"en": "Pair", "zh": "双副本"},
    "summary": {"en": "Two replicas and a volume.", "zh": "两个副本和一个存储卷。"},
    "category": "imaging",
    "chart": "chart",
    "form": "form.schema.json",
    "hints": "form.json",
    "values": "values.yaml.j2",
    "readme": {"en": "README.md", "zh": "README.zh.md"},
    "versions": {version: {"work": PAUSE} for version in VERSIONS},
}
_VALUES = """\
image: {{ components.work | tojson }}
greeting: {{ answers.greeting | tojson }}
"""


def pair_recipe(binaries: Path, build: Path) -> Path:
    """Write the app, the images' archives and a recipe over them under `build`; the recipe."""
    folder = build / APP
    templates = folder / "app/chart/templates"
    templates.mkdir(parents=True)
    files = {
        "app.yaml": yaml.safe_dump(_ABOUT, allow_unicode=True),
        "values.yaml.j2": _VALUES,
        "form.schema.json": json.dumps(_FORM),
        "form.json": json.dumps({"greeting": {"ui:title": {"en": "Greeting", "zh": "问候语"}}}),
        "README.md": "# Pair\n",
        "README.zh.md": "# 双副本\n",
        "chart/Chart.yaml": "apiVersion: v2\nname: pair\nversion: 1.0.0\nappVersion: '1'\n",
        "chart/values.yaml": "greeting: hello\n",
        "chart/templates/work.yaml": _DEPLOYMENT.replace("REPLICAS", str(REPLICAS)),
        "chart/templates/rest.yaml": _REST,
    }
    for name, text in files.items():
        (folder / "app" / name).write_text(text, encoding="utf-8")
    images = [
        {"name": image.reference, "archive": {"path": image.archive.name}}
        for image in platform_images.make(binaries, folder)
    ]
    apps = [{"path": "app", "version": version} for version in VERSIONS]
    recipe = folder / "bundle.yaml"
    document = {"format": 1, "name": APP, "version": "1", "apps": apps, "images": images}
    recipe.write_text(yaml.safe_dump(document))
    return recipe
