"""Policies as a person types them."""

from __future__ import annotations

from champ_offline.policy.document import Policy

WHOLE = """\
format: 1
bundles: ["orthanc-*", viewer]
holders: [release engineering]
hours:
  zone: "+08:00"
  open:
    - {days: [sat, sun], from: "22:00", to: "05:00"}
    - {from: "02:00", to: "03:00"}
  outside: end
minutes: 90
failed: go-on
rules:
  - apps: [orthanc]
    releases: ["pacs*"]
    namespaces: ["pacs*"]
    clusters: ["8f0f-*", second]
    steps: [patch, minor, {from: "1.12.*", to: "2.0.1"}, {from: "2.0.*", to: "1.12.7", down: true}]
    install: true
    allow:
      replaced: ["Job/pacs-*"]
      deleted: ["ConfigMap/*"]
      volumes: [PersistentVolumeClaim/scratch]
      downtime: [StatefulSet/pacs-db]
    warnings: [policy.troubled-before]
  - apps: ["*"]
    steps: [patch]
"""
LEAST = "format: 1\nbundles: [demo]\nhours: always\n"


def policy(text: str = WHOLE) -> Policy:
    return Policy.from_bytes(text.encode(), "policy.yaml")
