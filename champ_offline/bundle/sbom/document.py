"""The CycloneDX document of an image: brought into the one form that is packed, and read.

Invariant: pure; the same packages of the same image, found by the same generator, give the same
bytes on every machine: nothing of the time, of the host or of chance is left in the document.
Specification: CycloneDX 1.6 (ECMA-424).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote
from uuid import NAMESPACE_URL, uuid5

from champ_offline.errors import ChampError, ExitCode, Phrase
from champ_offline.oci.digest import Digest
from champ_offline.oci.manifest import encode
from champ_offline.oci.strict_json import NotStrict, bounded, parse

# The version of CycloneDX that is packed.
SPECIFICATION = "1.6"
# Bytes of a packed document; 2 MB are a large image with several thousand packages.
LIMIT = 32 * 1024 * 1024
_LONGEST = 1000
_LONGEST_LICENCE = 200
_KEPT = ("bom-ref", "type", "group", "name", "version", "purl", "cpe")
# What lies in an image as it was built; files alone are no packages.
_LEFT_OUT = frozenset({"file"})
_NO_PACKAGES = _LEFT_OUT | {"operating-system"}
_TYPE = "syft:package:type"
_PATH = re.compile(r"syft:location:[0-9]+:path")
_PURL = re.compile(r"pkg:([a-zA-Z][a-zA-Z0-9.+-]*)/")
_UPSTREAM = re.compile(r"[?&]upstream=([^&#]+)")


class SbomMalformed(ChampError):
    """A software bill of materials is not CycloneDX JSON."""

    id = "sbom.malformed"
    exit_code = ExitCode.CORRUPT
    message = "The list of packages of {image} cannot be read: {reason}."
    remedy = "Ask whoever packed the bundle to pack it again."


@dataclass(frozen=True)
class Component:
    """A package in an image; `paths` say where its evidence lies in there.

    `kind` is the type of its package URL ("deb", "pypi", "npm", "golang", "maven"); `purl` and
    `version` are empty where none is known. `name` holds the group where there is one, as its users
    write it: "org.apache.logging.log4j:log4j-core". `source` is what a Debian package was built
    from, which is what advisories name: "openssl" for libssl3.
    """

    name: str
    source: str
    version: str
    kind: str
    purl: str
    licences: tuple[str, ...]
    paths: tuple[str, ...]


def canonical(raw: bytes, image: Digest) -> bytes:
    """The generator's document in the form that is packed, said of the manifest `image`.

    Only packages and the operating system stay, with identity, licences, hashes and the paths where
    they were found. Raises SbomMalformed.
    """
    document = _object(raw, str(image), parse)
    tool = _tool(document)
    if not tool:
        raise SbomMalformed(image=image, reason=Phrase("it does not say which tool made it"))
    maker = f"{tool['name']} {tool['version']}"
    found = [_component(one) for one in _list(document, "components", str(image))]
    components = [one for one in found if one["type"] not in _LEFT_OUT]
    kept = {one["bom-ref"] for one in components if "bom-ref" in one}
    return encode(
        {
            "$schema": f"http://cyclonedx.org/schema/bom-{SPECIFICATION}.schema.json",
            "bomFormat": "CycloneDX",
            "specVersion": SPECIFICATION,
            "serialNumber": f"urn:uuid:{uuid5(NAMESPACE_URL, f'{image} {maker}')}",
            "version": 1,
            "metadata": {
                "tools": {"components": [tool]},
                "component": {
                    "bom-ref": str(image),
                    "type": "container",
                    "name": str(image),
                    "version": str(image),
                },
            },
            "components": _ordered(components),
            "dependencies": _ordered(_dependencies(document, kept, str(image))),
        }
    )


def components(data: bytes, image: str, text: str = "") -> tuple[Component, ...]:
    """The packages that a document lists with `text` in their name or source, in any case.

    `image` names the document in errors. Raises SbomMalformed.
    """
    wanted = text.lower()
    return tuple(
        component
        for one in _list(_object(data, image), "components", image)
        if _text(one.get("type")) not in _NO_PACKAGES
        if (component := _read(one, image, wanted)) is not None
    )


def generator(data: bytes, image: str) -> str:
    """The version of the tool that made a document, empty where it names none.

    Raises SbomMalformed.
    """
    return _tool(_object(data, image)).get("version", "")


def _read(document: Mapping[str, Any], image: str, wanted: str) -> Component | None:
    """The package, or None where it is not wanted: the rest of most packages is never looked at."""
    bare, purl = _text(document.get("name")), _text(document.get("purl"))
    if not bare:
        raise SbomMalformed(image=image, reason=Phrase("a component has no name"))
    found = _PURL.match(purl)
    kind = found[1].lower() if found else ""
    name, source = _joined(_text(document.get("group")), bare, kind), _source(purl)
    if wanted not in name.lower() and wanted not in source.lower():
        return None
    properties = _objects(document.get("properties"))
    return Component(
        name=name,
        source=source,
        version=_text(document.get("version")),
        kind=kind or _kind(document, properties),
        purl=purl,
        licences=tuple(filter(None, map(_licence_text, _objects(document.get("licenses"))))),
        paths=tuple(
            _text(one.get("value")) for one in properties if _PATH.fullmatch(_text(one.get("name")))
        ),
    )


def _kind(document: Mapping[str, Any], properties: list[dict[str, Any]]) -> str:
    """Where no package URL could be made: the generator's own word, else the component's type."""
    said = [_text(one.get("value")) for one in properties if one.get("name") == _TYPE]
    return next(iter(said), "") or _text(document.get("type"))


def _source(purl: str) -> str:
    """The name in the qualifier `upstream` (package-url, "PURL-TYPES", deb): `glibc@2.36`."""
    found = _UPSTREAM.search(purl)
    return unquote(found[1]).partition("@")[0] if found else ""


def _joined(group: str, name: str, kind: str) -> str:
    """Group and name as Maven and npm write them."""
    if not group:
        return name
    return f"{group}:{name}" if kind == "maven" else f"{group}/{name}"


def _component(document: Mapping[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {
        key: document[key] for key in _KEPT if isinstance(document.get(key), str) and document[key]
    }
    if hashes := _objects(document.get("hashes")):
        kept["hashes"] = hashes
    licences = [_licence(one) for one in _objects(document.get("licenses"))]
    if any(licences):
        kept["licenses"] = _ordered(one for one in licences if one)
    properties = [
        {"name": one["name"], "value": one.get("value", "")}
        for one in _objects(document.get("properties"))
        if one.get("name") == _TYPE or _PATH.fullmatch(str(one.get("name")))
    ]
    if properties:
        kept["properties"] = _ordered(properties)
    return {"type": "library", **kept}


def _licence(document: Mapping[str, Any]) -> dict[str, Any]:
    """A licence by identifier, expression or name; some packages give the whole text as a name."""
    expression = document.get("expression")
    if isinstance(expression, str) and len(expression) <= _LONGEST:
        return {"expression": expression}
    text = _licence_text(document)
    if not text:
        return {}
    licence = document.get("license")
    named = isinstance(licence, Mapping) and "id" not in licence
    return {"license": {"name" if named else "id": text}}


def _licence_text(document: Mapping[str, Any]) -> str:
    expression, licence = document.get("expression"), document.get("license")
    if isinstance(expression, str):
        return expression[:_LONGEST]
    found = licence if isinstance(licence, Mapping) else {}
    lines = _text(found.get("id") or found.get("name")).strip().splitlines()
    return lines[0][:_LONGEST_LICENCE] if lines else ""


def _dependencies(
    document: Mapping[str, Any], kept: set[str], image: str
) -> Iterable[dict[str, Any]]:
    for one in _list(document, "dependencies", image):
        depends, reference = one.get("dependsOn"), _text(one.get("ref"))
        named = depends if isinstance(depends, list) else []
        known = sorted(kept.intersection(text for text in named if isinstance(text, str)))
        if reference in kept and known:
            yield {"ref": reference, "dependsOn": known}


def _tool(document: Mapping[str, Any]) -> dict[str, str]:
    """The generator as the document names it; empty where it names none."""
    metadata = document.get("metadata")
    tools = metadata.get("tools") if isinstance(metadata, Mapping) else None
    for tool in _objects(tools.get("components") if isinstance(tools, Mapping) else None):
        name, version = tool.get("name"), tool.get("version")
        if isinstance(name, str) and isinstance(version, str):
            return {"type": "application", "name": name, "version": version}
    return {}


def _ordered(items: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(items, key=encode)


def _object(data: bytes, image: str, load: Callable[[bytes], Any] = bounded) -> dict[str, Any]:
    try:
        document = load(data)
    except NotStrict as error:
        raise SbomMalformed(image=image, reason=error.reason) from error
    if not isinstance(document, dict) or document.get("bomFormat") != "CycloneDX":
        raise SbomMalformed(image=image, reason=Phrase("it is not a CycloneDX document"))
    return document


def _list(document: Mapping[str, Any], key: str, image: str) -> list[dict[str, Any]]:
    found = document.get(key) or []
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise SbomMalformed(image=image, reason=Phrase("“{key}” is not a list of objects", key=key))
    return found


def _objects(found: object) -> list[dict[str, Any]]:
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _text(found: object) -> str:
    """A text of bounded length that can be written; JSON may hold halves of characters."""
    text = found[:_LONGEST] if isinstance(found, str) else ""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
