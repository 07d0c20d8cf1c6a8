"""Charts for tests, built in memory from a few files."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Mapping

PAUSE = "registry.k8s.io/pause:3.10"
# No registry has it: pods that want it never start.
NOWHERE = "registry.invalid/never:1"

METADATA = """\
apiVersion: v2
name: sample
version: 0.1.0
appVersion: "1.0"
annotations: {example.org/kept: "yes"}
"""
CONFIG = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}-config
data:
  greeting: {{ .Values.greeting }}
  template: '{{ "{{" }} .Values.untouched {{ "}}" }}'
  multi: |
    ---
      two
    # three
"""
SECRET = """\
apiVersion: v1
kind: Secret
metadata:
  name: {{ .Release.Name }}-secret
stringData:
  password: {{ .Values.password }}
"""
HOOK = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}-hook
  annotations:
    helm.sh/hook: pre-install,pre-upgrade
    helm.sh/hook-weight: "-5"
    helm.sh/hook-delete-policy: before-hook-creation
data: {when: before}
"""
DEFINITION = """\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: samples.champ.example}
spec:
  group: champ.example
  names: {kind: Sample, plural: samples, singular: sample, listKind: SampleList}
  scope: Namespaced
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
"""
WORKLOAD = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .Release.Name }}-work
spec:
  replicas: {{ .Values.replicas }}
  selector: {matchLabels: {app: {{ .Release.Name }}}}
  template:
    metadata: {labels: {app: {{ .Release.Name }}}}
    spec:
      terminationGracePeriodSeconds: 0
      securityContext:
        runAsNonRoot: true
        runAsUser: 65535
        seccompProfile: {type: RuntimeDefault}
      containers:
      - name: work
        image: {{ .Values.image }}  # held to a digest by the plan
        securityContext:
          allowPrivilegeEscalation: false
          capabilities: {drop: [ALL]}
"""
DEFAULTS = f"""\
greeting: hello
password: none-yet
replicas: 0
image: {PAUSE}
"""
SCHEMA = """\
{"type": "object", "properties": {"greeting": {"type": "string"}}}
"""
NOTES = "Thanks for {{ .Release.Name }}.\n"

SAMPLE: Mapping[str, str] = {
    "Chart.yaml": METADATA,
    "values.yaml": DEFAULTS,
    "values.schema.json": SCHEMA,
    "crds/definition.yaml": DEFINITION,
    "templates/NOTES.txt": NOTES,
    "templates/config.yaml": f"{CONFIG}---\n# about the secret\n{SECRET}",
    "templates/hook.yaml": HOOK,
    "templates/work.yaml": WORKLOAD,
}


def chart(files: Mapping[str, str] | None = None, **changed: str) -> bytes:
    """A chart archive of SAMPLE (or `files`); `templates_x="..."` sets templates/x.yaml."""
    every = dict(SAMPLE if files is None else files)
    for name, text in changed.items():
        every[f"{name.replace('_', '/', 1)}.yaml"] = text
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, text in every.items():
            member = tarfile.TarInfo(f"sample/{name}")
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    return gzip.compress(buffer.getvalue(), mtime=0)


def small() -> bytes:
    """SAMPLE without its definition, which belongs to the whole cluster."""
    return chart({name: text for name, text in SAMPLE.items() if not name.startswith("crds/")})
