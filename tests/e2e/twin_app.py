"""A web app of two replicas that is meant never to be away, in two versions.

Invariant: each version says which one answers.
"""

from __future__ import annotations

from pathlib import Path

from tests.e2e.web_app import PORT, WebApp

APP = "twin"
OLD, NEW = "1.0", "2.0"
NODE_PORT = 31880

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
_ANSWERS = {
    "greeting": {"type": "string", "default": "hello"},
    "replicas": {"type": "integer", "minimum": 1, "maximum": 4, "default": 2},
    "nodePort": {"type": "integer", "default": 0},
    "crash": {"type": "boolean", "default": False},
}


def twin_recipe(build: Path) -> Path:
    """Write the app and a recipe that packs it under `build`; gives the recipe."""
    app = WebApp(
        name=APP,
        versions=(OLD, NEW),
        entrypoint=["/bin/sh"],
        title={"en": "Twin", "zh": "孪生"},
        summary={"en": "Serves a page twice.", "zh": "以两个副本提供一个网页。"},
        answers=_ANSWERS,
        titles={"greeting": {"en": "Greeting", "zh": "问候语"}},
        values=_VALUES,
        templates={
            "work.yaml": _DEPLOYMENT.replace("PORT", str(PORT)),
            "rest.yaml": _REST.replace("PORT", str(PORT)),
        },
    )
    return app.write(build)
