"""A small web app of which every fault can be asked for, in a version for each."""

from __future__ import annotations

import json
from pathlib import Path

from tests.e2e.web_app import PORT, WebApp

APP = "web"
GOOD = "1.0"
VERSIONS = (GOOD, *(f"1.{number}" for number in range(1, 10)))
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


def faulty_recipe(build: Path) -> Path:
    """Write the app and a recipe that packs it under `build`; gives the recipe."""
    app = WebApp(
        name=APP,
        versions=VERSIONS,
        entrypoint=_SERVE,
        title={"en": "Web", "zh": "网页"},
        summary={"en": "Serves a page.", "zh": "提供一个网页。"},
        answers={"fault": {"type": "string", "enum": _FAULTS, "default": "none"}},
        titles={"fault": {"en": "Fault", "zh": "故障"}},
        values=_VALUES,
        templates={"work.yaml": _filled(_DEPLOYMENT), "rest.yaml": _filled(_REST)},
    )
    return app.write(build)


def _filled(text: str) -> str:
    for word, value in (("SAID", SAID), ("HOOK", HOOK_SAID), ("PORT", str(PORT))):
        text = text.replace(word, value)
    return text
