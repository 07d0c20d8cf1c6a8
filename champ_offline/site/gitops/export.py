"""A whole export as a value, and the way it is put into a folder.

Invariant: equal applications give equal bytes. Every file is in the list of digests, which is put
down last; what an earlier export wrote and this one has not is taken away, and nothing else is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from champ_offline.durable.write import make_directory, write_atomic
from champ_offline.errors import ChampError, ExitCode, system_said
from champ_offline.oci.digest import Digest
from champ_offline.oci.manifest import encode
from champ_offline.site.gitops.application import Application, HookLeftOut, SecretLeftOut, files
from champ_offline.site.gitops.objects import Tool, cluster_files

RECORD, SUMS = "champ-export.json", "SHA256SUMS"
_FORMAT = 1
_LINE = re.compile(r"[0-9a-f]{64}  (clusters/[A-Za-z0-9._/-]+)")
_LARGEST = 16 * 1024 * 1024


class ExportNotWritten(ChampError):
    """The folder for an export cannot be written."""

    id = "gitops.not-written"
    exit_code = ExitCode.PREFLIGHT
    message = "{path} could not be written: {reason}."
    remedy = "Name a folder in which you may write, with room; then export again: it starts anew."


@dataclass(frozen=True)
class Ordered:
    """Before what on another cluster an application must not be applied: no file can say so."""

    cluster: str
    name: str
    after: tuple[str, ...]


@dataclass(frozen=True)
class Export:
    """All files by their paths in the folder, and what a person has to know of them."""

    files: Mapping[str, bytes] = field(repr=False)
    applications: int
    secrets: tuple[SecretLeftOut, ...]
    hooks: tuple[HookLeftOut, ...]
    ordered: tuple[Ordered, ...]

    @property
    def digest(self) -> Digest:
        """That of the list of digests, which stands for every file."""
        return Digest.of(self.files[SUMS])


def export(
    tool: Tool, source: str, zone: str, plan: Digest, applications: Sequence[Application]
) -> Export:
    """The files for that tool; `source` is what its objects name as where these files are.

    `plan` is the digest of the plan as approved. Raises SecretInManifest.
    """
    every = sorted(applications, key=lambda one: (one.cluster, one.name))
    made = [(one, files(one, apart=tool is Tool.FLUX)) for one in every]
    found = {path: data for _, of in made for path, data in of.files.items()}
    for cluster in sorted({one.cluster for one in every}):
        found |= cluster_files(
            tool, cluster, source, [pair for pair in made if pair[0].cluster == cluster]
        )
    secrets = tuple(secret for _, of in made for secret in of.secrets)
    hooks = tuple(hook for _, of in made for hook in of.hooks)
    ordered = tuple(Ordered(one.cluster, one.name, one.elsewhere) for one in every if one.elsewhere)
    found[RECORD] = encode(
        {
            "format": _FORMAT,
            "kind": "gitops-export",
            "tool": tool.value,
            "zone": zone,
            "plan": str(plan),
            "applications": [_recorded(one) for one in every],
            "secrets": [{**vars(one), "keys": list(one.keys)} for one in secrets],
            "hooks": [vars(one) for one in hooks],
        }
    )
    sums = (f"{Digest.of(found[path]).hex}  {path}\n" for path in sorted(found))
    found[SUMS] = "".join(sums).encode()
    return Export(found, len(every), secrets, hooks, ordered)


def write(made: Export, folder: Path) -> None:
    """Put the export into the folder, over an earlier one; raises ExportNotWritten."""
    try:
        make_directory(folder)
        former = _former(folder / SUMS)
        for path, data in made.files.items():
            if path != SUMS:
                make_directory((folder / path).parent)
                write_atomic(folder / path, data)
        for path in sorted(former - made.files.keys()):
            (folder / path).unlink(missing_ok=True)
        write_atomic(folder / SUMS, made.files[SUMS])
    except OSError as error:
        raise ExportNotWritten(path=error.filename or folder, reason=system_said(error)) from error


def _former(sums: Path) -> set[str]:
    """The paths below `clusters` that an earlier export wrote; none is above the folder."""
    try:
        with sums.open("rb") as file:
            text = file.read(_LARGEST).decode(errors="replace")
    except FileNotFoundError:
        return set()
    paths = {found[1] for line in text.splitlines() if (found := _LINE.fullmatch(line))}
    return {path for path in paths if ".." not in path.split("/")}


def _recorded(one: Application) -> dict[str, object]:
    return {
        "cluster": one.cluster,
        "namespace": one.namespace,
        "release": one.release,
        "app": one.app,
        "version": one.version,
        "plan": str(one.plan),
        "sealed": str(one.sealed),
        "folder": one.folder,
        "wave": one.wave,
        "needs": list(one.needs),
        "elsewhere": list(one.elsewhere),
    }
