"""Root folders of hosts with nothing on them: a Debian of some release, or busybox alone.

Invariant: made from signed packages by the project's own image builder; no maintainer script runs,
and nothing of this machine is in them. The packages are kept in the user's cache.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import yaml

from champ_offline.bundle import debian
from champ_offline.events import ignore
from champ_offline.oci.digest import Digest
from champ_offline.store.blobs import BlobStore
from tests.lab import build
from tests.lab.commands import call

# What every host has (and nothing that Debian's packages of these would pull in besides).
TOOLS = ("coreutils", "dash", "findutils", "gzip", "sed", "tar")
PROVIDED = ("debconf", "debconf-2.0", "debianutils", "dpkg", "perl-base", "install-info")
MERGED = ("bin", "lib", "lib64", "sbin")
BUSYBOX = "/usr/bin/busybox"
APPLETS = (
    "cat", "chmod", "cp", "dd", "df", "find", "gzip", "id", "ln", "ls", "mkdir", "mv", "readlink",
    "rm", "rmdir", "sed", "sh", "sha256sum", "sleep", "sync", "tar", "touch", "uname", "wc",
)  # fmt: skip


def debian_root(suite: str, folder: Path) -> Path:
    """A root with the shell and the small tools of a Debian release, without Python."""
    return _root(
        folder, suite, {"packages": [*TOOLS, "base-files"], "provided": [*PROVIDED]}, "dash"
    )


def busybox_root(folder: Path) -> Path:
    """A root with one static program and no C library at all."""
    applets = {"of": BUSYBOX.lstrip("/"), "names": [*APPLETS]}
    layer = {"packages": ["busybox-static"], "provided": ["libc6"], "applets": applets}
    return _root(folder, "bookworm", layer, "busybox")


def _root(folder: Path, suite: str, layer: Mapping[str, object], shell: str) -> Path:
    made = folder.with_name(f"{folder.name}.image")
    made.mkdir(parents=True)
    places = ("dev", "home", "media", "opt", "proc", "root", "run", "tmp", "var/tmp")
    described = {
        "format": 1,
        "name": "root",
        "directories": [{"path": one, "mode": "0755"} for one in places],
        "links": [
            *({"path": one, "target": f"usr/{one}"} for one in MERGED),
            *([{"path": "usr/bin/sh", "target": shell}] if shell != "busybox" else []),
        ],
        **layer,
    }
    image = {"format": 1, "suite": suite, "layers": ["layer.yaml"], "config": {"user": "0:0"}}
    (made / "layer.yaml").write_text(yaml.safe_dump(described))
    (made / "image.yaml").write_text(yaml.safe_dump(image))
    cache, blobs = build.cache().parent, BlobStore(made / "blobs")
    lock = debian.resolve(made / "image.yaml", cache, ignore)
    manifest = debian.build(made / "image.yaml", lock, cache, blobs, ignore)
    folder.mkdir()
    for one in json.loads(blobs.read(manifest.digest))["layers"]:
        call("tar", "-xzf", blobs.path(Digest.parse(one["digest"])), "-C", folder)
    for shared in ("tmp", "var/tmp"):
        (folder / shared).chmod(0o1777)
    shutil.rmtree(made)
    return folder
