"""A site that packs: a recipe of one image of 24 MiB, keys, and `champ` as a user runs it."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from champ_offline.oci import media_types
from champ_offline.oci.descriptor import Descriptor
from champ_offline.oci.digest import Digest
from champ_offline.oci.manifest import image_index, image_manifest
from tests.architecture.source import ROOT
from tests.cli import loaded

MIB = 1024**2
LAYERS = 24
VOLUME = "4M"
TOLD = ("--json", "--progress", "ndjson")
RECIPE = """\
format: 1
name: demo
version: "1"
zones: [core]
images:
  - name: champ.local/demo:1
    archive: {path: layout}
"""


@dataclass(frozen=True)
class Said:
    """How a command ended: its exit code, its result, and the error it told."""

    code: int
    result: Any
    error: dict[str, Any]

    @property
    def fields(self) -> dict[str, str]:
        """The fields of the error."""
        return dict(self.error.get("fields", {}))


class Site:
    """Runs `champ` as a user would, over one recipe and its keys."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.keys, self.recipe = folder / "keys", folder / "bundle.yaml"
        self.recipe.write_text(RECIPE, encoding="utf-8")
        write_layout(folder / "layout")

    def start(self, *words: str | Path) -> subprocess.Popen[str]:
        """Begin a command, its progress as lines of JSON on standard error."""
        return subprocess.Popen(
            [sys.executable, "-m", "installer", *map(str, words), *TOLD],
            cwd=ROOT, env=self._environment(),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def run(self, *words: str | Path) -> Said:
        """Run a command to its end, from a process that has the library loaded."""
        done = loaded.run([*map(str, words), *TOLD], ROOT, self._environment())
        return said(done.returncode, done.stdout, done.stderr)

    def does(self, *words: str | Path) -> Any:
        """The result of a command that succeeds."""
        said = self.run(*words)
        assert said.code == 0, said.error
        return said.result

    def pack(self, out: Path, *words: str) -> Said:
        """Pack into a folder."""
        return self.run(*self._packing(out), *words)

    def start_pack(self, out: Path, *words: str) -> subprocess.Popen[str]:
        """Begin to pack into a folder."""
        return self.start(*self._packing(out), *words)

    def zone(self, folder: Path) -> Path:
        """A new zone."""
        root = self.keys / "root.json"
        self.does("--zone", folder, "zone", "init", "--name", "core", "--root", root)
        return folder

    def take(self, zone: Path, *media: Path) -> Said:
        """Import into a zone."""
        return self.run("--zone", zone, "import", *media)

    def _packing(self, out: Path) -> Sequence[str | Path]:
        return ("pack", self.recipe, "--signing", self.keys, "--out", out, "--no-sbom",
                "--volume-size", VOLUME)  # fmt: skip

    def _environment(self) -> dict[str, str]:
        unset = {"LANG", "LC_ALL", "LC_MESSAGES", "CHAMP_LANG", "CHAMP_ZONE", "LANGUAGE"}
        kept = {name: value for name, value in os.environ.items() if name not in unset}
        return {**kept, "XDG_CACHE_HOME": str(self.folder / "cache")}


def ended(process: subprocess.Popen[str], told: str = "") -> Said:
    """Wait for a command; `told` is what was read of its standard error already."""
    out, rest = process.communicate(timeout=120)
    return said(process.returncode, out, told + rest)


def said(code: int, out: str, told: str) -> Said:
    """What a command that ended had said on its two streams."""
    lines = [json.loads(line) for line in told.splitlines() if line.startswith("{")]
    errors = [line for line in lines if line["event"] == "Error"]
    assert "Traceback" not in told
    assert code != 1, told
    result = json.loads(out) if out else None
    return Said(code, result, errors[-1] if errors else {})


def write_layout(folder: Path) -> None:
    """An OCI image layout with one image of random layers, a MiB each."""
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    noise = random.Random(5)

    def put(data: bytes, media_type: str) -> Descriptor:
        digest = Digest.of(data)
        (blobs / digest.hex).write_bytes(data)
        return Descriptor(media_type, digest, len(data))

    config = put(b'{"architecture":"amd64","os":"linux"}', media_types.IMAGE_CONFIG)
    layers = [put(noise.randbytes(MIB), media_types.LAYER_TAR) for _ in range(LAYERS)]
    manifest = put(image_manifest(config, layers), media_types.IMAGE_MANIFEST)
    (folder / "index.json").write_bytes(image_index([manifest.named("demo:1")]))
    (folder / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}', encoding="utf-8")
