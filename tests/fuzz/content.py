"""What manifests lead to: bills of materials."""

from __future__ import annotations

from champ_offline.bundle.sbom.document import canonical, components, generator
from champ_offline.bundle.sbom.versions import Constraint
from champ_offline.oci.digest import Digest
from champ_offline.oci.manifest import encode
from tests.fuzz.mutation import json_mutator
from tests.fuzz.target import Target

_IMAGE = Digest("0" * 64)
_WANTED = Constraint.parse(">=1.0~rc1,<2:3.0-1")


def read_sbom(data: bytes) -> None:
    for component in components(data, str(_IMAGE)):
        _WANTED.admits(component.version, component.kind)
        encode({"name": component.name, "paths": list(component.paths)})
    generator(data, str(_IMAGE))
    packed = canonical(data, _IMAGE)
    # What was packed can be read, and packed again.
    canonical(packed, _IMAGE)
    components(packed, str(_IMAGE))


def _seeds() -> dict[str, bytes]:
    component = {
        "bom-ref": "a", "type": "library", "group": "org.a", "name": "b", "version": "1:2.0~rc1-1",
        "purl": "pkg:deb/debian/b@2.0?upstream=c%402", "cpe": "cpe:2.3:a:b", "hashes": [],
        "licenses": [
            {"license": {"id": "MIT"}}, {"expression": "MIT OR X"}, {"license": {"name": "y"}},
        ],
        "properties": [
            {"name": "syft:location:0:path", "value": "/x"},
            {"name": "syft:package:type", "value": "deb"},
        ],
    }  # fmt: skip
    tool = {"type": "application", "name": "syft", "version": "1.0"}
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "metadata": {"tools": {"components": [tool]}},
        "components": [component, {"bom-ref": "d", "type": "file", "name": "d"}],
        "dependencies": [{"ref": "a", "dependsOn": ["a", "d"]}],
    }
    return {"one": encode(document)}


TARGETS = (Target("sbom", read_sbom, _seeds, json_mutator()),)
