"""A small web app of which every fault can be asked for, in a version for each, and its recipe.

Invariant: each version has an image of its own digest, so that no node has it before it is pulled.
"""

from __future__ import annotations

import json
from pathlib import Path

import yaml

from tests.e2e.commands import PROJECT

APP = "web"
GOOD = "1.0"
VERSIONS = (GOOD, *(f"1.{number}" for number in range(1, 10)))
PORT = 8080
SAID = "FATAL: no database at db.zone:5432"
HOOK_SAID = "the former data has format 3, this version reads 5"

_SERVE = ["/usr/bin/busybox", "httpd", "-f", "-p", str(PORT), "-h", "/www"]
_VALUES = f"""\
image: {{{{ components.web | json }}}}
fault: {{{{ answers.fault | json }}}}
command: {json.dumps(_SERVE)}
"""
_DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: {{ .Release.Name }}}
spec:
  replicas: 1
  strategy: {type: RollingUpdate, rollingUpdate: {maxSurge: 1, maxUnavailable: 0}}
  selector: {matchLabels: {app: {{ .Release.Name }}}}
  template:
    metadata: {labels: {app: {{ .Release.Name }}}}
    spec:
      terminationGracePeriodSeconds: 5
      securityContext:
        runAsNonRoot: true
        runAsUser: 10001
        seccompProfile: {type: RuntimeDefault}
      containers:
      - name: web
        image: {{ .Values.image }}
        {{- if eq .Values.fault "crash" }}
        command: ["/bin/sh", "-c", "exec 2>&1; echo starting; echo 'SAID'; exit 3"]
        {{- else }}
        command: {{ .Values.command | toJson }}
        {{- end }}
        lifecycle: {preStop: {sleep: {seconds: 3}}}
        readinessProbe:
          httpGet: {path: /, port: PORT}
          periodSeconds: 1
          initialDelaySeconds: {{ if eq .Values.fault "slow" }}30{{ else }}0{{ end }}
        securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
        volumeMounts:
        - {name: www, mountPath: /www}
        {{- if eq .Values.fault "volume" }}
        - {name: data, mountPath: /data}
        {{- end }}
      volumes:
      - {name: www, configMap: {name: {{ .Release.Name }}}}
      {{- if eq .Values.fault "volume" }}
      - {name: data, persistentVolumeClaim: {claimName: {{ .Release.Name }}-data}}
      {{- end }}
"""
_REST = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: {{ .Release.Name }}}
data: {index.html: hello}
---
apiVersion: v1
kind: Service
metadata: {name: {{ .Release.Name }}}
spec:
  selector: {app: {{ .Release.Name }}}
  ports: [{port: PORT}]
{{- if eq .Values.fault "volume" }}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: {{ .Release.Name }}-data}
spec:
  storageClassName: fast
  accessModes: [ReadWriteOnce]
  resources: {requests: {storage: 1Gi}}
{{- end }}
{{- if eq .Values.fault "hook" }}
---
apiVersion: batch/v1
kind: Job
metadata:
  name: {{ .Release.Name }}-check
  annotations: {helm.sh/hook: pre-upgrade, helm.sh/hook-delete-policy: before-hook-creation}
spec:
  backoffLimit: 0
  template:
    spec:
      restartPolicy: Never
      securityContext:
        runAsNonRoot: true
        runAsUser: 10001
        seccompProfile: {type: RuntimeDefault}
      containers:
      - name: check
        image: {{ .Values.image }}
        command: ["/bin/sh", "-c", "echo 'HOOK'; exit 4"]
        securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
{{- end }}
"""
_FAULTS = ["none", "crash", "hook", "slow", "volume"]
_FORM = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "additionalProperties": False,
    "properties": {"fault": {"type": "string", "enum": _FAULTS, "default": "none"}},
}
_CHART = "apiVersion: v2\nname: web\nversion: 1.0.0\nappVersion: '1'\n"


def _image(version: str) -> str:
    return f"champ.local/web:{version}"


def faulty_recipe(build: Path) -> Path:
    """Write the app, its images' descriptions and a recipe over them under `build`; the recipe."""
    folder = build / APP
    _write_app(folder)
    images = []
    for version in VERSIONS:
        base = PROJECT / "appstore_catalog/layers/bookworm/base.yaml"
        description = {
            "format": 1,
            "suite": "bookworm",
            "layers": [str(base)],
            "config": {
                "user": "10001:10001",
                "entrypoint": _SERVE,
                "labels": {"org.opencontainers.image.version": version},
            },
        }
        name = f"image-{version}.yaml"
        (folder / name).write_text(yaml.safe_dump(description))
        images.append({"name": _image(version), "debian": {"description": name}})
    recipe = folder / "bundle.yaml"
    apps = [{"path": "app", "version": version} for version in VERSIONS]
    document = {"format": 1, "name": APP, "version": "1", "apps": apps, "images": images}
    recipe.write_text(yaml.safe_dump(document))
    return recipe


def _write_app(folder: Path) -> None:
    templates = folder / "app/chart/templates"
    templates.mkdir(parents=True)
    about = {
        "format": 1,
        "name": APP,
        "title": {"en": "Web", "zh": "网页"},
        "summary": {"en": "Serves a page.", "zh": "提供一个网页。"},
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
        "form.json": json.dumps({"fault": {"ui:title": {"en": "Fault", "zh": "故障"}}}),
        "README.md": "# Web\n",
        "README.zh.md": "# 网页\n",
        "chart/Chart.yaml": _CHART,
        "chart/values.yaml": "fault: none\n",
        "chart/templates/work.yaml": _filled(_DEPLOYMENT),
        "chart/templates/rest.yaml": _filled(_REST),
    }
    for name, text in files.items():
        (folder / "app" / name).write_text(text, encoding="utf-8")


def _filled(text: str) -> str:
    for word, value in (("SAID", SAID), ("HOOK", HOOK_SAID), ("PORT", str(PORT))):
        text = text.replace(word, value)
    return text
