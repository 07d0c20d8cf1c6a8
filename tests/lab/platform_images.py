"""Image archives of what every node runs (pause, CoreDNS), made from the lab's own binaries.

Invariant: the same binary gives the same bytes: one plain tar layer, no times, no owners but root.
The one is an OCI layout, the other what `docker save` writes, so that both kinds are in use.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.lab.node_texts import COREDNS, PAUSE

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


@dataclass(frozen=True)
class PlatformImage:
    """An archive and the reference its image goes by."""

    reference: str
    archive: Path


def make(binaries: Path, folder: Path) -> list[PlatformImage]:
    """Write `pause.oci.tar` (OCI layout) and `coredns.docker.tar` (docker save) into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    pause, coredns = folder / "pause.oci.tar", folder / "coredns.docker.tar"
    _write(pause, _oci_layout(PAUSE, "pause", (binaries / "pause").read_bytes()))
    _write(coredns, _docker_save(COREDNS, "coredns", (binaries / "coredns").read_bytes()))
    return [PlatformImage(PAUSE, pause), PlatformImage(COREDNS, coredns)]


def _oci_layout(reference: str, name: str, program: bytes) -> Mapping[str, bytes]:
    """Image-spec 1.1, image-layout.md."""
    layer = _layer(name, program)
    config = _config(name, layer)
    manifest = _json(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": _descriptor(CONFIG, config),
            "layers": [_descriptor(LAYER, layer)],
        }
    )
    names = {
        "io.containerd.image.name": reference,
        "org.opencontainers.image.ref.name": reference.rpartition(":")[2],
    }
    entry = {**_descriptor(MANIFEST, manifest), "annotations": names}
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry]}
    return {
        "oci-layout": _json({"imageLayoutVersion": "1.0.0"}),
        "index.json": _json(index),
        **{f"blobs/sha256/{_hex(blob)}": blob for blob in (config, layer, manifest)},
    }


def _docker_save(reference: str, name: str, program: bytes) -> Mapping[str, bytes]:
    """What `docker save` of an engine before 25 writes: manifest.json names config and layers."""
    layer = _layer(name, program)
    config = _config(name, layer)
    described = {
        "Config": f"{_hex(config)}.json",
        "RepoTags": [reference],
        "Layers": [f"{_hex(layer)}/layer.tar"],
    }
    return {
        f"{_hex(layer)}/layer.tar": layer,
        f"{_hex(config)}.json": config,
        "manifest.json": _json([described]),
    }


def _layer(name: str, program: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        archive.addfile(_entry(name, len(program), 0o755), io.BytesIO(program))
    return buffer.getvalue()


def _config(name: str, layer: bytes) -> bytes:
    architecture = ARCHITECTURES.get(os.uname().machine, os.uname().machine)
    return _json(
        {
            "architecture": architecture,
            "os": "linux",
            "created": "1970-01-01T00:00:00Z",
            "config": {"Entrypoint": [f"/{name}"], "Env": ["PATH=/"], "WorkingDir": "/"},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{_hex(layer)}"]},
            "history": [{"created": "1970-01-01T00:00:00Z", "created_by": name}],
        }
    )


def _descriptor(media_type: str, blob: bytes) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": f"sha256:{_hex(blob)}", "size": len(blob)}


def _write(path: Path, files: Mapping[str, bytes]) -> None:
    making = path.with_name(f".{path.name}.{os.getpid()}")
    with tarfile.open(making, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, data in files.items():
            archive.addfile(_entry(name, len(data), 0o644), io.BytesIO(data))
    making.replace(path)


def _entry(name: str, size: int, mode: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = size, mode
    entry.uname = entry.gname = "root"
    return entry


def _json(document: object) -> bytes:
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


def _hex(blob: bytes) -> str:
    return hashlib.sha256(blob).hexdigest()
