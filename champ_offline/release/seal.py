"""The sealed chart: exactly the rendered objects, as a chart that expands nothing (FORMAT.md).

Invariant: equal contents give equal bytes, and sealing what a sealed chart renders gives that chart
again; so its digest stands for all that Helm will apply.
"""

from __future__ import annotations

import base64
import gzip
import io
import json
import tarfile
from collections.abc import Mapping
from typing import Any

from champ_offline.errors import ChampError, ExitCode, Phrase, Quoted
from champ_offline.helm import manifests
from champ_offline.helm.engine import Document, Rendered
from champ_offline.helm.faults import ChartInvalid

# A Secret's limit in Kubernetes (core/v1 MaxSecretSize); Helm keeps a revision in one Secret.
RECORD_LIMIT = 1024 * 1024
# What the estimate may lack; seen: some hundred bytes, for records of 3 KB as of 670 KB.
_MARGIN = 16 * 1024
_LARGEST_CHART = 64 * 1024 * 1024
_KEPT = ("values.yaml", "values.schema.json")
_SALT = "rendered/SALT"


class RecordTooLarge(ChampError):
    """Helm could not record the release: its record has to fit into one Secret."""

    id = "release.record-too-large"
    exit_code = ExitCode.PREFLIGHT
    message = "Release {release} would need a record of {size} bytes; Helm can keep {limit}."
    remedy = "Split the chart's large ConfigMaps off, or deliver them as an image."


def seal(chart: bytes, rendered: Rendered, salt: str) -> bytes:
    """The sealed chart's archive (.tgz) made from the source `chart` and what it rendered.

    `salt` keeps a digest that may be shown from giving away short secrets; raises ChartInvalid.
    """
    name, files = _top_files(chart)
    sealed = {"Chart.yaml": _metadata(files), _SALT: salt.encode()}
    sealed |= {path: files[path] for path in _KEPT if path in files}
    for number, document in enumerate(rendered.manifests + rendered.hooks):
        path = f"rendered/{number:04}.yaml"
        sealed[path] = document.text.encode()
        sealed[f"templates/{number:04}.yaml"] = _include(path)
    for number, document in enumerate(rendered.crds):
        sealed[f"crds/{number:04}.yaml"] = document.text.encode()
    if rendered.notes:
        sealed["rendered/NOTES.txt"] = rendered.notes.encode()
        sealed["templates/NOTES.txt"] = _include("rendered/NOTES.txt")
    return _archive({f"{name}/{path}": data for path, data in sealed.items()})


def sealed_manifests(sealed: bytes) -> tuple[str, ...]:
    """The texts of the objects that a sealed chart makes part of the release: no hooks, no CRDs."""
    return tuple(document.text for document in opened(sealed).manifests)


def opened(sealed: bytes) -> Rendered:
    """The objects in a sealed chart, as `seal` was given them, without asking Helm.

    Raises ChartInvalid, NotAnObject.
    """
    _, files = _top_files(sealed)
    plain: list[Document] = []
    hooks: list[Document] = []
    for path in sorted(files):
        if path.startswith("rendered/") and path.endswith(".yaml"):
            text = files[path].decode()
            is_hook = manifests.is_hook(manifests.load(text, path))
            (hooks if is_hook else plain).append(Document(path, text))
    crds = [path for path in sorted(files) if path.startswith("crds/")]
    return Rendered(
        manifests=tuple(plain),
        hooks=tuple(hooks),
        crds=tuple(Document(path, files[path].decode()) for path in crds),
        notes=files.get("rendered/NOTES.txt", b"").decode(),
    )


def record_size(sealed: bytes, rendered: Rendered, values: Mapping[str, Any]) -> int:
    """About how many bytes Helm's record of the release will have (gzip, then base64)."""
    _, files = _top_files(sealed)
    stored = {path: base64.b64encode(data).decode() for path, data in files.items()}
    hooks = [document.text for document in rendered.hooks]
    manifest = [document.text for document in rendered.manifests]
    document = {"chart": stored, "config": dict(values), "manifest": manifest, "hooks": hooks}
    packed = gzip.compress(json.dumps(document).encode(), compresslevel=9, mtime=0)
    return len(base64.b64encode(packed))


def check_record(release: str, sealed: bytes, rendered: Rendered, values: Mapping[str, Any]) -> int:
    """The record's size; raises RecordTooLarge when Helm could not keep the release."""
    size = record_size(sealed, rendered, values)
    if size > RECORD_LIMIT - _MARGIN:
        raise RecordTooLarge(release=release, size=size, limit=RECORD_LIMIT)
    return size


def _include(path: str) -> bytes:
    return f'{{{{ .Files.Get "{path}" }}}}'.encode()


def _metadata(files: Mapping[str, bytes]) -> bytes:
    """Chart.yaml without its dependencies: what they rendered is in the sealed chart already."""
    data = files["Chart.yaml"]
    document = manifests.read(data.decode(errors="replace"), "Chart.yaml")
    if not isinstance(document, dict):
        raise ChartInvalid(release="", reason=Phrase("Chart.yaml is not a table"))
    if "dependencies" not in document:
        return data
    return manifests.dump({k: v for k, v in document.items() if k != "dependencies"}).encode()


def _top_files(chart: bytes) -> tuple[str, dict[str, bytes]]:
    """The chart's name for its folder, and every file of the chart itself (not of subcharts)."""
    files: dict[str, bytes] = {}
    name = ""
    try:
        with tarfile.open(fileobj=io.BytesIO(chart), mode="r:gz") as archive:
            left = _LARGEST_CHART
            for member in archive:
                folder, _, path = member.name.removeprefix("./").partition("/")
                left -= member.size
                if left < 0:
                    raise ChartInvalid(
                        release=name, reason=Phrase("it unpacks to more than 64 MiB")
                    )
                if member.isfile() and path and not path.startswith("charts/"):
                    name = name or folder
                    files[path] = archive.extractfile(member).read()  # type: ignore[union-attr]
    except (tarfile.TarError, OSError, EOFError) as error:
        raise ChartInvalid(release=name, reason=Quoted(error)) from error
    if "Chart.yaml" not in files:
        raise ChartInvalid(release=name, reason=Phrase("it has no Chart.yaml"))
    return name, files


def _archive(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    # Helm reads Chart.yaml wherever it is; sorted names and no times make the bytes repeatable.
    with tarfile.TarFile(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for path in sorted(files):
            member = tarfile.TarInfo(path)
            member.size, member.mode = len(files[path]), 0o644
            archive.addfile(member, io.BytesIO(files[path]))
    return gzip.compress(buffer.getvalue(), compresslevel=9, mtime=0)
