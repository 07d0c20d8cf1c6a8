"""The templates of the simulated Helm: charts in memory, expanded as far as the tests' charts need.

It knows `.Values.x`, `.Release.Name`, `.Files.Get "x"`, quoted text and `fail "x"`.
"""

from __future__ import annotations

import gzip
import io
import json
import re
import tarfile
from typing import Any

import jsonschema

from champ_offline.errors import Quoted
from champ_offline.helm import manifests
from champ_offline.helm.engine import Document, Release, Rendered, Values
from champ_offline.helm.faults import ChartInvalid, RenderFailed, ValuesRefused

_ACTION = re.compile(r'\{\{ ("[^"]*"|[^"}]+(?:"[^"]*")?) ?\}\}')


def files_of(chart: bytes, release: str) -> dict[str, str]:
    """The files of a chart archive by name; raises ChartInvalid."""
    try:
        with tarfile.open(fileobj=io.BytesIO(gzip.decompress(chart))) as archive:
            members = [(one, archive.extractfile(one)) for one in archive]
            return {
                one.name.partition("/")[2]: file.read().decode() for one, file in members if file
            }
    except (OSError, tarfile.TarError, EOFError) as error:
        raise ChartInvalid(release=release, reason=Quoted(str(error))) from error


def composed(files: dict[str, str], release: str, values: Values) -> dict[str, Any]:
    """The values with the chart\'s own below them; raises ValuesRefused."""
    defaults = manifests.read(files.get("values.yaml", "{}"), "values.yaml") or {}
    composed = {**defaults, **values}
    if "values.schema.json" in files:
        try:
            jsonschema.validate(composed, json.loads(files["values.schema.json"]))
        except jsonschema.ValidationError as error:
            raise ValuesRefused(release=release, reason=Quoted(error.message)) from error
    return composed


def expand(files: dict[str, str], release: str, values: dict[str, Any]) -> Rendered:
    """Every template, as Helm sorts them."""
    plain: list[Document] = []
    hooks: list[Document] = []
    for name in sorted(files):
        if not name.startswith("templates/") or name.endswith("NOTES.txt"):
            continue
        for text in manifests.split(_text(files[name], files, release, values)):
            source = f"sample/{name}"
            hook = manifests.is_hook(manifests.load(text, source))
            (hooks if hook else plain).append(Document(source, text))
    definitions = [
        Document(name, text)
        for name in sorted(files)
        if name.startswith("crds/")
        for text in manifests.split(files[name])
    ]
    notes = _text(files.get("templates/NOTES.txt", ""), files, release, values)
    return Rendered(tuple(plain), tuple(hooks), tuple(definitions), notes)


def _text(template: str, files: dict[str, str], release: str, values: dict[str, Any]) -> str:
    def value(match: re.Match[str]) -> str:
        word = match[1].strip()
        if word.startswith(".Values."):
            return str(values.get(word.removeprefix(".Values."), ""))
        if word.startswith(".Files.Get "):
            return files.get(json.loads(word.removeprefix(".Files.Get ")), "")
        if word.startswith("fail "):
            reason = json.loads(word.removeprefix("fail "))
            raise RenderFailed(release=release, reason=reason)
        return release if word == ".Release.Name" else str(json.loads(word))

    return _ACTION.sub(value, template)


def recorded(
    chart: bytes, release: str, namespace: str, rendered: Rendered, status: str
) -> Release:
    """What Helm keeps of it."""
    about = manifests.read(files_of(chart, release)["Chart.yaml"], "Chart.yaml")
    manifest = "".join(
        f"---\n# Source: {document.source}\n{document.text}\n" for document in rendered.manifests
    )
    return Release(
        name=release,
        namespace=namespace,
        revision=0,
        status=status,
        chart=about["name"],
        chart_version=about["version"],
        app_version=about["appVersion"],
        manifest=manifest,
    )
