"""A web app of two replicas that is meant never to be away, in two versions, and its recipe.

Invariant: each version has an image of its own digest and says which one answers.
"""

from __future__ import annotations

import json
from pathlib import Path

import yaml

from tests.e2e.commands import PROJECT

APP = "twin"
OLD, NEW = "1.0", "2.0"
VERSIONS = (OLD, NEW)
PORT, NODE_PORT = 8080, 31880

_DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: {{ .Release.Name }}}
spec:
  replicas: {{ .Values.replicas }}
  minReadySeconds: 1
  strategy: {type: RollingUpdate, rollingUpdate: {maxSurge: 1, maxUnavailable: 0}}
  selector: {matchLabels: {app: {{ .Release.Name }}}}
  template:
    metadata: {labels: {app: {{ .Release.Name }}}}
    spec:
      terminationGracePeriodSeconds: 20
      securityContext:
        runAsNonRoot: true
        runAsUser: 10001
        seccompProfile: {type: RuntimeDefault}
      containers:
      - name: web
        image: {{ .Values.image }}
        command: [/bin/sh, -c]
        {{- if .Values.crash }}
        args: ["echo nothing to serve; exit 3"]
        {{- else }}
        args: ["echo -n $SAYS > /www/index.html; exec busybox httpd -f -p PORT -h /www"]
        {{- end }}
        env: [{name: SAYS, value: {{ printf "%s %s" .Values.version .Values.greeting | quote }}}]
        # Until Services have let go of it, it goes on answering.
        lifecycle: {preStop: {sleep: {seconds: 5}}}
        readinessProbe: {httpGet: {path: /, port: PORT}, periodSeconds: 1}
        securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
        volumeMounts: [{name: www, mountPath: /www}]
      volumes: [{name: www, emptyDir: {}}]
"""
_REST = """\
apiVersion: v1
kind: Service
metadata: {name: {{ .Release.Name }}}
spec:
  {{- if .Values.nodePort }}
  type: NodePort
  {{- end }}
  selector: {app: {{ .Release.Name }}}
  ports:
  - port: PORT
    {{- if .Values.nodePort }}
    nodePort: {{ .Values.nodePort }}
    {{- end }}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: {{ .Release.Name }}}
spec:
  minAvailable: 1
  selector: {matchLabels: {app: {{ .Release.Name }}}}
"""
_VALUES = """\
image: {{ components.web | json }}
version: {{ components.web.rpartition(":")[2] | json }}
greeting: {{ answers.greeting | json }}
replicas: {{ answers.replicas | json }}
nodePort: {{ answers.nodePort | json }}
crash: {{ answers.crash | json }}
"""
_FORM = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "greeting": {"type": "string", "default": "hello"},
        "replicas": {"type": "integer", "minimum": 1, "maximum": 4, "default": 2},
        "nodePort": {"type": "integer", "default": 0},
        "crash": {"type": "boolean", "default": False},
    },
}


def twin_recipe(build: Path) -> Path:
    """Write the app, its images' descriptions and a recipe over them under `build`; the recipe."""
    folder = build / APP
    _write_app(folder)
    images = []
    for version in VERSIONS:
        base = PROJECT / "appstore_catalog/layers/bookworm/base.yaml"
        config = {
            "user": "10001:10001",
            "entrypoint": ["/bin/sh"],
            "labels": {"org.opencontainers.image.version": version},
        }
        description = {
            "format": 1, "suite": "bookworm", "layers": [str(base)], "config": config,
        }  # fmt: skip
        name = f"image-{version}.yaml"
        (folder / name).write_text(yaml.safe_dump(description))
        images.append({"name": _image(version), "debian": {"description": name}})
    recipe = folder / "bundle.yaml"
    apps = [{"path": "app", "version": version} for version in VERSIONS]
    document = {"format": 1, "name": APP, "version": "1", "apps": apps, "images": images}
    recipe.write_text(yaml.safe_dump(document))
    return recipe


def _image(version: str) -> str:
    return f"champ.local/twin:{version}"


def _write_app(folder: Path) -> None:
    templates = folder / "app/chart/templates"
    templates.mkdir(parents=True)
    about = {
        "format": 1,
        "name": APP,
        "title": {"en": "Twin", "zh": "孪生"},
        "summary": {"en": "Serves a page twice.", "zh": "以两个副本提供一个网页。"},
        "category": "imaging",
        "chart": "chart",
        "form": "form.schema.json",
        "hints": "form.json",
        "values": "values.yaml.j2",
        "readme": {"en": "README.md", "zh": "README.zh.md"},
        "versions": {version: {"web": _image(version)} for version in VERSIONS},
    }
    files = {
        "app.yaml": yaml.safe_dump(about, allow_unicode=True),
        "values.yaml.j2": _VALUES,
        "form.schema.json": json.dumps(_FORM),
        "form.json": json.dumps({"greeting": {"ui:title": {"en": "Greeting", "zh": "问候语"}}}),
        "README.md": "# Twin\n",
        "README.zh.md": "# 孪生\n",
        "chart/Chart.yaml": "apiVersion: v2\nname: twin\nversion: 1.0.0\nappVersion: '1'\n",
        "chart/values.yaml": "greeting: hello\nreplicas: 2\nnodePort: 0\ncrash: false\n",
        "chart/templates/work.yaml": _DEPLOYMENT.replace("PORT", str(PORT)),
        "chart/templates/rest.yaml": _REST.replace("PORT", str(PORT)),
    }
    for name, text in files.items():
        (folder / "app" / name).write_text(text, encoding="utf-8")
