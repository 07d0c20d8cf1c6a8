"""Which targets there are, and the module each is in: a process imports only what it reads with."""

from __future__ import annotations

from importlib import import_module

from tests.fuzz.target import Target

MODULES = {
    "document": "bundles",
    "volume": "bundles",
    "tuf": "trust",
    "manifest": "oci",
    "charts": "charts",
    "app": "catalog",
    "parity": "parity",
    "objects": "objects",
    "volume_index": "bundles",
    "chart_files": "charts",
    "form": "catalog",
    "documents_par": "parity",
    "roots": "trust",
    "patterns": "catalog",
    "strict_json": "oci",
    "reference": "oci",
    "sbom": "content",
    "yaml": "catalog",
    "repair_list": "bundles",
    "public_keys": "trust",
    "key_files": "trust",
    "plan": "plans",
    "request": "requests",
    "credentials": "requests",
    "node_files": "nodes",
    "answers": "answers",
    "commands": "commands",
    "installer": "installer",
}
"""Target -> module, those that matter most first."""


def target(name: str) -> Target:
    module = import_module(f"tests.fuzz.{MODULES[name]}")
    found: dict[str, Target] = {one.name: one for one in module.TARGETS}
    return found[name]
